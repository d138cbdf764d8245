//! The rules of tiers by spend: set from now on, read as of an instant.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tradeup_domain::tier_rules::{Terms, Threshold, Window};
use tradeup_domain::zone::parse_zone;
use tradeup_domain::{Currency, Money};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, TenantId};

/// Sets what has to be spent to reach a tier, from now on. Setting what is in force changes nothing.
///
/// # Errors
/// As any statement.
pub async fn set_threshold(
    db: &mut Connection,
    tenant: TenantId,
    tier: i32,
    threshold: Money,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update tier_thresholds set valid_to = now()
         where tenant_id = $1 and tier_id = $2 and currency = $3 and valid_to is null and threshold_minor <> $4",
        tenant as TenantId,
        tier,
        threshold.currency.code(),
        threshold.amount_minor,
    )
    .execute(&mut *db)
    .await
    .doing("ending a tier's threshold")?;
    sqlx::query!(
        "insert into tier_thresholds (tenant_id, tier_id, currency, threshold_minor, valid_from)
         select $1, $2, $3, $4, now()
         where not exists (
             select from tier_thresholds
             where tenant_id = $1 and tier_id = $2 and currency = $3 and valid_to is null)",
        tenant as TenantId,
        tier,
        threshold.currency.code(),
        threshold.amount_minor,
    )
    .execute(db)
    .await
    .doing("setting a tier's threshold")
    .map(drop)
}

/// Spend reaches the tier no more, from now on. Who is in it stays: no rule lowers them.
///
/// # Errors
/// As any statement.
pub async fn end_threshold(db: &mut Connection, tenant: TenantId, tier: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "update tier_thresholds set valid_to = now() where tenant_id = $1 and tier_id = $2 and valid_to is null",
        tenant as TenantId,
        tier,
    )
    .execute(db)
    .await
    .doing("ending a tier's threshold")
    .map(drop)
}

/// Sets which spend counts, from now on.
///
/// # Errors
/// As any statement.
pub async fn set_window(db: &mut Connection, tenant: TenantId, window: Window) -> Result<(), StoreError> {
    sqlx::query!(
        "update tier_windows set valid_to = now()
         where tenant_id = $1 and valid_to is null and time_window <> $2",
        tenant as TenantId,
        window.as_str(),
    )
    .execute(&mut *db)
    .await
    .doing("ending a tenant's window")?;
    sqlx::query!(
        "insert into tier_windows (tenant_id, time_window, valid_from)
         select $1, $2, now()
         where not exists (select from tier_windows where tenant_id = $1 and valid_to is null)",
        tenant as TenantId,
        window.as_str(),
    )
    .execute(db)
    .await
    .doing("setting a tenant's window")
    .map(drop)
}

/// What a tenant has chosen; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierSettings {
    /// The yearly date may lower what an import decided.
    pub reviews_imports: Option<bool>,
    /// A refund undoes what spend within the window has raised.
    pub undoes: Option<bool>,
}

/// Changes what a tenant has chosen.
///
/// # Errors
/// As any statement.
pub async fn change_settings(
    db: &mut Connection,
    tenant: TenantId,
    settings: TierSettings,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update tenants set tier_reviews_imports = coalesce($2, tier_reviews_imports),
             tier_undoes = coalesce($3, tier_undoes)
         where id = $1",
        tenant as TenantId,
        settings.reviews_imports,
        settings.undoes,
    )
    .execute(db)
    .await
    .doing("changing how tiers are reviewed")
    .map(drop)
}

/// A rule of a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidingRule {
    /// The tier and what it asks for.
    pub threshold: Threshold,
    /// The tier's handle.
    pub tier: String,
    /// Since when it is in force.
    pub valid_from: DateTime<Utc>,
}

/// A tenant's rules as of an instant.
#[derive(Clone, Debug)]
pub struct TierRules {
    /// In which dates are days.
    pub zone: Tz,
    /// Of thresholds and of the spend that counts.
    pub currency: Currency,
    /// Which spend counts.
    pub window: Window,
    /// What the tenant has chosen.
    pub terms: Terms,
    /// The tiers that spend reaches, highest first.
    pub thresholds: Vec<Threshold>,
    /// The same, with where they come from.
    pub rules: Vec<DecidingRule>,
}

/// The rules in force at `as_of`; what a tenant has chosen, as it is now.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if a setting can't be read.
pub async fn rules_as_of(
    db: &mut Connection,
    tenant: TenantId,
    as_of: DateTime<Utc>,
) -> Result<TierRules, StoreError> {
    let rows = sqlx::query_file!("src/tiers/rules_as_of.sql", tenant as TenantId, as_of)
        .fetch_all(db)
        .await
        .doing("reading the rules of tiers")?;
    let corrupt = || StoreError::of_kind(ErrorKind::Corrupt, "reading the rules of tiers");
    let first = rows.first().ok_or_else(corrupt)?;
    let (zone, currency) = (parse_zone(&first.zone).ok(), first.currency.parse::<Currency>().ok());
    let (zone, currency) = zone.zip(currency).ok_or_else(corrupt)?;
    let window = first.time_window.parse::<Window>().ok().ok_or_else(corrupt)?;
    let terms = Terms { reviews_imports: first.reviews_imports, undoes: first.undoes };
    let rules: Vec<DecidingRule> = rows
        .into_iter()
        .filter_map(|row| {
            let threshold =
                Threshold { tier_id: row.tier_id?, rank: row.rank?, threshold_minor: row.threshold_minor? };
            Some(DecidingRule { threshold, tier: row.tier?, valid_from: row.valid_from? })
        })
        .collect();
    let thresholds = rules.iter().map(|rule| rule.threshold).collect();
    Ok(TierRules { zone, currency, window, terms, thresholds, rules })
}

impl TierRules {
    /// The handle of a tier that spend reaches, and since when its rule is in force.
    #[must_use]
    pub fn rule_of(&self, tier: i32) -> Option<&DecidingRule> {
        self.rules.iter().find(|rule| rule.threshold.tier_id == tier)
    }
}
