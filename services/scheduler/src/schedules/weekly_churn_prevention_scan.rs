//! Plans against churn: Mondays at 09:00 UTC.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger::{self, CHURN_SCAN};

use super::Declared;

/// A scan is about now: one that was missed for longer is the next one's.
const MISSED_WINDOW: Duration = Duration::from_secs(6 * 24 * 3600);
/// The provider's limits are for all shops together: not all of them ask at once.
const SPREAD: Duration = Duration::from_secs(1800);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: CHURN_SCAN.schedule,
        task: CHURN_SCAN.kind.task,
        cron: CHURN_SCAN.cron,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // A plan is paid for: while the last one is under way there is no need of another.
        overlap_policy: "skip",
        spread: SPREAD,
    },
    task: trigger::Scheduled::ChurnScan,
};
