//! Warnings: daily at 09:00 UTC, of what ends within 7 days from then.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// Whatever ends within 7 days is looked for each day: the latest run makes up for all before it.
const MISSED_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::EXPIRATION_WARNING_SCHEDULE,
        task: tradeup_proto::job_kind::EXPIRATION_WARNING.task,
        cron: trigger::EXPIRATION_WARNING_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // A second one would find everything claimed that the first is still sending.
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::ExpirationWarning,
};
