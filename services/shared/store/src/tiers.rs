//! Tiers of a tenant, what they give, and what spend reaches them, with history.

mod rules;

pub use rules::{
    DecidingRule, TierRules, TierSettings, change_settings, end_threshold, rules_as_of, set_threshold,
    set_window,
};

use chrono::{DateTime, Utc};
use tradeup_domain::monthly::TierWithoutAmount;
use tradeup_domain::tier::{TagRule, tier_for_tags};
use tradeup_domain::{Handle, Money};

use crate::error::{Doing, StoreError};
use crate::{Connection, TenantId};

/// A tier as it is stored, with its amount in force now.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Number within the tenant.
    pub id: i32,
    /// Handle.
    pub handle: String,
    /// 1 is the highest.
    pub rank: i32,
    /// The customer tag that places a member in it.
    pub tag: String,
    /// Currency of its amount.
    pub currency: Option<String>,
    /// Its monthly amount in minor units; `None` if none is set.
    pub amount_minor: Option<i64>,
    /// What its members get back of an order, in basis points; `None` if nothing is set.
    pub rate_bps: Option<i32>,
    /// What has to be spent to reach it, in minor units of the tenant's currency; `None` if spend does not.
    pub threshold_minor: Option<i64>,
    /// Members who are in it now.
    pub members: i64,
}

/// Waits for those who are writing memberships of a tenant, and has others wait until this transaction ends: what is read of
/// them from here on is all that was written before.
///
/// # Errors
/// As any statement.
pub async fn hold(db: &mut Connection, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('memberships', $1))", tenant.0)
        .execute(db)
        .await
        .doing("waiting for memberships that are being written")
        .map(drop)
}

/// Adds a tier below those that the tenant has. `None` if the handle is taken.
///
/// # Errors
/// As any statement.
pub async fn add(
    db: &mut Connection,
    tenant: TenantId,
    handle: &Handle,
    tag: &str,
) -> Result<Option<i32>, StoreError> {
    sqlx::query_scalar!(
        "insert into tiers (tenant_id, handle, rank, tag)
         select $1, $2, coalesce(max(rank), 0) + 1, $3 from tiers where tenant_id = $1
         on conflict (tenant_id, handle) do nothing returning id",
        tenant as TenantId,
        handle.as_str(),
        tag,
    )
    .fetch_optional(db)
    .await
    .doing("adding a tier")
}

/// Sets a tier's monthly amount from now on; the very first one counts from the beginning of time.
/// What was in force before stays in force for the periods before. Setting the amount that is in
/// force changes nothing.
///
/// # Errors
/// As any statement.
pub async fn set_amount(
    db: &mut Connection,
    tenant: TenantId,
    tier: i32,
    amount: Money,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update tier_amounts set valid_to = now()
         where tenant_id = $1 and tier_id = $2 and currency = $3 and valid_to is null and amount_minor <> $4",
        tenant as TenantId,
        tier,
        amount.currency.code(),
        amount.amount_minor,
    )
    .execute(&mut *db)
    .await
    .doing("ending a tier's amount")?;
    sqlx::query!(
        "insert into tier_amounts (tenant_id, tier_id, currency, amount_minor, valid_from)
         select $1, $2, $3, $4, coalesce(max(valid_to), '-infinity')
         from tier_amounts where tenant_id = $1 and tier_id = $2 and currency = $3
         having count(*) filter (where valid_to is null) = 0",
        tenant as TenantId,
        tier,
        amount.currency.code(),
        amount.amount_minor,
    )
    .execute(db)
    .await
    .doing("setting a tier's amount")
    .map(drop)
}

/// Sets what a tier's members get back of an order from now on, in basis points; the very first rate counts
/// from the beginning of time. Orders that are settled keep the rate that is frozen on them.
///
/// # Errors
/// As any statement.
pub async fn set_rate(
    db: &mut Connection,
    tenant: TenantId,
    tier: i32,
    rate_bps: i32,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update tier_rates set valid_to = now()
         where tenant_id = $1 and tier_id = $2 and valid_to is null and rate_bps <> $3",
        tenant as TenantId,
        tier,
        rate_bps,
    )
    .execute(&mut *db)
    .await
    .doing("ending a tier's rate")?;
    sqlx::query!(
        "insert into tier_rates (tenant_id, tier_id, rate_bps, valid_from)
         select $1, $2, $3, coalesce(max(valid_to), '-infinity')
         from tier_rates where tenant_id = $1 and tier_id = $2
         having count(*) filter (where valid_to is null) = 0",
        tenant as TenantId,
        tier,
        rate_bps,
    )
    .execute(db)
    .await
    .doing("setting a tier's rate")
    .map(drop)
}

/// The tenant's tiers, highest first, with their amounts in force now.
///
/// # Errors
/// As any statement.
pub async fn list(db: &mut Connection, tenant: TenantId) -> Result<Vec<Tier>, StoreError> {
    sqlx::query_as!(
        Tier,
        r#"select tiers.id, tiers.handle, tiers.rank, tiers.tag, a.currency as "currency?", a.amount_minor as "amount_minor?",
               r.rate_bps as "rate_bps?", th.threshold_minor as "threshold_minor?", coalesce(held.members, 0) as "members!"
           from tiers
           join tenants t on t.id = tiers.tenant_id
           left join tier_amounts a
               on a.tenant_id = tiers.tenant_id and a.tier_id = tiers.id and a.valid_to is null
           left join tier_rates r
               on r.tenant_id = tiers.tenant_id and r.tier_id = tiers.id and r.valid_to is null
           left join tier_thresholds th
               on th.tenant_id = tiers.tenant_id and th.tier_id = tiers.id and th.currency = t.currency
               and th.valid_to is null
           left join (
               select tier_id, count(*) as members from memberships
               where tenant_id = $1 and valid_to is null and status = 'active' group by tier_id
           ) as held on held.tier_id = tiers.id
           where tiers.tenant_id = $1 order by tiers.rank, a.currency"#,
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing tiers")
}

/// The tier in which a customer's tags place a member, of a shop's tiers with the highest first.
#[must_use]
pub fn by_tags<'t>(tags: &[String], tiers: &'t [Tier]) -> Option<&'t Tier> {
    let rules: Vec<TagRule<'_, &Tier>> = tiers.iter().map(|tier| TagRule { tag: &tier.tag, tier }).collect();
    tier_for_tags(&tags.join(","), &rules).copied()
}

/// The tenant's tiers that active members hold and that have no amount in `currency`, both as of `as_of`; the highest first.
///
/// # Errors
/// As any statement.
pub async fn without_amount(
    db: &mut Connection,
    tenant: TenantId,
    currency: &str,
    as_of: DateTime<Utc>,
) -> Result<Vec<TierWithoutAmount>, StoreError> {
    sqlx::query_file_as!(
        TierWithoutAmount,
        "src/tiers/without_amount.sql",
        tenant as TenantId,
        currency,
        as_of
    )
    .fetch_all(db)
    .await
    .doing("looking for tiers without an amount")
}
