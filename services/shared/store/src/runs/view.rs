//! Runs as they are shown.

use chrono::{DateTime, TimeDelta, Utc};
use tradeup_signals::trace;

use crate::error::{Doing, StoreError};
use crate::ids::first_id;
use crate::{Connection, Pool, RunId, TenantId, Tx};

/// A run as it is shown.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Id.
    pub run_id: RunId,
    /// Tenant.
    pub tenant_id: Option<TenantId>,
    /// The tenant's handle.
    pub tenant_handle: Option<String>,
    /// Task name.
    pub task: String,
    /// Key.
    pub key: String,
    /// `schedule`, `manual` or `parent`.
    pub trigger: String,
    /// The schedule's or the person's name.
    pub triggered_by: Option<String>,
    /// State.
    pub state: String,
    /// Run that waits for it.
    pub parent_id: Option<RunId>,
    /// Run that it all began with.
    pub root_id: RunId,
    /// Attempts so far.
    pub attempt: i32,
    /// Most attempts; known from the first on.
    pub max_attempts: Option<i32>,
    /// Code of the last error.
    pub error_code: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// Result, once it has ended.
    pub result: Option<serde_json::Value>,
    /// When it was due.
    pub scheduled_for: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it is tried again.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Whether it takes the lane of urgent runs.
    pub urgent: bool,
    /// What people search for.
    pub tags: Vec<String>,
    /// Why it is not tried although it could be: a pause, a breaker, a limit, in words.
    pub held_because: Option<String>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// One run.
    pub run_id: Option<RunId>,
    /// Children of this run.
    pub parent_id: Option<RunId>,
    /// Of this task.
    pub task: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Children too, not just runs that somebody triggered.
    pub with_children: bool,
    /// With this tag.
    pub tag: Option<String>,
    /// Triggered so: `schedule`, `manual`, `parent` or `event`.
    pub trigger: Option<String>,
    /// Whose latest error has this code; children too.
    pub error_code: Option<String>,
    /// With this key, or one that begins so.
    pub key_prefix: Option<String>,
    /// Created since.
    pub since: Option<DateTime<Utc>>,
    /// Created before.
    pub until: Option<DateTime<Utc>>,
    /// Only those that have not ended.
    pub unfinished: bool,
    /// Only runs older than this one: the next page.
    pub before: Option<RunId>,
}

impl RunFilter {
    /// Whether what it asks for is found below other runs mostly.
    fn asks_for_children(&self) -> bool {
        self.error_code.is_some() || self.trigger.as_deref() == Some("parent")
    }
}

/// Clocks of those who make runs differ from the database's by less than this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// A text that is to be found as it is, for `like`.
fn beginning(prefix: &str) -> String {
    let mut pattern = prefix.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    pattern.push('%');
    pattern
}

/// Lists runs, newest first. Of one task or one error, children are among them whether they are asked for or not.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool, filter: &RunFilter, limit: i64) -> Result<Vec<RunView>, StoreError> {
    let with_children = filter.with_children
        || filter.run_id.is_some()
        || filter.parent_id.is_some()
        || filter.task.is_some()
        || filter.asks_for_children();
    let mut tx = Tx::of_engine(pool).await?;
    plan_anew(&mut tx).await?;
    let found = sqlx::query_file_as!(
        RunView,
        "src/runs/list.sql",
        filter.run_id.map(|id| id.0),
        filter.parent_id.map(|id| id.0),
        filter.task,
        filter.state,
        filter.tenant,
        with_children,
        filter.before.map(|id| id.0),
        limit,
        filter.tag,
        filter.key_prefix.as_deref().map(beginning),
        filter.since,
        filter.until,
        filter.unfinished,
        filter.since.and_then(|at| at.checked_sub_signed(CLOCKS_DIFFER)).map(first_id),
        filter.until.and_then(|at| at.checked_add_signed(CLOCKS_DIFFER)).map(first_id),
        filter.trigger,
        filter.error_code,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("listing runs")?;
    tx.rollback().await?;
    Ok(found)
}

/// How many runs match by their state now, of the newest `limit`; of the filter, `run_id`, `parent_id`, `before` and
/// `unfinished` do not count. Children as in [`list`].
///
/// # Errors
/// As any statement.
pub async fn count(pool: &Pool, filter: &RunFilter, limit: i64) -> Result<Vec<(String, i64)>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    plan_anew(&mut tx).await?;
    let found = sqlx::query_file!(
        "src/runs/count.sql",
        filter.task,
        filter.state,
        filter.tenant,
        filter.with_children || filter.task.is_some() || filter.asks_for_children(),
        filter.tag,
        filter.key_prefix.as_deref().map(beginning),
        filter.since,
        limit,
        filter.until,
        filter.since.and_then(|at| at.checked_sub_signed(CLOCKS_DIFFER)).map(first_id),
        filter.until.and_then(|at| at.checked_add_signed(CLOCKS_DIFFER)).map(first_id),
        filter.trigger,
        filter.error_code,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("counting runs")?;
    tx.rollback().await?;
    Ok(found.into_iter().map(|row| (row.state, row.runs)).collect())
}

/// A plan for anything would look through all runs for what is seldom.
async fn plan_anew(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query!("select set_config('plan_cache_mode', 'force_custom_plan', true)")
        .fetch_one(&mut **tx)
        .await
        .doing("planning a list of runs")
        .map(drop)
}

/// The id of the trace that a run belongs to, 32 hexadecimal digits: that which it was created in, or its root's own.
///
/// # Errors
/// As any statement.
pub async fn trace_id(pool: &Pool, run_id: RunId) -> Result<Option<String>, StoreError> {
    let found = sqlx::query!(
        r#"select traceparent, root_id as "root_id: RunId" from runs where id = $1"#,
        run_id as RunId
    )
    .fetch_optional(pool)
    .await
    .doing("looking for a run's trace")?;
    Ok(found.map(|run| {
        let named = run.traceparent.as_deref().and_then(trace::trace_id);
        named.unwrap_or_else(|| run.root_id.0.as_simple().to_string())
    }))
}

/// The input of a run, encoded.
///
/// # Errors
/// As any statement.
pub async fn payload(pool: &Pool, run_id: RunId) -> Result<Option<Vec<u8>>, StoreError> {
    sqlx::query_scalar!("select payload from runs where id = $1", run_id as RunId)
        .fetch_optional(pool)
        .await
        .doing("reading the input of a run")
}

/// One try of a run.
#[derive(Clone, Debug)]
pub struct AttemptView {
    /// Number, from 1.
    pub attempt: i32,
    /// Who tried.
    pub worker: String,
    /// With which build.
    pub build: String,
    /// Begin.
    pub started_at: DateTime<Utc>,
    /// End.
    pub finished_at: Option<DateTime<Utc>>,
    /// `succeeded`, `waiting`, `failed`, `dead`, `lost`; `None` while it runs.
    pub outcome: Option<String>,
    /// Code of its error.
    pub error_code: Option<String>,
    /// Its error.
    pub error: Option<String>,
}

/// The attempts of a run, oldest first.
///
/// # Errors
/// As any statement.
pub async fn attempts(db: &mut Connection, run_id: RunId) -> Result<Vec<AttemptView>, StoreError> {
    sqlx::query_as!(
        AttemptView,
        r#"select attempt as "attempt!", worker as "worker!", build as "build!", started_at as "started_at!", finished_at,
             outcome, error_code, error
         from attempts_made where run_id = $1 order by attempt"#,
        run_id as RunId,
    )
    .fetch_all(db)
    .await
    .doing("reading the attempts of a run")
}
