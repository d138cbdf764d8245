//! A stand-in for the Messages API: `POST /v1/messages` with and without a stream, token counts, models.
//!
//! It is as strict as the real one, and stricter where that can only help: it knows all that it has answered, and takes
//! nothing back that was changed. What a [`Brain`] thinks of goes over the wire as the real answers do, and whatever can
//! go wrong there can be told to. It counts what would be paid for.

mod answer;
mod brain;
mod cache;
mod compose;
mod control;
mod endpoints;
mod events;
mod fault;
mod ids;
mod ledger;
mod limit;
mod memory;
pub mod planner;
mod profile;
mod refusal;
mod rules;
mod script;
mod server;
mod wire;

pub use brain::{Asked, Brain, Content, Reply, ToolResult};
pub use fault::{Endpoint, Fault, Fits, Place, Point, RetryAfter, Scheduled};
pub use ledger::{End, Entry, Held, Ledger, Refused, Unmatched, Usage};
pub use limit::Limits;
pub use profile::{Family, Profile, profiles};
pub use script::{Script, Step};
pub use server::{Options, Server};
