//! The client against the stand-in, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests fail loudly")]

mod bulk;
mod calls;
mod faults;
mod listing;
mod lost_answers;
mod process;
mod rate;
mod samples;
mod setting;
mod statuses;
mod tokens;
