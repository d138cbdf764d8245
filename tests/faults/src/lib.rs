//! The fault suite. A round makes a world of its own (PostgreSQL, NATS, shops with members), sets a
//! month going, injects faults of one kind while it runs, heals, waits until every run has ended, and
//! compares the ledger with what a simple model says it has to hold.
//!
//! Everything random follows from the round's seed, which is printed; what the operating system does in
//! between does not.
#![expect(clippy::unwrap_used, reason = "a suite of tests fails loudly")]

mod fleet;
mod round;
mod scenarios;

pub use round::{Report, round};
pub use scenarios::Scenario;
