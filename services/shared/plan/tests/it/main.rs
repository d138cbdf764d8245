//! Plans from the outside: what stands, what is refused and in which words, and how a settled one reads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod calculations;
mod findings;
mod forms;
mod kpis;
mod offers;
mod prose;
mod random;
mod score;
mod settled;
mod shop;
mod written;
