//! The offline planner, driven as the engine drives it, and held to the product's own check.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod host;
mod plans;
mod random;
