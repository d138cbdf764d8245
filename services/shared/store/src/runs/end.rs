//! Ending: attempts, runs, and the runs that waited for them.

use std::time::Duration;

use sqlx::types::Json;
use tradeup_domain::ErrorCode;
use uuid::Uuid;

use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, RunId};

/// How an attempt ends.
#[derive(Clone, Debug)]
pub enum Ending {
    /// Done.
    Succeeded {
        /// What to show of it.
        result: Option<serde_json::Value>,
    },
    /// Its children were created; it ends when they have.
    Waiting,
    /// Nothing done yet; to be tried later, without using up an attempt.
    Snoozed {
        /// After this long.
        after: Duration,
    },
    /// Failed; to be tried again.
    Retrying {
        /// After this long.
        after: Duration,
        /// The error's code.
        code: ErrorCode,
        /// The error.
        error: String,
    },
    /// Given up.
    Dead {
        /// The error's code.
        code: ErrorCode,
        /// The error.
        error: String,
        /// What to show of it all the same.
        result: Option<serde_json::Value>,
    },
}

/// Ends an attempt in the transaction of its effects.
///
/// # Errors
/// [`ErrorKind::Superseded`] if another attempt has taken over: roll back.
pub async fn finish(
    db: &mut Connection,
    run_id: RunId,
    attempt: i32,
    ending: &Ending,
) -> Result<(), StoreError> {
    let (state, outcome) = match ending {
        Ending::Succeeded { .. } => ("succeeded", "succeeded"),
        Ending::Waiting => ("waiting", "waiting"),
        Ending::Snoozed { .. } => ("scheduled", "snoozed"),
        Ending::Retrying { .. } => ("retrying", "failed"),
        Ending::Dead { .. } => ("dead", "dead"),
    };
    let result = match ending {
        Ending::Succeeded { result } | Ending::Dead { result, .. } => result.clone().map(Json),
        _ => None,
    };
    let (code, error, after) = match ending {
        Ending::Retrying { after, code, error } => (Some(code.as_str()), Some(error), after.as_secs_f64()),
        Ending::Dead { code, error, .. } => (Some(code.as_str()), Some(error), 0.0),
        Ending::Snoozed { after } => (None, None, after.as_secs_f64()),
        _ => (None, None, 0.0),
    };
    let ended = sqlx::query_file!(
        "src/runs/finish.sql",
        run_id as RunId,
        attempt,
        state,
        result as Option<Json<serde_json::Value>>,
        code,
        error,
        after,
        outcome,
    )
    .execute(db)
    .await
    .doing("ending an attempt")?
    .rows_affected();
    if ended == 1 { Ok(()) } else { Err(StoreError::of_kind(ErrorKind::Superseded, "ending an attempt")) }
}

/// Ends a run that used up its attempts without a living worker. `false` if somebody else was
/// quicker or it is held after all.
///
/// # Errors
/// As any statement.
pub async fn end_exhausted(db: &mut Connection, run_id: RunId, error: &str) -> Result<bool, StoreError> {
    let ended = sqlx::query!(
        "with ended as (
            update runs set state = 'dead', lease_expires_at = null, next_attempt_at = null,
                error_code = $2, error = $3, finished_at = clock_timestamp()
            where id = $1 and finished_at is null and attempt >= max_attempts
                and (lease_expires_at is null or lease_expires_at < clock_timestamp())
            returning id
        ), lost as (
            update attempts a set outcome = 'lost', finished_at = now()
            from ended where a.run_id = ended.id and a.outcome is null
        )
        select count(*) as \"ended!\" from ended",
        run_id as RunId,
        ErrorCode::AttemptsExhausted.as_str(),
        error,
    )
    .fetch_one(db)
    .await
    .doing("ending an exhausted run")?
    .ended;
    Ok(ended == 1)
}

/// Ends those of `parents` whose children have ended, and then their own parents, and so on. Call it after the
/// commit that ended a child. Returns how many runs ended.
///
/// # Errors
/// As any statement; the sweep tries again.
pub async fn settle_parents(pool: &Pool, parents: &[RunId]) -> Result<u32, StoreError> {
    let mut settled = 0;
    let mut next: Vec<Uuid> = parents.iter().map(|parent| parent.0).collect();
    while !next.is_empty() {
        next.sort_unstable();
        next.dedup();
        let ended =
            sqlx::query_file!("src/runs/settle_parents.sql", &next, ErrorCode::ChildrenFailed.as_str())
                .fetch_all(pool)
                .await
                .doing("ending runs whose child runs have ended")?;
        settled += u32::try_from(ended.len()).unwrap_or(u32::MAX);
        next = ended.into_iter().filter_map(|row| row.parent_id).map(|parent| parent.0).collect();
    }
    Ok(settled)
}
