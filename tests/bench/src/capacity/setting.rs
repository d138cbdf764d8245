//! What is simulated, and what came of it.

use super::fit::Costs;

/// What goes down, when, and for how many seconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// A process `credits`, by its number.
    Credits { process: usize, at: f64, lasts: f64 },
    /// PostgreSQL: what it has under way goes on afterwards. It has to have a machine of its own.
    Postgres { at: f64, lasts: f64 },
    /// NATS.
    Nats { at: f64, lasts: f64 },
}

/// What is simulated.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// Members of each shop who are credited, in the order in which shops' runs are made.
    pub(super) shops: Vec<u64>,
    /// When each shop's run may start; empty: at once.
    pub(super) starts: Vec<f64>,
    /// Members of a batch, and batches of a shop in the stream.
    pub(super) batch: u64,
    pub(super) window: u32,
    /// Most batches of a shop that share a transaction and a place.
    pub(super) together: usize,
    /// Processors of each machine; on which of them PostgreSQL, NATS and each process is.
    pub(super) machines: Vec<f64>,
    pub(super) postgres: usize,
    pub(super) nats: usize,
    pub(super) schedulers: Vec<usize>,
    pub(super) credits: Vec<usize>,
    /// Runs of a kind at once in a process.
    pub(super) concurrency: u32,
    pub(super) costs: Costs,
    /// Seconds to another machine and back; bytes a second that the log's disk takes; bytes that the stream takes.
    pub(super) round_trip: f64,
    pub(super) wal_bytes_per_s: f64,
    pub(super) stream_bytes_max: f64,
    /// Whether what waits is swept.
    pub(super) sweeps: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) seed: u64,
}

/// What came of it. Times are seconds since the trigger.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Until all was done.
    pub(super) seconds: f64,
    /// Each shop's first and last commit.
    pub(super) first: Vec<f64>,
    pub(super) done: Vec<f64>,
    pub(super) credits: u64,
    /// Batches committed, and executions that were begun.
    pub(super) batches: u64,
    pub(super) executed: u64,
    /// Seconds of processors that each machine gave, and that PostgreSQL was asked for.
    pub(super) used: Vec<f64>,
    pub(super) postgres_demand: f64,
    pub(super) flushes: u64,
    pub(super) log_used: f64,
    pub(super) store_used: f64,
    /// Most messages in the stream, and most that waited in the outbox since it was full.
    pub(super) stream_most: usize,
    pub(super) unpublished_most: usize,
    /// Most batches at work at once, and most of a shop that were released.
    pub(super) at_work_most: usize,
    pub(super) released_most: u32,
}
