//! Strategic reviews: on the 1st at 08:00 UTC, when the month's credits are issued.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger::{self, STRATEGIC_REVIEW};

use super::Declared;

/// A review that is two weeks late is of use; later the next one says more.
const MISSED_WINDOW: Duration = Duration::from_secs(14 * 24 * 3600);
/// The provider's limits are for all shops together: not all of them ask at once.
const SPREAD: Duration = Duration::from_secs(1800);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: STRATEGIC_REVIEW.schedule,
        task: STRATEGIC_REVIEW.kind.task,
        cron: STRATEGIC_REVIEW.cron,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // A plan is paid for: while the last one is under way there is no need of another.
        overlap_policy: "skip",
        spread: SPREAD,
    },
    task: trigger::Scheduled::StrategicReview,
};
