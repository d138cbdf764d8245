//! Agents: what they are asked for, what they make of it, and who may see and decide what.

mod api;
mod asking;
mod campaigns;
mod commands;
mod durable;
mod eval;
mod guarded;
mod journal;
mod pages;
pub(crate) mod plan_of;
mod retired;
mod runs;
mod snapshots;
