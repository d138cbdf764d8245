//! Schedules, and a row for each decision about a fire.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;
use tradeup_domain::schedule::Decision;

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId};

/// A schedule as the code declares it.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// Name.
    pub name: &'static str,
    /// Task that a fire runs.
    pub task: &'static str,
    /// Five-field cron expression.
    pub cron: &'static str,
    /// IANA zone in which it is read.
    pub zone: &'static str,
    /// `all`, `last` or `skip`.
    pub missed_policy: &'static str,
    /// Fires missed for longer than this are not caught up.
    pub missed_horizon: Duration,
}

/// A schedule as it is stored.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Name.
    pub name: String,
    /// Task that a fire runs.
    pub task: String,
    /// Five-field cron expression.
    pub cron: String,
    /// IANA zone in which it is read.
    pub zone: String,
    /// `all`, `last` or `skip`.
    pub missed_policy: String,
    /// Fires missed for longer than this are not caught up, in seconds.
    pub missed_horizon_seconds: f64,
    /// Whether it is paused.
    pub paused: bool,
    /// When it fires next.
    pub next_fire_at: DateTime<Utc>,
}

impl Schedule {
    /// The horizon as a length of time.
    #[must_use]
    pub fn missed_horizon(&self) -> TimeDelta {
        Duration::try_from_secs_f64(self.missed_horizon_seconds)
            .ok()
            .and_then(|d| TimeDelta::from_std(d).ok())
            .unwrap_or(TimeDelta::MAX)
    }
}

/// The database's clock: the one by which schedules are due.
///
/// # Errors
/// As any statement.
pub async fn now(db: &mut Connection) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!("select clock_timestamp() as \"now!\"").fetch_one(db).await.doing("reading the clock")
}

/// Adds a schedule unless it exists; what people changed of it stays.
///
/// # Errors
/// As any statement.
pub async fn ensure(
    db: &mut Connection,
    new: &NewSchedule,
    next_fire_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let microseconds = i64::try_from(new.missed_horizon.as_micros()).unwrap_or(i64::MAX);
    let added = sqlx::query!(
        "insert into schedules (name, task, cron, zone, missed_policy, missed_horizon, next_fire_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (name) do nothing",
        new.name,
        new.task,
        new.cron,
        new.zone,
        new.missed_policy,
        PgInterval { months: 0, days: 0, microseconds },
        next_fire_at,
    )
    .execute(db)
    .await
    .doing("adding a schedule")?
    .rows_affected();
    Ok(added == 1)
}

/// Names of the schedules that are due.
///
/// # Errors
/// As any statement.
pub async fn due(pool: &Pool) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "select name from schedules where not paused and next_fire_at <= clock_timestamp() order by next_fire_at"
    )
    .fetch_all(pool)
    .await
    .doing("looking for due schedules")
}

/// Locks a schedule if it is (still) due. One that another scheduler has locked is its business.
///
/// # Errors
/// As any statement.
pub async fn lock_due(db: &mut Connection, name: &str) -> Result<Option<Schedule>, StoreError> {
    sqlx::query_as!(
        Schedule,
        r#"select name, task, cron, zone, missed_policy,
               extract(epoch from missed_horizon)::float8 as "missed_horizon_seconds!", paused, next_fire_at
           from schedules where name = $1 and not paused and next_fire_at <= clock_timestamp()
           for update skip locked"#,
        name
    )
    .fetch_optional(db)
    .await
    .doing("locking a due schedule")
}

/// Records the decision about one fire.
///
/// # Errors
/// As any statement.
pub async fn record_decision(
    db: &mut Connection,
    schedule: &str,
    fire_at: DateTime<Utc>,
    decision: Decision,
    run_id: Option<RunId>,
    decided_by: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into fire_decisions (schedule, fire_at, decision, run_id, decided_by) values ($1, $2, $3, $4, $5)
         on conflict (schedule, fire_at) do nothing",
        schedule,
        fire_at,
        decision.as_str(),
        run_id as Option<RunId>,
        decided_by,
    )
    .execute(db)
    .await
    .doing("recording a decision about a fire")
    .map(drop)
}

/// Moves a schedule on.
///
/// # Errors
/// As any statement.
pub async fn set_next_fire(
    db: &mut Connection,
    name: &str,
    next_fire_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update schedules set next_fire_at = $2 where name = $1", name, next_fire_at)
        .execute(db)
        .await
        .doing("moving a schedule on")
        .map(drop)
}

/// All schedules, by name.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<Schedule>, StoreError> {
    sqlx::query_as!(
        Schedule,
        r#"select name, task, cron, zone, missed_policy,
               extract(epoch from missed_horizon)::float8 as "missed_horizon_seconds!", paused, next_fire_at
           from schedules order by name"#
    )
    .fetch_all(pool)
    .await
    .doing("listing schedules")
}

/// A decision as it is stored.
#[derive(Clone, Debug)]
pub struct FireDecision {
    /// Schedule.
    pub schedule: String,
    /// When the fire was due.
    pub fire_at: DateTime<Utc>,
    /// `fired`, `late`, `skipped`, `missed` or `paused`.
    pub decision: String,
    /// The run, if one was made.
    pub run_id: Option<RunId>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// The latest decisions, newest first.
///
/// # Errors
/// As any statement.
pub async fn decisions(pool: &Pool, limit: i64) -> Result<Vec<FireDecision>, StoreError> {
    sqlx::query_as!(
        FireDecision,
        r#"select schedule, fire_at, decision, run_id as "run_id: RunId", decided_at
           from fire_decisions order by fire_at desc, schedule limit $1"#,
        limit
    )
    .fetch_all(pool)
    .await
    .doing("listing decisions about fires")
}
