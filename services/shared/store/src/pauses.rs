//! Pauses: people hold runs back, by tenant, task and dependency.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_domain::Dependency;
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::outbox::{self, HeldBy};
use crate::{Connection, Pool, TenantId, Tx};

/// What a pause is about: the runs that match all that is said. Nothing said means every run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this task.
    pub task: Option<String>,
    /// That need this.
    pub dependency: Option<Dependency>,
}

/// A pause as it is shown.
#[derive(Clone, Debug)]
pub struct Pause {
    /// Id.
    pub id: Uuid,
    /// The tenant's handle; `None` for all.
    pub tenant_handle: Option<String>,
    /// Task; `None` for all.
    pub task: Option<String>,
    /// Dependency; `None` for all.
    pub dependency: Option<String>,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: DateTime<Utc>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl Pause {
    /// In words, for whoever asks why a run waits.
    #[must_use]
    pub fn because(&self) -> String {
        let until = self.until.map(|at| format!(" until {}", at.format("%Y-%m-%dT%H:%M:%SZ")));
        format!("paused by {}{}: {}", self.placed_by, until.unwrap_or_default(), self.reason)
    }
}

/// Places a pause, or changes the one of the same scope. What is under way is not interrupted; what
/// comes next waits, without using up an attempt.
///
/// # Errors
/// As any statement.
pub async fn place(
    tx: &mut Tx,
    scope: &Scope,
    until: Option<DateTime<Utc>>,
    actor: &Actor,
) -> Result<Uuid, StoreError> {
    let dependency = scope.dependency.map(Dependency::as_str);
    let id = sqlx::query_scalar!(
        "insert into pauses (id, tenant_id, task, dependency, reason, placed_by, until)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, task, dependency) do update
             set reason = excluded.reason, placed_by = excluded.placed_by, placed_at = now(), until = excluded.until
         returning id",
        Uuid::now_v7(),
        scope.tenant as Option<TenantId>,
        scope.task,
        dependency,
        actor.reason.as_deref().unwrap_or("no reason given"),
        actor.name,
        until,
    )
    .fetch_one(&mut **tx)
    .await
    .doing("placing a pause")?;
    let subject = json!({ "pause": id, "tenant_id": scope.tenant.map(|t| t.0), "task": scope.task,
        "dependency": dependency, "until": until.map(|at| at.to_rfc3339()) });
    audit::record(tx, actor, "pauses.place", &subject).await?;
    Ok(id)
}

/// Lifts the pause of this scope if this very actor has placed it. A person's pause stays.
///
/// # Errors
/// As any statement.
pub async fn lift_own(tx: &mut Tx, scope: &Scope, actor: &Actor) -> Result<(), StoreError> {
    let own = sqlx::query_scalar!(
        r#"select exists (select from pauses where tenant_id is not distinct from $1 and task is not distinct from $2
               and dependency is not distinct from $3 and placed_by = $4) as "own!""#,
        scope.tenant as Option<TenantId>,
        scope.task,
        scope.dependency.map(Dependency::as_str),
        actor.name,
    )
    .fetch_one(&mut **tx)
    .await
    .doing("looking for a pause")?;
    if own {
        lift(tx, scope, actor).await?;
    }
    Ok(())
}

/// Lifts the pause of this scope, and lets go of the runs that waited, spread over time. `None` if
/// there is no such pause; otherwise how many runs waited.
///
/// # Errors
/// As any statement.
pub async fn lift(tx: &mut Tx, scope: &Scope, actor: &Actor) -> Result<Option<u64>, StoreError> {
    let dependency = scope.dependency.map(Dependency::as_str);
    let lifted = sqlx::query_scalar!(
        "delete from pauses where tenant_id is not distinct from $1 and task is not distinct from $2
             and dependency is not distinct from $3
         returning id",
        scope.tenant as Option<TenantId>,
        scope.task,
        dependency,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("lifting a pause")?;
    let Some(id) = lifted else { return Ok(None) };
    let let_go = outbox::let_go(tx, HeldBy::Pause, scope.tenant).await?;
    audit::record(tx, actor, "pauses.lift", &json!({ "pause": id, "runs": let_go })).await?;
    Ok(Some(let_go))
}

/// Ends pauses whose time is over. Returns how many.
///
/// # Errors
/// As any statement; the next sweep goes on.
pub async fn end_overdue(pool: &Pool) -> Result<u64, StoreError> {
    sqlx::query!("delete from pauses where until <= now()")
        .execute(pool)
        .await
        .doing("ending pauses")
        .map(|done| done.rows_affected())
}

/// Every pause, oldest first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Pause>, StoreError> {
    sqlx::query_as!(
        Pause,
        r#"select p.id, t.handle as "tenant_handle?", p.task, p.dependency, p.reason, p.placed_by, p.placed_at, p.until
           from pauses p left join tenants t on t.id = p.tenant_id order by p.id"#
    )
    .fetch_all(pool)
    .await
    .doing("listing the pauses")
}

/// The pause that holds a run back, if one does: in words, and for how long. It can't be lifted until the
/// end of the transaction, so that whoever lifts it finds the run that waits for it.
pub(crate) async fn holding(
    db: &mut Connection,
    tenant: Option<TenantId>,
    task: &str,
    needs: &[String],
) -> Result<Option<(String, Option<Duration>)>, StoreError> {
    let pause = sqlx::query_as!(
        Pause,
        r#"select p.id, t.handle as "tenant_handle?", p.task, p.dependency, p.reason, p.placed_by, p.placed_at, p.until
           from pauses p left join tenants t on t.id = p.tenant_id
           where (p.tenant_id is null or p.tenant_id = $1) and (p.task is null or p.task = $2)
               and (p.dependency is null or p.dependency = any($3)) and (p.until is null or p.until > now())
           order by p.until desc nulls first
           limit 1
           for share of p"#,
        tenant as Option<TenantId>,
        task,
        needs,
    )
    .fetch_optional(&mut *db)
    .await
    .doing("looking for a pause")?;
    let Some(pause) = pause else { return Ok(None) };
    let left = match pause.until {
        Some(until) => (until - crate::schedules::now(db).await?).to_std().ok(),
        None => None,
    };
    Ok(Some((pause.because(), left)))
}
