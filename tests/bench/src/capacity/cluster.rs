//! Machines that nobody has measured, and what bounds them: each resource alone, without a simulation.

use super::fit::Costs;
use super::float;
use super::month::ROUND_TRIPS;
use super::setting::Setting;
use super::validate::{BATCH, TOGETHER, WINDOW};

/// A deployment: PostgreSQL and NATS each on a machine of its own, and machines for the processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    /// Processors of PostgreSQL's machine.
    pub(super) postgres: f64,
    /// Processes `credits`, and processors of each one's machine.
    pub(super) credits: usize,
    pub(super) cores: f64,
    /// Processes `scheduler`, on one machine of as many processors.
    pub(super) schedulers: usize,
    /// Runs of a kind at once in a process.
    pub(super) concurrency: u32,
    /// Seconds to another machine and back.
    pub(super) round_trip: f64,
    /// Bytes a second that the log's disk takes.
    pub(super) wal_bytes_per_s: f64,
    /// Bytes that the stream of jobs takes.
    pub(super) stream_bytes: f64,
}

/// Most batches a second that something allows.
pub(super) struct Bound {
    pub(super) what: &'static str,
    /// Credits a second.
    pub(super) credits_per_s: f64,
    pub(super) lever: &'static str,
}

impl Cluster {
    pub(super) fn setting(&self, costs: Costs, shops: Vec<u64>, seed: u64) -> Setting {
        let mut machines = vec![self.postgres, self.cores, self.cores];
        machines.extend(std::iter::repeat_n(self.cores, self.credits));
        Setting {
            shops,
            starts: Vec::new(),
            batch: BATCH,
            window: WINDOW,
            together: TOGETHER,
            machines,
            postgres: 0,
            nats: 1,
            schedulers: vec![2; self.schedulers],
            credits: (3..3 + self.credits).collect(),
            concurrency: self.concurrency,
            costs,
            round_trip: self.round_trip,
            wal_bytes_per_s: self.wal_bytes_per_s,
            stream_bytes_max: self.stream_bytes,
            sweeps: true,
            faults: Vec::new(),
            seed,
        }
    }

    /// What each resource allows if all others were free, for full batches; the least comes first.
    pub(super) fn bounds(&self, costs: &Costs) -> Vec<Bound> {
        let (full, processes) = (float(BATCH), float(self.credits as u64));
        let postgres = costs.batch.of(0.0, 1.0, full);
        let client = costs.credits.of(0.0, 1.0, full);
        let bytes = costs.wal.of(0.0, 1.0, full);
        let places = processes * f64::from(self.concurrency);
        // A place waits for its own part of each, and with all batches of a transaction for its round trips and a flush and a
        // half.
        let together = float(TOGETHER as u64);
        let stay =
            postgres + client + costs.hop + (ROUND_TRIPS * self.round_trip + 1.5 * costs.flush) / together;
        let bound =
            |what, batches_per_s: f64, lever| Bound { what, credits_per_s: batches_per_s * full, lever };
        let mut bounds = vec![
            bound(
                "PostgreSQL's processors",
                self.postgres / postgres,
                "more of them; shops over several databases",
            ),
            bound("PostgreSQL's log on disk", self.wal_bytes_per_s / bytes, "a faster disk"),
            bound(
                "NATS storing messages",
                costs.message_stored.recip(),
                "a faster disk for NATS; larger batches",
            ),
            bound("NATS' processors", self.cores / costs.message, "more of them"),
            bound("processors of credits", processes * self.cores / client, "more processes"),
            bound("places of credits", places / stay, "more processes; TRADEUP_CONCURRENCY"),
        ];
        bounds.sort_by(|a, b| a.credits_per_s.total_cmp(&b.credits_per_s));
        bounds
    }
}
