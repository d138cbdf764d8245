//! Agents: what they are asked for, what they make of it, and who may see and decide what.

mod api;
mod commands;
mod eval;
mod journal;
mod pages;
pub(crate) mod plan_of;
mod snapshots;
