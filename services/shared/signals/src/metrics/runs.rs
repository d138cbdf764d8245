//! What becomes of runs.

use crate::{Counters, Describe, Gauges, Histograms};

/// Attempts that were begun.
pub static CLAIMED: Counters<1> =
    Counters::new("tradeup_runs_claimed_total", "Attempts that were begun", ["task"]);
/// How attempts ended.
pub static ENDED: Counters<2> = Counters::new(
    "tradeup_attempts_ended_total",
    "Attempts that ended, by outcome: succeeded, waiting (for children), snoozed, retrying, dead, lost (taken over or cancelled), unknown (comes again)",
    ["task", "outcome"],
);
/// Errors that ended attempts.
pub static ERRORS: Counters<2> = Counters::new(
    "tradeup_attempt_errors_total",
    "Attempts that failed, by error code (docs/errors)",
    ["task", "code"],
);
/// How long attempts took.
pub static ATTEMPT_SECONDS: Histograms<1> = Histograms::new(
    "tradeup_attempt_duration_seconds",
    "Time from claim to commit, or to failure",
    ["task"],
    Histograms::<1>::LONG,
);
/// Time before the first attempt.
pub static WAIT_SECONDS: Histograms<1> = Histograms::new(
    "tradeup_run_wait_seconds",
    "Time from when a run was there and due to its first claim, by the database's clock",
    ["task"],
    Histograms::<1>::LONG,
);
/// Attempts at work now.
pub static AT_WORK: Gauges<1> =
    Gauges::new("tradeup_attempts_at_work", "Attempts that this process works on", ["task"]);
/// Work that could not be done.
pub static DEAD: Counters<2> = Counters::new(
    "tradeup_dead_letters_total",
    "Dead letters written, by error code; the task is message or event where no run stands behind it",
    ["task", "code"],
);

/// All of them.
pub static ALL: &[&dyn Describe] =
    &[&CLAIMED, &ENDED, &ERRORS, &ATTEMPT_SECONDS, &WAIT_SECONDS, &AT_WORK, &DEAD];
