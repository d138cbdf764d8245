//! Proofs: daily at 04:00 UTC, each shop's ledger, when the runs of the night have moved what they move.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// A proof is about now: one that was missed for longer is the next one's.
const MISSED_WINDOW: Duration = Duration::from_secs(24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::LEDGER_VERIFICATION_SCHEDULE,
        task: tradeup_proto::job_kind::LEDGER_VERIFICATION.task,
        cron: trigger::LEDGER_VERIFICATION_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        // Two at once would read the same rows twice.
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::LedgerVerification,
};
