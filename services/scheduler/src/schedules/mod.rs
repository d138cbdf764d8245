//! The schedules, one file each: what they are and which run a fire creates.

pub(crate) mod credit_expiration;
pub(crate) mod daily_expiration_rescue;
pub(crate) mod expiration_warning;
pub(crate) mod gap_search;
pub(crate) mod kpi_follow_up;
pub(crate) mod ledger_verification;
pub(crate) mod monthly_credits;
pub(crate) mod monthly_strategic_review;
pub(crate) mod tier_review;
pub(crate) mod wallet_reconciliation;
pub(crate) mod weekly_churn_prevention_scan;

use tradeup_store::schedules::NewSchedule;
use tradeup_worker::trigger::Scheduled;

/// A schedule in code: its row, and the run of a fire.
pub(crate) struct Declared {
    /// The row, when it is missing.
    pub(crate) row: NewSchedule,
    /// What its fires run, over all tenants that have no schedule of this name of their own, or for one that has.
    pub(crate) task: Scheduled,
}

/// Every schedule.
pub(crate) const ALL: [Declared; 11] = [
    credit_expiration::SCHEDULE,
    daily_expiration_rescue::SCHEDULE,
    expiration_warning::SCHEDULE,
    gap_search::SCHEDULE,
    kpi_follow_up::SCHEDULE,
    ledger_verification::SCHEDULE,
    monthly_credits::SCHEDULE,
    monthly_strategic_review::SCHEDULE,
    tier_review::SCHEDULE,
    wallet_reconciliation::SCHEDULE,
    weekly_churn_prevention_scan::SCHEDULE,
];
