//! How the engine as a whole stands, read from rows and streams by each scheduler. All schedulers tell the same: queries
//! take the largest.

use crate::{Counters, Describe, Gauges, Histograms};

/// When the others were read.
pub static LOOKED_AT: Gauges<0> = Gauges::new(
    "tradeup_engine_looked_timestamp_seconds",
    "When the gauges of this section were read last, as seconds since 1970",
    [],
);
/// Messages that wait in the outbox.
pub static OUTBOX: Gauges<1> = Gauges::new(
    "tradeup_outbox_messages",
    "Messages in the outbox: due (no claim or acknowledgement has come for them in time), later, held (by a pause, breaker, limit or overlap)",
    ["state"],
);
/// How old the oldest is.
pub static OUTBOX_OLDEST: Gauges<0> = Gauges::new(
    "tradeup_outbox_oldest_seconds",
    "For how long the oldest message in the outbox has been due, at least",
    [],
);
/// Runs that have not ended.
pub static UNFINISHED: Gauges<1> =
    Gauges::new("tradeup_runs_unfinished", "Runs that have not ended, by state", ["state"]);
/// Dead letters that nobody has dealt with.
pub static DEAD_OPEN: Gauges<0> =
    Gauges::new("tradeup_dead_letters_open", "Dead letters that were neither replayed nor discarded", []);
/// Schedules that are late.
pub static SCHEDULES_LATE: Gauges<0> = Gauges::new(
    "tradeup_schedules_late_seconds",
    "For how long the most overdue schedule that is not paused has been due",
    [],
);
/// Breakers that are open.
pub static BREAKERS_OPEN: Gauges<1> = Gauges::new(
    "tradeup_breakers_open",
    "Breakers that are open, by what failed: one a shop, or one for all",
    ["dependency"],
);
/// Alerts of the console that are open.
pub static ALERTS_OPEN: Gauges<1> =
    Gauges::new("tradeup_alerts_open", "Alerts of the console that are open, by rule", ["rule"]);
/// What is left for models today.
pub static MODEL_BUDGET: Gauges<0> = Gauges::new(
    "tradeup_model_budget_used_ratio",
    "How much all shops together have used of the budget for models of this day, 1 being all",
    [],
);
/// WAL that is not archived.
pub static ARCHIVE_LATE: Gauges<0> = Gauges::new(
    "tradeup_wal_archive_late_seconds",
    "For how long WAL of PostgreSQL should have been archived and was not: what could be lost with its disk; 0 where nothing is archived",
    [],
);
/// What customers ask for by law.
pub static PRIVACY_DUE: Gauges<0> = Gauges::new(
    "tradeup_privacy_due_timestamp_seconds",
    "Until when the first of what customers ask for by law has to be done, as seconds since 1970; not there while nothing is open",
    [],
);
/// Processes that have said lately that they are there.
pub static SERVICES: Gauges<1> = Gauges::new(
    "tradeup_services_seen",
    "Processes of a service that have noted within 35 seconds that they are there",
    ["service"],
);
/// Messages before a consumer.
pub static PENDING: Gauges<2> = Gauges::new(
    "tradeup_consumer_pending_messages",
    "Messages that a consumer has not delivered yet; the task is events for the consumer of events",
    ["stream", "task"],
);
/// Messages in the hands of workers.
pub static IN_HAND: Gauges<2> = Gauges::new(
    "tradeup_consumer_in_hand_messages",
    "Messages that were delivered and not answered for",
    ["stream", "task"],
);
/// How old the oldest message is.
pub static OLDEST_PENDING: Gauges<2> = Gauges::new(
    "tradeup_consumer_oldest_seconds",
    "For how long the oldest message has been in the stream that was not delivered yet",
    ["stream", "task"],
);
/// Size of a stream.
pub static STREAM_BYTES: Gauges<1> =
    Gauges::new("tradeup_stream_bytes", "Size of what a stream holds", ["stream"]);
/// Largest size of a stream.
pub static STREAM_BYTES_MAX: Gauges<1> =
    Gauges::new("tradeup_stream_bytes_max", "Most that a stream takes", ["stream"]);
/// Fires of schedules.
pub static FIRES: Counters<2> = Counters::new(
    "tradeup_schedule_fires_total",
    "Fires of schedules that this scheduler has decided, by decision",
    ["schedule", "decision"],
);
/// What the sweep finds.
pub static SWEPT: Counters<1> = Counters::new(
    "tradeup_swept_total",
    "What this scheduler's sweep has put right: published, requeued, released, settled, cancelled",
    ["what"],
);
/// How long rounds take.
pub static ROUND_SECONDS: Histograms<2> = Histograms::new(
    "tradeup_scheduler_round_duration_seconds",
    "Time of a scheduler's rounds (tick, rearm, wake, sweep, look), by outcome: done, failed",
    ["round", "outcome"],
    Histograms::<2>::QUICK,
);

/// All of them.
pub static ALL: &[&dyn Describe] = &[
    &LOOKED_AT,
    &OUTBOX,
    &OUTBOX_OLDEST,
    &UNFINISHED,
    &DEAD_OPEN,
    &SCHEDULES_LATE,
    &BREAKERS_OPEN,
    &ALERTS_OPEN,
    &MODEL_BUDGET,
    &ARCHIVE_LATE,
    &PRIVACY_DUE,
    &SERVICES,
    &PENDING,
    &IN_HAND,
    &OLDEST_PENDING,
    &STREAM_BYTES,
    &STREAM_BYTES_MAX,
    &FIRES,
    &SWEPT,
    &ROUND_SECONDS,
];
