//! Plans against expiring credit: daily at 10:00 UTC, an hour after members were warned.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger::{self, EXPIRATION_RESCUE};

use super::Declared;

/// What ends within days is looked at again tomorrow.
const MISSED_WINDOW: Duration = Duration::from_secs(12 * 3600);
/// The provider's limits are for all shops together: not all of them ask at once.
const SPREAD: Duration = Duration::from_secs(1800);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: EXPIRATION_RESCUE.schedule,
        task: EXPIRATION_RESCUE.kind.task,
        cron: EXPIRATION_RESCUE.cron,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // A plan is paid for: while the last one is under way there is no need of another.
        overlap_policy: "skip",
        spread: SPREAD,
    },
    task: trigger::Scheduled::ExpirationRescue,
};
