//! Runs as they are triggered, by a schedule or by a person: the same either way, so that both mean
//! the same key.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::replay::Mode;
use tradeup_domain::{Period, monthly};
use tradeup_proto::job_kind::{
    CREDIT_EXPIRATION, CREDIT_EXPIRATION_TENANT, EXPIRATION_WARNING, EXPIRATION_WARNING_TENANT, GAP_SEARCH,
    GAP_SEARCH_TENANT, GRANT_CREDIT, HANDLE_TRADE_IN_SUBMITTED, MERGE_MEMBERS, MONTHLY_CREDITS,
    MONTHLY_CREDITS_TENANT, PUSH_STORE_CREDIT, REPLAY_EVENTS, REVERSAL, REVERSAL_TENANT, REVERT_SPEND,
    SEND_DIGEST, SETTLE_ORDER, SPEND_CREDIT, TIER_REVIEW, TIER_REVIEW_TENANT, WALLET_RECONCILIATION,
    WALLET_RECONCILIATION_TENANT,
};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::runs::{NewRun, RunOptions, Trigger};
use tradeup_store::{RunId, TenantRef};
use uuid::Uuid;

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

/// A fire, or what a person asks for in its place.
#[derive(Clone, Debug)]
pub struct Fire {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// Zone in which the due time is a date.
    pub zone: Tz,
    /// When it was triggered; it bounds the expiry of a late run from below.
    pub issued_at: DateTime<Utc>,
    /// Tenants' runs are spread over this long.
    pub spread: TimeDelta,
    /// Who.
    pub trigger: Trigger,
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

/// The key of a run that is about an instant and no period.
fn instant_key(due: DateTime<Utc>) -> String {
    due.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

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

/// Tells a tenant's shop what it has not been told, for a wake of this number.
#[must_use]
pub fn push_store_credit(tenant: TenantRef, wake: i64, due: DateTime<Utc>) -> NewRun {
    let input = v1::PushStoreCredit {};
    // The scheduler starts it, by what it finds and not by the clock.
    let trigger = Trigger::Schedule(PUSH_STORE_CREDIT.task.to_owned());
    told(PUSH_STORE_CREDIT, tenant, format!("wake-{wake}"), input.encode_to_vec(), due, trigger)
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

/// A mail that is sent once more, after so many tries.
#[must_use]
pub fn send_digest(
    tenant: TenantRef,
    digest: &str,
    tries: i32,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::SendDigest { digest_id: digest.to_owned() };
    told(SEND_DIGEST, tenant, format!("{digest}/{tries}"), input.encode_to_vec(), due, trigger)
}

/// One credit for one member. The key makes it unique for its tenant.
#[must_use]
pub fn grant_credit(
    tenant: TenantRef,
    grant: &v1::GrantCredit,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(GRANT_CREDIT, tenant, grant.source_key.clone(), grant.encode_to_vec(), due, trigger)
}

/// The monthly credits of a period for one tenant once more: whoever has the credit keeps it, whoever
/// lacks it gets it.
#[must_use]
pub fn monthly_backfill(
    tenant: TenantRef,
    period: Period,
    issued_at: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let due = monthly_credits_due(period);
    let input = v1::MonthlyCreditsTenant {
        period: period.to_string(),
        as_of: Some(convert::timestamp(due)),
        issued_at: Some(convert::timestamp(issued_at)),
    };
    let key = format!("{}/backfill:{}", monthly::run_key(period), instant_key(issued_at));
    told(MONTHLY_CREDITS_TENANT, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Takes back what a run has granted: of one tenant, or of all. A run is reversed once.
#[must_use]
pub fn reversal(
    tenant: Option<TenantRef>,
    granting: RunId,
    owe_used: bool,
    now: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::Reversal { run_id: granting.0.as_bytes().to_vec(), owe_used };
    NewRun {
        task: if tenant.is_some() { REVERSAL_TENANT.task } else { REVERSAL.task }.to_owned(),
        tenant,
        key: granting.to_string(),
        payload: input.encode_to_vec(),
        scheduled_for: now,
        trigger,
        options: RunOptions::default(),
    }
}

/// A use of credit that another system tells of.
#[must_use]
pub fn spend_credit(
    tenant: TenantRef,
    key: String,
    input: &v1::SpendCredit,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(SPEND_CREDIT, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A spend that is taken back.
#[must_use]
pub fn revert_spend(
    tenant: TenantRef,
    key: String,
    input: &v1::RevertSpend,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(REVERT_SPEND, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Two members who are one.
#[must_use]
pub fn merge_members(
    tenant: TenantRef,
    key: String,
    input: &v1::MergeMembers,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(MERGE_MEMBERS, tenant, key, input.encode_to_vec(), due, trigger)
}

/// What follows from an event of a shop, whose body stays in the event's row.
#[must_use]
pub fn handle_event(
    kind: JobKind,
    tenant: TenantRef,
    event: Uuid,
    key: String,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let input = v1::HandleEvent { event_id: event.as_bytes().to_vec() };
    told(kind, tenant, key, input.encode_to_vec(), due, trigger)
}

/// Events of a shop that go through their tasks again. Each replay is one of its own.
#[must_use]
pub fn replay_events(
    tenant: TenantRef,
    input: &v1::ReplayEvents,
    now: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    let mode = if input.preview { Mode::Preview } else { Mode::Replay };
    let key = format!("{}:{}", mode.as_str(), Uuid::now_v7());
    told(REPLAY_EVENTS, tenant, key, input.encode_to_vec(), now, trigger)
}

/// The next part of a replay.
#[must_use]
pub fn replay_events_part(
    tenant: TenantRef,
    key: String,
    input: &v1::ReplayEvents,
    due: DateTime<Utc>,
    options: RunOptions,
) -> NewRun {
    let by = Trigger::Parent(REPLAY_EVENTS.task.to_owned());
    NewRun { options, ..told(REPLAY_EVENTS, tenant, key, input.encode_to_vec(), due, by) }
}

/// Something to be traded in.
#[must_use]
pub fn trade_in_submitted(
    tenant: TenantRef,
    key: String,
    input: &v1::TradeInSubmitted,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(HANDLE_TRADE_IN_SUBMITTED, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A fact about an order.
#[must_use]
pub fn settle_order(
    tenant: TenantRef,
    key: String,
    input: &v1::SettleOrder,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    told(SETTLE_ORDER, tenant, key, input.encode_to_vec(), due, trigger)
}

/// A run about something that was told, at the instant at which it happened.
fn told(
    kind: JobKind,
    tenant: TenantRef,
    key: String,
    payload: Vec<u8>,
    due: DateTime<Utc>,
    trigger: Trigger,
) -> NewRun {
    NewRun {
        task: kind.task.to_owned(),
        tenant: Some(tenant),
        key,
        payload,
        scheduled_for: due,
        trigger,
        options: RunOptions::default(),
    }
}

fn new_run(kind: JobKind, tenant: Option<TenantRef>, key: String, payload: Vec<u8>, fire: Fire) -> NewRun {
    NewRun {
        task: kind.task.to_owned(),
        tenant,
        key,
        payload,
        scheduled_for: fire.due,
        trigger: fire.trigger,
        options: RunOptions::default(),
    }
}
