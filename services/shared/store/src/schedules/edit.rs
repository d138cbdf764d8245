//! What people do to schedules: change, pause, resume, give a tenant its own, remove.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Change, RuleError, Terms, interval, lock, now, record_decision, set_next_fire};
use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{TenantId, Tx};

/// What a change has come to.
#[derive(Clone, Debug)]
pub struct Changed {
    /// As it was. Of a schedule that a tenant was given by it: as that for all tenants is.
    pub before: Terms,
    /// As it is.
    pub after: Terms,
    /// When it fires next.
    pub next_fire_at: DateTime<Utc>,
}

/// Why a schedule was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What was asked for can't be decided by.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// There is no such schedule.
    #[error("there is no schedule {0}; `tradeup schedules` shows those there are")]
    Unknown(String),
    /// A scheduler is deciding about it.
    #[error("schedule {0} is being decided about at this moment; try again")]
    Busy(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn id_of(tx: &mut Tx, name: &str, tenant: Option<TenantId>) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar!(
        "select id from schedules where name = $1 and tenant_id is not distinct from $2",
        name,
        tenant as Option<TenantId>
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("looking for a schedule")
}

async fn locked(tx: &mut Tx, name: &str, tenant: Option<TenantId>) -> Result<super::Schedule, EditError> {
    let id = id_of(tx, name, tenant).await?.ok_or_else(|| EditError::Unknown(name.to_owned()))?;
    lock(tx, id).await?.ok_or_else(|| EditError::Busy(name.to_owned()))
}

/// Changes a schedule. For a tenant that has none of this name of its own, it gets one, like that for
/// all tenants but for the change. The next fire is computed anew, from now on.
///
/// # Errors
/// [`EditError`]; nothing was changed.
pub async fn change(
    tx: &mut Tx,
    name: &str,
    tenant: Option<TenantId>,
    change: &Change,
    actor: &Actor,
) -> Result<Changed, EditError> {
    let is_new = tenant.is_some() && id_of(tx, name, tenant).await?.is_none();
    if is_new {
        let copied = sqlx::query_file!("src/schedules/copy_for_tenant.sql", name, tenant as Option<TenantId>)
            .execute(&mut **tx)
            .await
            .doing("giving a tenant a schedule of its own")?
            .rows_affected();
        if copied == 0 {
            return Err(EditError::Unknown(name.to_owned()));
        }
    }
    let schedule = locked(tx, name, tenant).await?;
    let before = schedule.terms;
    let (after, rule) = before.changed(change)?;
    let next_fire_at = rule.cron.next_after(now(tx).await?).map_err(RuleError::from)?;
    write(tx, schedule.id, &after, change).await?;
    set_next_fire(tx, schedule.id, next_fire_at).await?;
    let subject = json!({ "schedule": name, "tenant_id": tenant.map(|t| t.0), "is_new": is_new,
        "before": before.value(), "after": after.value() });
    audit::record(tx, actor, "schedules.change", &subject).await?;
    Ok(Changed { before, after, next_fire_at })
}

async fn write(tx: &mut Tx, id: i64, terms: &Terms, change: &Change) -> Result<(), StoreError> {
    sqlx::query!(
        "update schedules set cron = $2, zone = $3, gap_policy = $4, repeat_policy = $5, missed_policy = $6,
             overlap_policy = $7, missed_window = coalesce($8, missed_window), spread = coalesce($9, spread)
         where id = $1",
        id,
        terms.cron,
        terms.zone,
        terms.gap_policy,
        terms.repeat_policy,
        terms.missed_policy,
        terms.overlap_policy,
        change.missed_window.map(interval),
        change.spread.map(interval),
    )
    .execute(&mut **tx)
    .await
    .doing("changing a schedule")
    .map(drop)
}

/// Pauses a schedule: its fires are decided as paused until somebody resumes it.
///
/// # Errors
/// [`EditError`].
pub async fn pause(
    tx: &mut Tx,
    name: &str,
    tenant: Option<TenantId>,
    actor: &Actor,
) -> Result<(), EditError> {
    let schedule = locked(tx, name, tenant).await?;
    sqlx::query!(
        "update schedules set paused_by = $2, paused_because = $3, paused_at = coalesce(paused_at, now())
         where id = $1",
        schedule.id,
        actor.name,
        actor.reason.as_deref().unwrap_or("no reason given"),
    )
    .execute(&mut **tx)
    .await
    .doing("pausing a schedule")?;
    record(tx, actor, "schedules.pause", name, tenant).await
}

/// Resumes a schedule from its next fire on. What fell due in between is on record as paused, and is
/// not made up for.
///
/// # Errors
/// [`EditError`].
pub async fn resume(
    tx: &mut Tx,
    name: &str,
    tenant: Option<TenantId>,
    actor: &Actor,
) -> Result<(), EditError> {
    let schedule = locked(tx, name, tenant).await?;
    if !schedule.is_paused {
        return Ok(());
    }
    let now = now(tx).await?;
    let cron = schedule.rule()?.cron;
    let waited_for = schedule.next_fire_at.unwrap_or(now);
    let tick = cron.resume(waited_for, now).map_err(RuleError::from)?;
    for decided in &tick.decisions {
        record_decision(tx, schedule.id, decided, None, &actor.name).await?;
    }
    sqlx::query!(
        "update schedules set paused_by = null, paused_because = null, paused_at = null where id = $1",
        schedule.id
    )
    .execute(&mut **tx)
    .await
    .doing("resuming a schedule")?;
    set_next_fire(tx, schedule.id, tick.next_fire_at).await?;
    record(tx, actor, "schedules.resume", name, tenant).await
}

/// Removes a tenant's own schedule: from then on that for all tenants counts for it.
///
/// # Errors
/// [`EditError`].
pub async fn remove(tx: &mut Tx, name: &str, tenant: TenantId, actor: &Actor) -> Result<(), EditError> {
    let schedule = locked(tx, name, Some(tenant)).await?;
    sqlx::query!("delete from schedules where id = $1", schedule.id)
        .execute(&mut **tx)
        .await
        .doing("removing a schedule")?;
    record(tx, actor, "schedules.remove", name, Some(tenant)).await
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    act: &str,
    name: &str,
    tenant: Option<TenantId>,
) -> Result<(), EditError> {
    let subject = json!({ "schedule": name, "tenant_id": tenant.map(|t| t.0) });
    Ok(audit::record(tx, actor, act, &subject).await?)
}
