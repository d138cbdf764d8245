//! Plans of agents, and what people decide on each of their proposals. A plan's document is the settled plan as JSON.

mod decide;
mod outcomes;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use decide::{Decided, LimitPassed, Verdict, decide};
pub use outcomes::outcomes;

use crate::agent_runs::{self, Lease};
use crate::campaigns::Terms;
use crate::error::{Doing, StoreError};
use crate::kpi_follow_ups::{self, NewKpi};
use crate::{Connection, Pool, RunId, TenantId, Tx};

/// Days after which what nobody has decided on is expired: its facts are old by then.
pub const UNDECIDED_DAYS: i32 = 30;

/// A plan to be kept.
#[derive(Clone, Debug)]
pub struct NewPlan<'a> {
    /// The task.
    pub kind: &'a str,
    /// What was asked for.
    pub goal: &'a str,
    /// The settled plan.
    pub document: &'a Value,
    /// Whether the agents came to their end by themselves, with everything proven.
    pub complete: bool,
    /// Whether the offline script wrote it.
    pub offline: bool,
    /// What is to be decided on.
    pub items: &'a [NewItem<'a>],
    /// What it wants to reach, to be looked at again in time.
    pub kpis: &'a [NewKpi<'a>],
}

/// A proposal to be decided on.
#[derive(Clone, Debug)]
pub struct NewItem<'a> {
    /// Its key in the plan.
    pub key: &'a str,
    /// SHA-256, in hexadecimal, of all that is decided on.
    pub hash: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether it may be approved: nothing about it is unproven.
    pub approvable: bool,
    /// What is done then.
    pub terms: &'a Terms,
}

/// A plan.
#[derive(Clone, Debug)]
pub struct PlanRow {
    /// The run that made it.
    pub run_id: RunId,
    /// The task.
    pub kind: String,
    /// What was asked for.
    pub goal: String,
    /// `validated` (nothing to decide), `awaiting_approval`, `approved`, `rejected` or `expired`.
    pub state: String,
    /// The settled plan.
    pub document: Value,
    /// Whether the agents came to their end by themselves, with everything proven.
    pub complete: bool,
    /// Whether the offline script wrote it.
    pub offline: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A plan in a list.
#[derive(Clone, Debug)]
pub struct PlanLine {
    /// The shop.
    pub tenant: String,
    /// The run that made it.
    pub run_id: RunId,
    /// The task.
    pub kind: String,
    /// What was asked for.
    pub goal: String,
    /// As in [`PlanRow`].
    pub state: String,
    /// Whether the agents came to their end by themselves, with everything proven.
    pub complete: bool,
    /// Whether the offline script wrote it.
    pub offline: bool,
    /// Proposals.
    pub items: i64,
    /// Proposals that nobody has decided on.
    pub undecided: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A proposal.
#[derive(Clone, Debug)]
pub struct PlanItem {
    /// Its key in the plan.
    pub key: String,
    /// What a decision holds for.
    pub hash: String,
    /// Its name.
    pub name: String,
    /// Whether it may be approved.
    pub approvable: bool,
    /// `proposed`, `approved`, `rejected` or `expired`.
    pub state: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
}

/// Keeps a run's plan with its proposals; the first one counts. `false` if there was one.
///
/// # Errors
/// [`ErrorKind::Superseded`](crate::ErrorKind::Superseded), or as any statement.
pub async fn put(tx: &mut Tx, lease: &Lease, plan: &NewPlan<'_>) -> Result<bool, StoreError> {
    agent_runs::hold(tx, lease).await?;
    let state = if plan.items.is_empty() { "validated" } else { "awaiting_approval" };
    let put = sqlx::query!(
        "insert into plans (tenant_id, run_id, kind, goal, state, document, complete, offline)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
        lease.tenant as TenantId,
        lease.run_id as RunId,
        plan.kind,
        agent_runs::storable(plan.goal),
        state,
        agent_runs::storable_json(plan.document),
        plan.complete,
        plan.offline,
    )
    .execute(&mut **tx)
    .await
    .doing("keeping a plan")?;
    if put.rows_affected() == 0 {
        return Ok(false);
    }
    for item in plan.items {
        sqlx::query!(
            "insert into plan_items (tenant_id, run_id, key, hash, name, approvable, terms)
             values ($1, $2, $3, $4, $5, $6, $7)",
            lease.tenant as TenantId,
            lease.run_id as RunId,
            agent_runs::storable(item.key),
            item.hash,
            agent_runs::storable(item.name),
            item.approvable,
            agent_runs::storable_json(&item.terms.stored()),
        )
        .execute(&mut **tx)
        .await
        .doing("keeping a proposal")?;
    }
    kpi_follow_ups::put(tx, lease, plan.kpis).await?;
    Ok(true)
}

/// The plan of a run.
///
/// # Errors
/// As any statement.
pub async fn get(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Option<PlanRow>, StoreError> {
    sqlx::query_as!(
        PlanRow,
        r#"select run_id as "run_id: RunId", kind, goal, state, document, complete, offline, created_at
           from plans where tenant_id = $1 and run_id = $2"#,
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_optional(db)
    .await
    .doing("reading a plan")
}

/// The proposals of a plan, by their keys.
///
/// # Errors
/// As any statement.
pub async fn items(
    db: &mut Connection,
    tenant: TenantId,
    run_id: RunId,
) -> Result<Vec<PlanItem>, StoreError> {
    sqlx::query_as!(
        PlanItem,
        "select key, hash, name, approvable, state, decided_by, reason, decided_at
         from plan_items where tenant_id = $1 and run_id = $2 order by key",
        tenant as TenantId,
        run_id as RunId,
    )
    .fetch_all(db)
    .await
    .doing("reading proposals")
}

/// Which plans. Each that is set narrows.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanFilter<'a> {
    /// Of this shop, by its handle.
    pub tenant: Option<&'a str>,
    /// In this state.
    pub state: Option<&'a str>,
    /// Older than that of this run.
    pub before: Option<RunId>,
}

/// Plans, newest first, of one shop or of each in its turn.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, filter: &PlanFilter<'_>, limit: i64) -> Result<Vec<PlanLine>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let lines = sqlx::query_as!(
        PlanLine,
        r#"select tenant_handle as "tenant!", run_id as "run_id!: RunId", kind as "kind!", goal as "goal!",
               state as "state!", complete as "complete!", offline as "offline!", items as "items!",
               undecided as "undecided!", created_at as "created_at!"
           from plans_of_shops($1, $2, $3, $4)"#,
        filter.tenant,
        filter.state,
        filter.before.map(|run| run.0),
        limit,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("listing plans")?;
    tx.rollback().await?;
    Ok(lines)
}

/// Expires a tenant's plans on which nobody has decided for so long. Returns how many.
///
/// # Errors
/// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) and the like.
pub async fn expire(tx: &mut Tx, tenant: TenantId) -> Result<u64, StoreError> {
    let expired = sqlx::query_file!("src/plans/expire.sql", tenant as TenantId, UNDECIDED_DAYS)
        .execute(&mut **tx)
        .await
        .doing("expiring plans")?;
    Ok(expired.rows_affected())
}
