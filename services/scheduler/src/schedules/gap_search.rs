//! Gaps: daily at 03:00 UTC, shops are asked what has changed.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// A search goes on from where the one before ended: one that was missed for longer is the next one's.
const MISSED_WINDOW: Duration = Duration::from_secs(24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::GAP_SEARCH_SCHEDULE,
        task: tradeup_proto::job_kind::GAP_SEARCH.task,
        cron: trigger::GAP_SEARCH_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::GapSearch,
};
