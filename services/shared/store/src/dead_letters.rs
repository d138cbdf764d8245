//! Dead letters: what could not be done, with the whole story.

mod act;
mod retry;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

pub use act::{Replay, Replayed, discard, replay};
pub use retry::{Discarded, Retried, retry};

use crate::error::{Doing, StoreError};
use crate::{Connection, RunId, TenantId};

/// A dead letter to be written.
#[derive(Clone, Debug)]
pub struct NewDeadLetter {
    /// Id.
    pub id: Uuid,
    /// The run, if the message could be read that far and the database knows it.
    pub run_id: Option<RunId>,
    /// Its tenant.
    pub tenant_id: Option<TenantId>,
    /// Its task.
    pub task: Option<String>,
    /// Subject that the message came from.
    pub subject: String,
    /// The message as received.
    pub message: Vec<u8>,
    /// Name and value of its headers, of an event.
    pub headers: Option<Vec<(String, String)>>,
    /// Code of the last error.
    pub code: String,
    /// Error chain, outermost first.
    pub errors: Vec<String>,
    /// Groups dead letters with one cause.
    pub fingerprint: String,
    /// Build that gave up.
    pub build: String,
}

/// Writes a dead letter.
///
/// # Errors
/// As any statement.
pub async fn add(db: &mut Connection, new: &NewDeadLetter) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into dead_letters (id, run_id, tenant_id, task, subject, message, code, errors, fingerprint, build,
             headers)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.id,
        new.run_id as Option<RunId>,
        new.tenant_id as Option<TenantId>,
        new.task,
        new.subject,
        new.message,
        new.code,
        &new.errors,
        new.fingerprint,
        new.build,
        new.headers.as_ref().map(Json) as Option<Json<&Vec<(String, String)>>>,
    )
    .execute(db)
    .await
    .doing("writing a dead letter")
    .map(drop)
}

/// A dead letter, with what has become of its run.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Id.
    pub id: Uuid,
    /// Run.
    pub run_id: Option<RunId>,
    /// Tenant.
    pub tenant_id: Option<TenantId>,
    /// The tenant's handle.
    pub tenant_handle: Option<String>,
    /// Task.
    pub task: Option<String>,
    /// Subject that the message came from.
    pub subject: String,
    /// The message as received.
    pub message: Vec<u8>,
    /// Name and value of its headers, of an event.
    pub headers: Option<Json<Vec<(String, String)>>>,
    /// Code of the last error.
    pub code: String,
    /// Error chain, outermost first.
    pub errors: Vec<String>,
    /// Groups dead letters with one cause.
    pub fingerprint: String,
    /// Build that gave up.
    pub build: String,
    /// When it was given up.
    pub dead_at: DateTime<Utc>,
    /// `replayed` or `discarded`, once somebody has seen to it.
    pub resolution: Option<String>,
    /// When.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Who.
    pub resolved_by: Option<String>,
    /// State of its run now: it may have been tried again since.
    pub run_state: Option<String>,
    /// Key of the run.
    pub run_key: Option<String>,
    /// Attempts of the run so far.
    pub run_attempt: Option<i32>,
    /// Input of the run, encoded.
    pub run_payload: Option<Vec<u8>>,
    /// Members in the run's batch, if it executes one.
    pub batch_members: Option<i32>,
    /// First of them.
    pub batch_first: Option<Uuid>,
    /// Last of them.
    pub batch_last: Option<Uuid>,
}

/// Which dead letters. Each that is set narrows; none set means all.
#[derive(Clone, Debug, Default)]
pub struct DeadFilter {
    /// These.
    pub ids: Option<Vec<Uuid>>,
    /// Of this group.
    pub fingerprint: Option<String>,
    /// With this code.
    pub code: Option<String>,
    /// Of this task.
    pub task: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of one of these runs or one below it.
    pub runs: Option<Vec<RunId>>,
    /// Given up at or after.
    pub since: Option<DateTime<Utc>>,
    /// Given up before.
    pub until: Option<DateTime<Utc>>,
    /// Also those that somebody has seen to.
    pub resolved: bool,
}

/// The order of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadOrder {
    /// As they died: the order to replay in.
    OldestFirst,
    /// For a list.
    NewestFirst,
}

/// The first `limit` dead letters of a filter.
///
/// # Errors
/// As any statement.
pub async fn select(
    db: &mut Connection,
    filter: &DeadFilter,
    order: DeadOrder,
    limit: i64,
) -> Result<Vec<DeadLetter>, StoreError> {
    let runs: Option<Vec<Uuid>> = filter.runs.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    sqlx::query_file_as!(
        DeadLetter,
        "src/dead_letters/select.sql",
        filter.ids.as_deref(),
        filter.fingerprint,
        filter.code,
        filter.task,
        filter.tenant,
        filter.since,
        filter.until,
        filter.resolved,
        limit,
        order == DeadOrder::NewestFirst,
        runs.as_deref(),
    )
    .fetch_all(db)
    .await
    .doing("looking for dead letters")
}

/// How far a cause reaches: all that died of it and that nobody has seen to.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The code of its error.
    pub code: String,
    /// The task, if it is known.
    pub task: Option<String>,
    /// How many letters.
    pub letters: i64,
    /// Handles of the tenants that it has hit.
    pub tenants: Vec<String>,
    /// Members in their batches.
    pub members: i64,
}

/// How far a cause reaches; `None` if nothing is left of it.
///
/// # Errors
/// As any statement.
pub async fn reach(db: &mut Connection, fingerprint: &str) -> Result<Option<Reach>, StoreError> {
    sqlx::query_file_as!(Reach, "src/dead_letters/reach.sql", fingerprint)
        .fetch_optional(db)
        .await
        .doing("looking how far a cause reaches")
}

/// What a run died of.
#[derive(Clone, Debug)]
pub struct Died {
    /// Groups dead letters with one cause.
    pub fingerprint: String,
    /// Error chain, outermost first.
    pub errors: Vec<String>,
    /// Build that gave up.
    pub build: String,
    /// Nobody has seen to it.
    pub is_open: bool,
}

/// What a run died of, the last time; `None` if it never did.
///
/// # Errors
/// As any statement.
pub async fn of_run(db: &mut Connection, run_id: RunId) -> Result<Option<Died>, StoreError> {
    sqlx::query_as!(
        Died,
        r#"select fingerprint, errors, build, resolution is null as "is_open!" from dead_letters
           where run_id = $1 order by id desc limit 1"#,
        run_id as RunId,
    )
    .fetch_optional(db)
    .await
    .doing("looking what a run died of")
}
