//! Trade-ins: members bring goods and get credit or money for them (loyalty reference §1.9).
//!
//! [`TradeInRule`](crate::rules::TradeInRule) says what a shop gives. [`Quote`] is what it comes to for some
//! goods, with all that went into it frozen. [`grade`] compares what came with what was promised. [`next`]
//! says which moves a trade-in may make.

mod grading;
mod quote;
mod state;

pub use grading::{Adjustment, GradeError, Graded, GradedLine, adjustment, grade, regraded};
pub use quote::{Line, QUANTITY_MAX, Quote, QuoteError, QuotedLine};
pub use state::{IllegalMove, Move, State, UnknownMove, UnknownState, allowed, next};

#[cfg(test)]
mod tests;
