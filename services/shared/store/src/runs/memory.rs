//! What a run's task says of its progress, and what it wants to find again after a crash.

use chrono::{DateTime, Utc};

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Pool, RunId};

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunProgress {
    /// The attempt that said so.
    pub attempt: i32,
    /// Done.
    pub done: i64,
    /// Of so many, if that is known.
    pub total: Option<i64>,
    /// In words.
    pub note: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Notes how far a run is. Ignored for an attempt that has been taken over.
///
/// # Errors
/// As any statement.
pub async fn note_progress(
    pool: &Pool,
    run_id: RunId,
    attempt: i32,
    done: i64,
    total: Option<i64>,
    note: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into run_progress (run_id, attempt, done, total, note)
         select id, attempt, $3, $4, $5 from runs where id = $1 and attempt = $2 and state = 'running'
         on conflict (run_id) do update set attempt = $2, done = $3, total = $4, note = $5, at = now()",
        run_id as RunId,
        attempt,
        done,
        total,
        note,
    )
    .execute(pool)
    .await
    .doing("noting progress")
    .map(drop)
}

/// How far a run is, if its task has said so.
///
/// # Errors
/// As any statement.
pub async fn progress(pool: &Pool, run_id: RunId) -> Result<Option<RunProgress>, StoreError> {
    sqlx::query_as!(
        RunProgress,
        "select attempt, done, total, note, at from run_progress where run_id = $1",
        run_id as RunId
    )
    .fetch_optional(pool)
    .await
    .doing("reading progress")
}

/// Saves something under a name, for this attempt or a later one to find. Committed at once.
///
/// # Errors
/// [`ErrorKind::Superseded`] if another attempt has taken over, or the run was cancelled.
pub async fn save_checkpoint(
    pool: &Pool,
    run_id: RunId,
    attempt: i32,
    name: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    let doing = "saving a checkpoint";
    let saved = sqlx::query!(
        "insert into run_checkpoints (run_id, name, value, attempt)
         select id, $3, $4, attempt from runs where id = $1 and attempt = $2 and state = 'running' for update
         on conflict (run_id, name) do update set value = $4, attempt = $2, saved_at = now()",
        run_id as RunId,
        attempt,
        name,
        value,
    )
    .execute(pool)
    .await
    .doing(doing)?
    .rows_affected();
    if saved == 1 { Ok(()) } else { Err(StoreError::of_kind(ErrorKind::Superseded, doing)) }
}

/// What was saved under a name, by whichever attempt.
///
/// # Errors
/// As any statement.
pub async fn checkpoint(pool: &Pool, run_id: RunId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    sqlx::query_scalar!(
        "select value from run_checkpoints where run_id = $1 and name = $2",
        run_id as RunId,
        name
    )
    .fetch_optional(pool)
    .await
    .doing("reading a checkpoint")
}
