//! The money rules on a real database: worked examples, invariants, many connections at once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod adjustments;
mod anything;
mod club;
mod concurrency;
mod expiry;
mod field;
mod grants_together;
mod holds;
mod merges;
mod merges_at_once;
mod monthly;
mod months_together;
mod orders;
mod permutations;
mod spending;
mod tier_reviews;
mod tiers;
