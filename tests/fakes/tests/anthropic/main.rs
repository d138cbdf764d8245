//! The stand-in for the Messages API by itself, and the client against it, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

mod client;
mod control;
mod costs;
mod echo;
mod faults;
mod golden;
mod modern;
mod process;
mod rules;
mod setting;
