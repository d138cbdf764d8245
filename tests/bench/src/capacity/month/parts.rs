//! What a simulated month is made of.

use crate::capacity::float;
use crate::capacity::setting::Fault;

#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) shop: usize,
    pub(super) credits: u64,
}

#[derive(Clone, Copy)]
pub(super) enum Message {
    Shop(usize),
    Batch(Batch),
}

/// What a machine works on.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Spawn,
    Decide(usize),
    Plan(usize),
    Message,
    Client(usize),
    Execute(usize),
    Sweep { since: f64 },
}

#[derive(Clone, Copy)]
pub(super) enum Commit {
    Spawn,
    Plan(usize),
    Batch(usize),
}

#[derive(Clone, Copy)]
pub(super) enum Timer {
    Due(usize),
    Travelled(usize),
    Again(Batch),
    Sweep,
    Fault(Fault),
    Over(Fault),
}

#[derive(Clone, Copy, Default)]
pub(super) struct Shop {
    pub(super) planned: u64,
    pub(super) released: u32,
    pub(super) left: u64,
}

/// Batches of one shop that share a transaction, and a place.
pub(super) struct Flight {
    pub(super) batches: Vec<Batch>,
    pub(super) process: usize,
    pub(super) state: FlightState,
}

impl Flight {
    /// How many batches, and their credits together.
    pub(super) fn size(&self) -> (f64, f64) {
        let credits: u64 = self.batches.iter().map(|batch| batch.credits).sum();
        (float(self.batches.len() as u64), float(credits))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FlightState {
    Under,
    /// Its process is gone; what it does comes to nothing.
    Lost,
    Landed,
}

/// Where the next event is.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Machine(usize),
    Log,
    Store,
    Timer,
}
