//! Messages to real servers on loopback: what arrives, what each way of not arriving is called, and what is never
//! connected to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod accepted;
mod private;
mod receiver;
mod refused;
mod secured;
mod unanswered;
