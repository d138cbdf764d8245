//! Limits: how many runs of a task a tenant may have at once, and begin in a minute.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId, Tx};

/// A run that waits for a place is looked at after this long even if nobody made room for it.
const PLACE_WAIT: Duration = Duration::from_secs(30);

/// A limit as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The tenant; `None` for each that has none of its own.
    pub tenant: Option<TenantId>,
    /// The task.
    pub task: String,
    /// Runs at once.
    pub running_max: Option<i32>,
    /// Runs begun in a minute; a tenth of them, at least one, in one moment.
    pub per_minute: Option<i32>,
}

/// A limit as it is shown.
#[derive(Clone, Debug)]
pub struct LimitView {
    /// The tenant's handle; `None` for each that has none of its own.
    pub tenant_handle: Option<String>,
    /// The task.
    pub task: String,
    /// Runs at once.
    pub running_max: Option<i32>,
    /// Runs begun in a minute.
    pub per_minute: Option<i32>,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: DateTime<Utc>,
}

/// Sets a limit; one without numbers removes it.
///
/// # Errors
/// As any statement.
pub async fn set(tx: &mut Tx, limit: &Limit, actor: &Actor) -> Result<(), StoreError> {
    if limit.running_max.is_none() && limit.per_minute.is_none() {
        sqlx::query!(
            "delete from limits where task = $1 and tenant_id is not distinct from $2",
            limit.task,
            limit.tenant as Option<TenantId>,
        )
        .execute(&mut **tx)
        .await
    } else {
        sqlx::query!(
            "insert into limits (tenant_id, task, running_max, per_minute, set_by) values ($1, $2, $3, $4, $5)
             on conflict (task, tenant_id) do update
                 set running_max = $3, per_minute = $4, set_by = $5, set_at = now()",
            limit.tenant as Option<TenantId>,
            limit.task,
            limit.running_max,
            limit.per_minute,
            actor.name,
        )
        .execute(&mut **tx)
        .await
    }
    .doing("setting a limit")?;
    // Whoever waits finds out about the new limit.
    crate::outbox::let_go(tx, crate::outbox::HeldBy::Limit, limit.tenant).await?;
    let subject = json!({ "tenant_id": limit.tenant.map(|t| t.0), "task": limit.task,
        "running_max": limit.running_max, "per_minute": limit.per_minute });
    audit::record(tx, actor, "limits.set", &subject).await
}

/// Every limit.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<LimitView>, StoreError> {
    sqlx::query_as!(
        LimitView,
        r#"select t.handle as "tenant_handle?", l.task, l.running_max, l.per_minute, l.set_by, l.set_at
           from limits l left join tenants t on t.id = l.tenant_id order by l.task, l.tenant_id nulls first"#
    )
    .fetch_all(pool)
    .await
    .doing("listing the limits")
}

/// The limits that are set for this tenant alone.
///
/// # Errors
/// As any statement.
pub async fn of_tenant(db: &mut Connection, tenant: TenantId) -> Result<Vec<LimitView>, StoreError> {
    sqlx::query_as!(
        LimitView,
        r#"select t.handle as "tenant_handle?", l.task, l.running_max, l.per_minute, l.set_by, l.set_at
           from limits l join tenants t on t.id = l.tenant_id where l.tenant_id = $1 order by l.task"#,
        tenant as TenantId
    )
    .fetch_all(db)
    .await
    .doing("listing a tenant's limits")
}

/// What a limit says to a run.
pub(crate) enum Admission {
    /// There is none.
    Unlimited,
    /// It has a place and a token.
    Admitted,
    /// It has to wait: in words, and for how long.
    Held(String, Duration),
}

/// Gives a run a place and a token, if its tenant has one left. Locks the tenant's usage of the task
/// until the end of the transaction, so that two can't take the last one.
pub(crate) async fn admit(
    db: &mut Connection,
    tenant: TenantId,
    task: &str,
) -> Result<Admission, StoreError> {
    let limit = sqlx::query!(
        "select running_max, per_minute from limits where task = $1 and (tenant_id is null or tenant_id = $2)
         order by tenant_id nulls last limit 1",
        task,
        tenant as TenantId,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("looking for a limit")?;
    let Some(limit) = limit else { return Ok(Admission::Unlimited) };
    let rate = f64::from(limit.per_minute.unwrap_or(0));
    let tokens = sqlx::query_scalar!(
        "insert into limit_usage as u (tenant_id, task, tokens, refilled_at)
         values ($1, $2, greatest($3::float8 / 10, 1), now())
         on conflict (tenant_id, task) do update
         set tokens = least(greatest($3 / 10, 1),
                 u.tokens + extract(epoch from clock_timestamp() - u.refilled_at)::float8 * $3 / 60),
             refilled_at = clock_timestamp()
         returning tokens",
        tenant as TenantId,
        task,
        rate,
    )
    .fetch_one(&mut *db)
    .await
    .doing("filling up tokens")?;
    let usage = sqlx::query_file!("src/limits/count_usage.sql", tenant as TenantId, task)
        .fetch_one(&mut *db)
        .await
        .doing("counting what a tenant uses")?;
    if let Some(most) = limit.running_max
        && usage.running >= i64::from(most)
    {
        return Ok(Admission::Held(
            format!("{most} of {task} run already, the most for this tenant"),
            PLACE_WAIT,
        ));
    }
    if let Some(per_minute) = limit.per_minute {
        if tokens < 1.0 {
            // Behind those that wait already, so that they do not all come back together.
            let ahead = f64::from(i32::try_from(usage.waiting).unwrap_or(i32::MAX));
            let seconds = (ahead + 1.0 - tokens) * 60.0 / rate;
            let wait = Duration::try_from_secs_f64(seconds).unwrap_or(PLACE_WAIT);
            return Ok(Admission::Held(
                format!("at most {per_minute} of {task} a minute for this tenant"),
                wait,
            ));
        }
        sqlx::query!(
            "update limit_usage set tokens = tokens - 1 where tenant_id = $1 and task = $2",
            tenant as TenantId,
            task,
        )
        .execute(&mut *db)
        .await
        .doing("taking a token")?;
    }
    Ok(Admission::Admitted)
}

/// Notes that a run holds a place; it does for as long as its attempt runs.
pub(crate) async fn occupy(
    db: &mut Connection,
    run_id: RunId,
    tenant: TenantId,
    task: &str,
    attempt: i32,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into limit_slots (run_id, tenant_id, task, attempt) values ($1, $2, $3, $4)
         on conflict (run_id) do update set attempt = $4",
        run_id as RunId,
        tenant as TenantId,
        task,
        attempt,
    )
    .execute(db)
    .await
    .doing("taking a place")
    .map(drop)
}
