//! What goes through the stream.

use crate::{Counters, Describe, Gauges, Histograms};

/// Deliveries of jobs.
pub static DELIVERIES: Counters<2> = Counters::new(
    "tradeup_deliveries_total",
    "Deliveries of jobs, by what they led to: claimed, settled (had ended), held (parked in the outbox), busy (comes again), exhausted, unknown and undecodable (set aside), failed (the database could not be asked)",
    ["task", "answer"],
);
/// Deliveries that were not the first.
pub static REDELIVERED: Counters<1> =
    Counters::new("tradeup_redeliveries_total", "Deliveries of a job that were not its first", ["task"]);
/// Events taken.
pub static EVENTS: Counters<1> = Counters::new(
    "tradeup_events_taken_total",
    "Events from the stream, by outcome: recorded, set_aside (dead letter), again (comes again)",
    ["outcome"],
);
/// How long the stream takes.
pub static PUBLISH_SECONDS: Histograms<1> = Histograms::new(
    "tradeup_publish_duration_seconds",
    "Time until JetStream has answered for a message: stored, duplicate, failed",
    ["outcome"],
    Histograms::<1>::QUICK,
);
/// Whether NATS is there.
pub static CONNECTED: Gauges<0> =
    Gauges::new("tradeup_nats_connected", "1 while this process is connected to NATS", []);

/// All of them.
pub static ALL: &[&dyn Describe] = &[&DELIVERIES, &REDELIVERED, &EVENTS, &PUBLISH_SECONDS, &CONNECTED];
