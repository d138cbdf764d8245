//! Mails over a real mail server: what arrives, and what each way of not arriving is called.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests fail loudly"
)]

mod arrives;
mod hostile;
mod post;
mod refused;
mod secured;
mod unknown;
