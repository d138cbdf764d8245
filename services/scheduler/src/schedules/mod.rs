//! The schedules, one file each: what they are and which run a fire creates.

pub(crate) mod monthly_credits;

use chrono::{DateTime, Utc};
use tradeup_store::runs::NewRun;
use tradeup_store::schedules::NewSchedule;

/// A schedule in code: its row, and the run of a fire.
pub(crate) struct Declared {
    /// The row, when it is missing.
    pub(crate) row: NewSchedule,
    /// The run of the fire that was due at the first instant, decided at the second.
    pub(crate) run: fn(DateTime<Utc>, DateTime<Utc>) -> NewRun,
}

/// Every schedule.
pub(crate) const ALL: [Declared; 1] = [monthly_credits::SCHEDULE];
