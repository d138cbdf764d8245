//! Monthly credits: on the 1st at 06:00 UTC, the month that then begins.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// A month that was missed is caught up for five weeks; after that a person decides.
const MISSED_WINDOW: Duration = Duration::from_secs(35 * 24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::MONTHLY_CREDITS_SCHEDULE,
        task: tradeup_proto::job_kind::MONTHLY_CREDITS.task,
        cron: trigger::MONTHLY_CREDITS_CRON,
        zone: "UTC",
        missed_policy: "all",
        missed_window: MISSED_WINDOW,
        // Two months are two sets of keys: they do not get into each other's way.
        overlap_policy: "allow",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::MonthlyCredits,
};
