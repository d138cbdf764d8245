//! How long things are kept that are not money.

mod agents;

use crate::error::{Doing, StoreError};
use crate::{Pool, TenantId, Tx, deliveries, snapshots};

/// Trees of runs that one call deletes at most.
const TREES_MAX: i64 = 50;
/// Bodies of events that one call erases at most.
const BODIES_MAX: i64 = 1_000;

/// How long, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Log lines of attempts.
    pub log_days: i32,
    /// Ended runs with all that belongs to them. Entries of the ledger stay for ever, and their keys
    /// go on protecting: a run that is triggered again finds everything granted.
    pub run_days: i32,
    /// Bodies of events, which hold personal data, what endpoints were told, and what agents were told and answered.
    pub body_days: i32,
}

/// Makes the next days' partitions for log lines and drops those that are over.
///
/// # Errors
/// As any statement.
pub async fn keep_logs(pool: &Pool, keep: Keep) -> Result<(), StoreError> {
    sqlx::query!("select keep_run_logs($1)", keep.log_days)
        .execute(pool)
        .await
        .doing("keeping log lines for as long as is said")
        .map(drop)
}

/// Erases bodies of a tenant's events that are older than that, and what its agents were told and answered before;
/// ends what agents have left open; and deletes old snapshots. Returns how many bodies, runs and rows; call it again while
/// there are any.
///
/// # Errors
/// As any statement.
pub async fn erase_bodies(pool: &Pool, tenant: TenantId, keep: Keep) -> Result<u64, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    let erased = sqlx::query!(
        "update events set body = null, erased_at = clock_timestamp()
         where tenant_id = $1 and id = any (array(
             select id from events
             where tenant_id = $1 and body is not null and received_at < now() - make_interval(days => $2)
             order by received_at limit $3))",
        tenant as TenantId,
        keep.body_days,
        BODIES_MAX,
    )
    .execute(&mut *tx)
    .await
    .doing("erasing bodies of events")?;
    tx.commit().await?;
    let others = agents::keep(pool, tenant, keep).await? + snapshots::forget_old(pool, tenant).await?;
    Ok(erased.rows_affected() + others)
}

/// Deletes some of a tenant's deliveries that ended so long ago, with what they said. Returns how many; call it again
/// while there are any.
///
/// # Errors
/// As any statement.
pub async fn delete_deliveries(pool: &Pool, tenant: TenantId, keep: Keep) -> Result<u64, StoreError> {
    let mut tx = Tx::of_tenant(pool, tenant).await?;
    let deleted = deliveries::delete_ended(&mut tx, tenant, keep.body_days).await?;
    tx.commit().await?;
    Ok(deleted)
}

/// Deletes some trees of runs that ended long ago. Returns how many runs; call it again while there
/// are any.
///
/// # Errors
/// As any statement.
pub async fn delete_ended_runs(pool: &Pool, keep: Keep) -> Result<u64, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let runs = sqlx::query_file_scalar!("src/retention/delete_ended_runs.sql", keep.run_days, TREES_MAX)
        .fetch_one(&mut *tx)
        .await
        .doing("deleting runs that ended long ago")?;
    tx.commit().await?;
    Ok(u64::try_from(runs).unwrap_or(0))
}
