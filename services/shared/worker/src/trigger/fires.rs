//! What schedules do: the run over all tenants, and that of one.

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_domain::{Period, monthly};
use tradeup_proto::job_kind::{
    CREDIT_EXPIRATION, CREDIT_EXPIRATION_TENANT, EXPIRATION_WARNING, EXPIRATION_WARNING_TENANT, GAP_SEARCH,
    GAP_SEARCH_TENANT, KPI_FOLLOW_UP, KPI_FOLLOW_UP_TENANT, LEDGER_VERIFICATION, LEDGER_VERIFICATION_TENANT,
    MONTHLY_CREDITS, MONTHLY_CREDITS_TENANT, TIER_REVIEW, TIER_REVIEW_TENANT, WALLET_RECONCILIATION,
    WALLET_RECONCILIATION_TENANT,
};
use tradeup_proto::{Message as _, convert, v1};
use tradeup_store::TenantRef;
use tradeup_store::runs::NewRun;

use super::{Fire, instant_key, new_run};

/// The schedule of monthly credits.
pub const MONTHLY_CREDITS_SCHEDULE: &str = "monthly-credits";
/// When monthly credits fire, in UTC.
pub const MONTHLY_CREDITS_CRON: &str = "0 6 1 * *";

/// The instant at which the monthly run of `period` is due: the 1st at 06:00 UTC.
#[must_use]
pub fn monthly_credits_due(period: Period) -> DateTime<Utc> {
    let midnight = period.first_day().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight + TimeDelta::hours(6)
}

/// The monthly run of the period in which the fire was due, over all active tenants.
#[must_use]
pub fn monthly_credits(fire: Fire) -> NewRun {
    let period = Period::of(fire.due, fire.zone);
    let input = v1::MonthlyCredits {
        period: period.to_string(),
        as_of: Some(convert::timestamp(fire.due)),
        issued_at: Some(convert::timestamp(fire.issued_at)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(MONTHLY_CREDITS, None, monthly::run_key(period), input.encode_to_vec(), fire)
}

/// One tenant's monthly run, from a schedule of its own.
#[must_use]
pub fn monthly_credits_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let period = Period::of(fire.due, fire.zone);
    let input = v1::MonthlyCreditsTenant {
        period: period.to_string(),
        as_of: Some(convert::timestamp(fire.due)),
        issued_at: Some(convert::timestamp(fire.issued_at)),
    };
    new_run(MONTHLY_CREDITS_TENANT, Some(tenant), monthly::run_key(period), input.encode_to_vec(), fire)
}

/// The schedule of the expiration.
pub const CREDIT_EXPIRATION_SCHEDULE: &str = "credit-expiration";
/// When it fires, in UTC.
pub const CREDIT_EXPIRATION_CRON: &str = "0 0 * * *";

/// The expiration of what has ended when the fire was due, over all tenants.
#[must_use]
pub fn credit_expiration(fire: Fire) -> NewRun {
    let input = v1::CreditExpiration {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(CREDIT_EXPIRATION, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// One tenant's expiration, from a schedule of its own.
#[must_use]
pub fn credit_expiration_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::CreditExpirationTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(CREDIT_EXPIRATION_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The schedule of the warnings.
pub const EXPIRATION_WARNING_SCHEDULE: &str = "expiration-warning";
/// When it fires, in UTC.
pub const EXPIRATION_WARNING_CRON: &str = "0 9 * * *";

/// The warnings of what ends within 7 days from when the fire was due, over all active tenants.
#[must_use]
pub fn expiration_warning(fire: Fire) -> NewRun {
    let input = v1::ExpirationWarning {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(EXPIRATION_WARNING, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// One tenant's warnings, from a schedule of its own.
#[must_use]
pub fn expiration_warning_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::ExpirationWarningTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(EXPIRATION_WARNING_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The schedule of the comparison of wallets.
pub const WALLET_RECONCILIATION_SCHEDULE: &str = "wallet-reconciliation";
/// When it fires, in UTC: after credit has ended, before its members are warned.
pub const WALLET_RECONCILIATION_CRON: &str = "0 1 * * *";

/// The comparison of ledger and shops, over all tenants.
#[must_use]
pub fn wallet_reconciliation(fire: Fire) -> NewRun {
    let input = v1::WalletReconciliation {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(WALLET_RECONCILIATION, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// One tenant's comparison, from a schedule of its own or asked for by a person.
#[must_use]
pub fn wallet_reconciliation_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::WalletReconciliationTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(WALLET_RECONCILIATION_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The schedule of the search for gaps.
pub const GAP_SEARCH_SCHEDULE: &str = "gap-search";
/// When it fires, in UTC: in the night, after the other daily runs.
pub const GAP_SEARCH_CRON: &str = "0 3 * * *";

/// The search for what shops never told, over all tenants.
#[must_use]
pub fn gap_search(fire: Fire) -> NewRun {
    let input = v1::GapSearch {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(GAP_SEARCH, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// One tenant's search, from a schedule of its own or asked for by a person.
#[must_use]
pub fn gap_search_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    gap_search_for(tenant, "", instant_key(fire.due), fire)
}

/// A search for one order, by its number, asked for by a person.
#[must_use]
pub fn gap_search_of_order(tenant: TenantRef, order: &str, fire: Fire) -> NewRun {
    gap_search_for(tenant, order, format!("{}:order:{order}", instant_key(fire.due)), fire)
}

fn gap_search_for(tenant: TenantRef, order: &str, key: String, fire: Fire) -> NewRun {
    let input = v1::GapSearchTenant { as_of: Some(convert::timestamp(fire.due)), order: order.to_owned() };
    new_run(GAP_SEARCH_TENANT, Some(tenant), key, input.encode_to_vec(), fire)
}

/// The schedule of the proof of ledgers.
pub const LEDGER_VERIFICATION_SCHEDULE: &str = "ledger-verification";
/// When it fires, in UTC: after the runs of the night, so that what they did is proved in the morning.
pub const LEDGER_VERIFICATION_CRON: &str = "0 4 * * *";

/// The proof of the ledger, over all tenants.
#[must_use]
pub fn ledger_verification(fire: Fire) -> NewRun {
    let input = v1::LedgerVerification {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(LEDGER_VERIFICATION, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The proof of one tenant's ledger, from a schedule of its own or asked for by a person.
#[must_use]
pub fn ledger_verification_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::LedgerVerificationTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(LEDGER_VERIFICATION_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The schedule of the review of tiers.
pub const TIER_REVIEW_SCHEDULE: &str = "tier-review";
/// When it fires, in UTC.
pub const TIER_REVIEW_CRON: &str = "0 2 * * *";

/// The review of tiers as of when the fire was due, over all active tenants.
#[must_use]
pub fn tier_review(fire: Fire) -> NewRun {
    let input = v1::TierReview {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(TIER_REVIEW, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// One tenant's review of tiers, from a schedule of its own.
#[must_use]
pub fn tier_review_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::TierReviewTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(TIER_REVIEW_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The schedule of the look at what plans have brought.
pub const KPI_FOLLOW_UP_SCHEDULE: &str = "kpi-follow-up";
/// When it fires, in UTC: before people come to work.
pub const KPI_FOLLOW_UP_CRON: &str = "0 7 * * *";

/// What campaigns and plans have brought whose time has come, over all tenants.
#[must_use]
pub fn kpi_follow_up(fire: Fire) -> NewRun {
    let input = v1::KpiFollowUp {
        as_of: Some(convert::timestamp(fire.due)),
        spread_ms: fire.spread.num_milliseconds(),
    };
    new_run(KPI_FOLLOW_UP, None, instant_key(fire.due), input.encode_to_vec(), fire)
}

/// The same of one tenant, from a schedule of its own or asked for by a person.
#[must_use]
pub fn kpi_follow_up_of_tenant(tenant: TenantRef, fire: Fire) -> NewRun {
    let input = v1::KpiFollowUpTenant { as_of: Some(convert::timestamp(fire.due)) };
    new_run(KPI_FOLLOW_UP_TENANT, Some(tenant), instant_key(fire.due), input.encode_to_vec(), fire)
}
