//! Plans of agents: what a model may hand in, the check that every figure in it comes from a tool, and the settled
//! plan that people read and approve. Pure: no I/O, no clock.
//!
//! A model writes no digits. It cites facts, which the host minted for what tools answered, and calculations, which the
//! host reckons; [`check()`] names whatever can't be traced, for the model to repair, and [`settle`] keeps what stays
//! unproven and marks it, so that [`pieces()`] and [`markdown()`] never show it as proven.

pub mod calculation;
pub mod check;
pub mod document;
pub mod fact;
pub mod finding;
pub mod findings;
pub mod limits;
pub mod markdown;
pub mod pieces;
pub mod plan;
pub mod prose;
mod proto;
pub mod schema;
pub mod score;
pub mod unfinished;

pub use calculation::{Calculated, Op};
pub use check::check;
pub use document::{Calculation, Campaign, CampaignKind, Document, Kpi, Phase};
pub use fact::{Fact, Facts, InvalidFact};
pub use finding::{Code, Finding};
pub use findings::{Findings, Statement, Weight, check_findings};
pub use limits::{Better, KPI_MEASURES, Limits, Measure, SEGMENTS};
pub use markdown::markdown;
pub use pieces::{Piece, pieces};
pub use plan::{Meta, Plan, Proposal, Settlement, Target, settle};
pub use prose::RULES;
pub use schema::{findings_schema, plan_schema};
pub use score::{Score, Truth, score};
pub use unfinished::unfinished;
