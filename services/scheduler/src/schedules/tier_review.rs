//! Review of tiers: daily at 02:00 UTC, notices before a tier is lowered, and what has come to its date.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// However long it did not run, one run makes up for it: what is due by then is due.
const MISSED_WINDOW: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::TIER_REVIEW_SCHEDULE,
        task: tradeup_proto::job_kind::TIER_REVIEW.task,
        cron: trigger::TIER_REVIEW_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // Two at once would only wait for one another.
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::TierReview,
};
