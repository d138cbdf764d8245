//! Webhooks: every sample's signature and body, and what becomes of damaged ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

mod amounts;
mod bodies;
mod damaged;
mod genuine;
mod samples;
