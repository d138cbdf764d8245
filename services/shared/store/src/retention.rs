//! How long things are kept that are not money.

use crate::error::{Doing, StoreError};
use crate::{Pool, Tx};

/// Trees of runs that one call deletes at most.
const TREES_MAX: i64 = 50;

/// How long, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Log lines of attempts.
    pub log_days: i32,
    /// Ended runs with all that belongs to them. Entries of the ledger stay for ever, and their keys
    /// go on protecting: a run that is triggered again finds everything granted.
    pub run_days: i32,
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
