//! Calls to real servers on loopback that are not the provider: gateways, and what stands where none should be. What the
//! provider does is in the tests of its stand-in.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

mod address;
mod gateways;
mod server;
