//! Log lines of attempts.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::error::{Doing, StoreError};
use crate::{Pool, RunId};

/// A line that an attempt logged.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLine {
    /// The run.
    pub run_id: RunId,
    /// The attempt.
    pub attempt: i32,
    /// When, by the worker's clock.
    pub at: DateTime<Utc>,
    /// Order within the attempt.
    pub seq: i64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// The text.
    pub message: String,
    /// Other fields.
    pub fields: Option<Value>,
}

/// Keeps lines. They may be of many runs.
///
/// # Errors
/// As any statement; the lines are lost then, and the worker's own log has them.
pub async fn add(pool: &Pool, lines: &[RunLine]) -> Result<(), StoreError> {
    // No text of ours holds a zero byte, but an error's may, and PostgreSQL's text can't.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query!(
        "insert into run_logs (run_id, attempt, at, seq, level, message, fields)
         select * from unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[],
             $7::jsonb[])",
        &lines.iter().map(|line| line.run_id.0).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.attempt).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.at).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.seq).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.level.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|line| clean(&line.message)).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.fields.clone()).collect::<Vec<_>>() as &[Option<Value>],
    )
    .execute(pool)
    .await
    .doing("keeping log lines")
    .map(drop)
}

/// The lines of a run, oldest first; of one attempt, if it is named; those after `after`, which is the
/// number of lines that are known already.
///
/// # Errors
/// As any statement.
pub async fn of_run(
    pool: &Pool,
    run_id: RunId,
    attempt: Option<i32>,
    after: i64,
    limit: i64,
) -> Result<Vec<RunLine>, StoreError> {
    sqlx::query_as!(
        RunLine,
        r#"select run_id as "run_id: RunId", attempt, at, seq, level, message, fields
           from run_logs where run_id = $1 and ($2::integer is null or attempt = $2)
           order by attempt, seq offset $3 limit $4"#,
        run_id as RunId,
        attempt,
        after,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("reading log lines")
}
