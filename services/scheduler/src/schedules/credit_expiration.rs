//! Expiration: daily at 00:00 UTC, what has ended by then. It only books what time has decided already.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// However long it did not run, one run books all of it.
const MISSED_WINDOW: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::CREDIT_EXPIRATION_SCHEDULE,
        task: tradeup_proto::job_kind::CREDIT_EXPIRATION.task,
        cron: trigger::CREDIT_EXPIRATION_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // Two at once would only wait for one another.
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::CreditExpiration,
};
