//! Bulk acts: what a person does with all runs that a list is narrowed to, worked off in chunks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, Tx};

/// Whoever works on a chunk has the act for so long; then somebody else goes on.
pub const LEASE: Duration = Duration::from_secs(120);
/// A chunk that was not done is tried again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Days for which acts are kept that have ended.
const KEEP_DAYS: i32 = 90;

/// A bulk act.
#[derive(Clone, Debug)]
pub struct BulkAct {
    /// Id.
    pub id: Uuid,
    /// `retry` or `cancel`.
    pub act: String,
    /// What the list was narrowed by.
    pub filter: Value,
    /// Who asked for it.
    pub asked_by: String,
    /// Why.
    pub reason: String,
    /// Runs that matched when it was asked for.
    pub total: i64,
    /// When that was: runs made later are not meant.
    pub created_at: DateTime<Utc>,
    /// The last run that it came to; newer ones come first.
    pub reached: Option<RunId>,
    /// Runs that it came to.
    pub seen: i64,
    /// Runs that it changed, those below included.
    pub changed: i64,
    /// `running`, `stopped` or `done`.
    pub state: String,
    /// Why the last chunk was not done; it is tried again.
    pub error: Option<String>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Asks for an act on `total` runs, and forgets old ones. A console works on it once this is committed.
///
/// # Errors
/// As any statement.
pub async fn begin(
    tx: &mut Tx,
    act: &str,
    filter: &Value,
    total: i64,
    reason: &str,
    actor: &Actor,
) -> Result<Uuid, StoreError> {
    sqlx::query!("delete from bulk_acts where ended_at < now() - make_interval(days => $1)", KEEP_DAYS)
        .execute(&mut **tx)
        .await
        .doing("forgetting old bulk acts")?;
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into bulk_acts (id, act, filter, asked_by, reason, total) values ($1, $2, $3, $4, $5, $6)",
        id,
        act,
        filter,
        actor.name,
        reason,
        total,
    )
    .execute(&mut **tx)
    .await
    .doing("asking for a bulk act")?;
    let subject = json!({ "bulk_act": id, "act": act, "filter": filter, "runs": total });
    audit::record(tx, actor, "bulk_acts.begin", &subject).await?;
    Ok(id)
}

/// Takes an act that nobody works on.
///
/// # Errors
/// As any statement.
pub async fn take(pool: &Pool) -> Result<Option<BulkAct>, StoreError> {
    sqlx::query_file_as!(BulkAct, "src/bulk_acts/take.sql", LEASE.as_secs_f64())
        .fetch_optional(pool)
        .await
        .doing("taking a bulk act")
}

/// What a chunk came to.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// The last run that it came to.
    pub reached: Option<RunId>,
    /// Runs that it came to.
    pub seen: i64,
    /// Runs that it changed, those below included.
    pub changed: i64,
    /// Nothing is left after it.
    pub is_last: bool,
}

/// Notes a chunk and lets go of the act; with the last one it ends. `false` if it was stopped, or somebody else went on
/// with it: then the chunk has to be rolled back.
///
/// # Errors
/// As any statement.
pub async fn went_on(db: &mut Connection, act: &BulkAct, chunk: Chunk) -> Result<bool, StoreError> {
    sqlx::query!(
        "update bulk_acts set reached = coalesce($3, reached), seen = seen + $4, changed = changed + $5, error = null,
             leased_until = clock_timestamp(), state = case when $6 then 'done' else state end,
             ended_at = case when $6 then clock_timestamp() end
         where id = $1 and state = 'running' and reached is not distinct from $2",
        act.id,
        act.reached as Option<RunId>,
        chunk.reached as Option<RunId>,
        chunk.seen,
        chunk.changed,
        chunk.is_last,
    )
    .execute(db)
    .await
    .doing("noting the progress of a bulk act")
    .map(|done| done.rows_affected() == 1)
}

/// Counts a chunk that was done when the act had been stopped already.
///
/// # Errors
/// As any statement.
pub async fn add_late(pool: &Pool, id: Uuid, chunk: Chunk) -> Result<(), StoreError> {
    sqlx::query!(
        "update bulk_acts set seen = seen + $2, changed = changed + $3 where id = $1 and state = 'stopped'",
        id,
        chunk.seen,
        chunk.changed,
    )
    .execute(pool)
    .await
    .doing("noting what a bulk act has done at last")
    .map(drop)
}

/// Notes that a chunk was not done. It is tried again in a moment, or `for_good` not at all.
///
/// # Errors
/// As any statement.
pub async fn failed(pool: &Pool, act: &BulkAct, error: &str, for_good: bool) -> Result<(), StoreError> {
    sqlx::query!(
        "update bulk_acts set error = $3,
             leased_until = case when not $4 then clock_timestamp() + make_interval(secs => $5) end,
             state = case when $4 then 'stopped' else state end, ended_at = case when $4 then clock_timestamp() end
         where id = $1 and state = 'running' and reached is not distinct from $2",
        act.id,
        act.reached as Option<RunId>,
        error,
        for_good,
        AGAIN_AFTER.as_secs_f64(),
    )
    .execute(pool)
    .await
    .doing("noting that a bulk act does not go on")
    .map(drop)
}

/// Stops an act: what it has done stays. `false` if it has ended already.
///
/// # Errors
/// As any statement.
pub async fn stop(tx: &mut Tx, id: Uuid, actor: &Actor) -> Result<bool, StoreError> {
    let seen = sqlx::query_scalar!(
        "update bulk_acts set state = 'stopped', ended_at = clock_timestamp(), leased_until = null
         where id = $1 and state = 'running' returning seen",
        id,
    )
    .fetch_optional(&mut **tx)
    .await
    .doing("stopping a bulk act")?;
    let Some(seen) = seen else { return Ok(false) };
    audit::record(tx, actor, "bulk_acts.stop", &json!({ "bulk_act": id, "seen": seen })).await?;
    Ok(true)
}

/// An act.
///
/// # Errors
/// As any statement.
pub async fn read(pool: &Pool, id: Uuid) -> Result<Option<BulkAct>, StoreError> {
    Ok(some(pool, Some(id), 1).await?.pop())
}

/// Acts, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, limit: i64) -> Result<Vec<BulkAct>, StoreError> {
    some(pool, None, limit).await
}

async fn some(pool: &Pool, id: Option<Uuid>, limit: i64) -> Result<Vec<BulkAct>, StoreError> {
    sqlx::query_as!(
        BulkAct,
        r#"select id, act, filter, asked_by, reason, total, created_at, reached as "reached: RunId", seen, changed,
               state, error, ended_at
           from bulk_acts where $1::uuid is null or id = $1 order by id desc limit $2"#,
        id,
        limit,
    )
    .fetch_all(pool)
    .await
    .doing("reading bulk acts")
}
