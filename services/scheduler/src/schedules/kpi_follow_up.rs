//! What plans have brought: daily at 07:00 UTC, for each shop.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// What was missed for longer is the next one's: it looks at all whose time has come.
const MISSED_WINDOW: Duration = Duration::from_secs(24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::KPI_FOLLOW_UP_SCHEDULE,
        task: tradeup_proto::job_kind::KPI_FOLLOW_UP.task,
        cron: trigger::KPI_FOLLOW_UP_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // Two at once would reckon the same twice.
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::KpiFollowUp,
};
