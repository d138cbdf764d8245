//! Wallets: daily at 01:00 UTC, ledger and shop are compared. Where Shopify decides what can be spent, the ledger
//! follows it first.

use std::time::Duration;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger;

use super::Declared;

/// A comparison is about now: one that was missed for longer is the next one's.
const MISSED_WINDOW: Duration = Duration::from_secs(24 * 3600);

pub(crate) const SCHEDULE: Declared = Declared {
    row: NewSchedule {
        name: trigger::WALLET_RECONCILIATION_SCHEDULE,
        task: tradeup_proto::job_kind::WALLET_RECONCILIATION.task,
        cron: trigger::WALLET_RECONCILIATION_CRON,
        zone: "UTC",
        missed_policy: "latest",
        missed_window: MISSED_WINDOW,
        overlap_policy: "queue_one",
        spread: Duration::ZERO,
    },
    task: trigger::Scheduled::WalletReconciliation,
};
