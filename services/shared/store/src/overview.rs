//! What there is to see at a glance: what should have happened beside what did, and what is under way.

mod wide;

use chrono::{DateTime, NaiveDate, Utc};

pub use wide::{FireSum, OwnFires, WideFire, grid_of, of_fire, of_own_fires, wide_fires};

use crate::error::{Doing, StoreError};
use crate::{Pool, RunId, TenantId};

/// What became of one schedule for one tenant on one day.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The tenant's handle.
    pub tenant_handle: String,
    /// The day, in UTC, on which it was due.
    pub day: NaiveDate,
    /// The schedule.
    pub schedule: String,
    /// When it was due.
    pub fire_at: DateTime<Utc>,
    /// What was decided of the fire.
    pub decision: String,
    /// The tenant's run; `None` if there is none, though the tenant was there.
    pub run_id: Option<RunId>,
    /// Its state.
    pub state: Option<String>,
}

/// What became of the schedules' fires of the last `days` days, for each tenant or one of them.
///
/// # Errors
/// As any statement.
pub async fn grid(pool: &Pool, days: i32, tenant: Option<TenantId>) -> Result<Vec<Cell>, StoreError> {
    sqlx::query_file_as!(Cell, "src/overview/grid.sql", days, tenant as Option<TenantId>)
        .fetch_all(pool)
        .await
        .doing("comparing fires with runs")
}

/// How many runs have not ended, by state.
///
/// # Errors
/// As any statement.
pub async fn unfinished(pool: &Pool) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select state, count(*) as "runs!" from runs where finished_at is null group by state order by state"#
    )
    .fetch_all(pool)
    .await
    .doing("counting runs")?;
    Ok(rows.into_iter().map(|row| (row.state, row.runs)).collect())
}

/// Runs of a task that wait to be worked on.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The task.
    pub task: String,
    /// How many runs.
    pub runs: i64,
    /// Since when the oldest has waited that was never tried; none if each was.
    pub since: Option<DateTime<Utc>>,
}

/// Runs that wait to be worked on while nothing holds them back, by task.
///
/// # Errors
/// As any statement.
pub async fn queued(pool: &Pool) -> Result<Vec<Queued>, StoreError> {
    sqlx::query_file_as!(Queued, "src/overview/queued.sql")
        .fetch_all(pool)
        .await
        .doing("counting runs that wait")
}

/// Runs that ended alike within one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedLine {
    /// When the minute began.
    pub minute: DateTime<Utc>,
    /// The state in which they ended: `succeeded`, `dead` or `cancelled`.
    pub state: String,
    /// How many.
    pub runs: i64,
}

/// How runs ended from an instant on. One that is tried again has not ended any more.
///
/// # Errors
/// As any statement.
pub async fn ended(pool: &Pool, from: DateTime<Utc>) -> Result<Vec<EndedLine>, StoreError> {
    sqlx::query_file_as!(EndedLine, "src/overview/ended.sql", from)
        .fetch_all(pool)
        .await
        .doing("counting runs that ended")
}

/// How long a task's latest runs took that have succeeded, in seconds.
#[derive(Clone, Debug)]
pub struct Durations {
    /// The task.
    pub task: String,
    /// Of so many runs.
    pub runs: i64,
    /// Half of them took no longer.
    pub half: Option<f64>,
    /// 99 % took no longer.
    pub nearly_all: Option<f64>,
}

/// How long the latest `runs` of each task took.
///
/// # Errors
/// As any statement.
pub async fn durations(pool: &Pool, tasks: &[String], runs: i64) -> Result<Vec<Durations>, StoreError> {
    sqlx::query_file_as!(Durations, "src/overview/durations.sql", tasks, runs)
        .fetch_all(pool)
        .await
        .doing("adding up how long runs took")
}

/// Something that differs whenever what there is to see of these runs does.
///
/// # Errors
/// As any statement.
pub async fn runs_now(pool: &Pool, ids: &[RunId]) -> Result<Vec<(RunId, String)>, StoreError> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let rows =
        sqlx::query_file!("src/overview/runs_now.sql", &ids).fetch_all(pool).await.doing("watching runs")?;
    Ok(rows.into_iter().map(|row| (row.id, row.now)).collect())
}

/// Something that differs whenever what is under way, dead or decided does.
///
/// # Errors
/// As any statement.
pub async fn engine_now(pool: &Pool) -> Result<String, StoreError> {
    sqlx::query_file_scalar!("src/overview/engine_now.sql").fetch_one(pool).await.doing("watching the engine")
}
