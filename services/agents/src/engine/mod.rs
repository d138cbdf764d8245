//! The engine: what an agent does next is decided by rows alone (`state`), and done (`drive`).

mod act;
mod ask;
mod deeds;
mod drive;
mod repeats;
mod results;
mod state;
mod submit;
mod talk;
#[cfg(test)]
mod world;

pub(crate) use deeds::handed_in;
pub(crate) use drive::{Halt, Means, Run};
pub(crate) use state::{Agent, Ended, Failure};
pub(crate) use submit::{last_readable, read_plan};
