//! The harness keeps its promises: what it is told to break is broken, and nothing else is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod cluster;
mod commit;
mod echo;
mod nats;
mod proxy;
