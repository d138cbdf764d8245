//! Dead letters: what could not be done, with the whole story.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId};

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
        "insert into dead_letters (id, run_id, tenant_id, task, subject, message, code, errors, fingerprint, build)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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
    )
    .execute(db)
    .await
    .doing("writing a dead letter")
    .map(drop)
}

/// A dead letter as it is listed.
#[derive(Clone, Debug)]
pub struct DeadLetterView {
    /// Id.
    pub id: Uuid,
    /// Run.
    pub run_id: Option<RunId>,
    /// The tenant's handle.
    pub tenant_handle: Option<String>,
    /// Task.
    pub task: Option<String>,
    /// Subject that the message came from.
    pub subject: String,
    /// Code of the last error.
    pub code: String,
    /// Error chain, outermost first.
    pub errors: Vec<String>,
    /// Groups dead letters with one cause.
    pub fingerprint: String,
    /// When it was given up.
    pub dead_at: DateTime<Utc>,
    /// State of its run now: it may have been tried again since.
    pub run_state: Option<String>,
}

/// The latest dead letters, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, limit: i64) -> Result<Vec<DeadLetterView>, StoreError> {
    sqlx::query_as!(
        DeadLetterView,
        r#"select d.id, d.run_id as "run_id: RunId", t.handle as "tenant_handle?", d.task, d.subject, d.code,
               d.errors, d.fingerprint, d.dead_at, r.state as "run_state?"
           from dead_letters d left join tenants t on t.id = d.tenant_id
           left join runs r on r.id = d.run_id
           order by d.id desc limit $1"#,
        limit
    )
    .fetch_all(pool)
    .await
    .doing("listing dead letters")
}
