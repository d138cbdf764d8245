//! What the sweep looks for: runs that wait, runs whose message is gone.

use std::time::Duration;

use crate::error::{Doing, StoreError};
use crate::{Pool, RunId};

/// A run that waits for its children.
#[derive(Clone, Copy, Debug)]
pub struct WaitingRun {
    /// The run.
    pub run_id: RunId,
    /// Whether batches of it are still planned.
    pub has_planned: bool,
}

/// Runs that wait for children, oldest first.
///
/// # Errors
/// As any statement.
pub async fn waiting(pool: &Pool, limit: i64) -> Result<Vec<WaitingRun>, StoreError> {
    sqlx::query_file_as!(WaitingRun, "src/runs/waiting.sql", limit)
        .fetch_all(pool)
        .await
        .doing("listing the waiting runs")
}

/// Gives runs whose message was lost a new one. Returns how many.
///
/// # Errors
/// As any statement.
pub async fn requeue_stranded(pool: &Pool, grace: Duration, limit: i64) -> Result<u64, StoreError> {
    sqlx::query_file!("src/runs/requeue_stranded.sql", grace.as_secs_f64(), limit)
        .execute(pool)
        .await
        .doing("looking for stranded runs")
        .map(|done| done.rows_affected())
}
