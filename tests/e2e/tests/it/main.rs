//! End to end: one file for each promise, real processes, real servers.

mod bad_input;
mod broken_tenant;
mod duplicates;
mod import;
mod isolation;
mod kill;
mod ledger_guards;
mod monthly;
mod schedules;
mod servers;
mod undecodable;
mod verify;
