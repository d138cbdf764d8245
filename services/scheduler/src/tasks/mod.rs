//! The tasks of `scheduler`, one file each.

mod credit_expiration;
mod credit_expiration_tenant;
mod daily_expiration_rescue;
mod expiration_warning;
mod expiration_warning_tenant;
mod gap_search;
mod kpi_follow_up;
mod ledger_verification;
mod monthly_credits;
mod monthly_strategic_review;
mod reversal;
mod reversal_tenant;
mod start_campaign;
mod tier_review;
mod tier_review_tenant;
mod wallet_reconciliation;
mod wallet_reconciliation_tenant;
mod weekly_churn_prevention_scan;

use tradeup_worker::planning::Planning;
use tradeup_worker::{ProbeScheduler, Registry, RegistryError};

/// All tasks that this service executes.
pub(crate) fn registry() -> Result<Registry, RegistryError> {
    Registry::new()
        .register(credit_expiration::CreditExpiration)?
        .register_group(Planning(credit_expiration_tenant::CreditExpirationTenant))?
        .register(daily_expiration_rescue::DailyExpirationRescue)?
        .register(expiration_warning::ExpirationWarning)?
        .register_group(Planning(expiration_warning_tenant::ExpirationWarningTenant))?
        .register(gap_search::GapSearch)?
        .register(kpi_follow_up::KpiFollowUp)?
        .register(ledger_verification::LedgerVerification)?
        .register(monthly_credits::MonthlyCredits)?
        .register(monthly_strategic_review::MonthlyStrategicReview)?
        .register(reversal::Reversal)?
        .register_group(Planning(reversal_tenant::ReversalTenant))?
        .register(Planning(start_campaign::StartCampaign))?
        .register(tier_review::TierReview)?
        .register_group(Planning(tier_review_tenant::TierReviewTenant))?
        .register(wallet_reconciliation::WalletReconciliation)?
        .register_group(Planning(wallet_reconciliation_tenant::WalletReconciliationTenant))?
        .register(weekly_churn_prevention_scan::WeeklyChurnPreventionScan)?
        .register(ProbeScheduler)
}
