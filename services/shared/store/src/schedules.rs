//! Schedules, and a row for each decision about a fire.

mod edit;
mod terms;
mod view;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::types::PgInterval;
use tradeup_domain::schedule::{CronSchedule, Decided, MissedPolicy, OverlapPolicy, ScheduleError};
use tradeup_domain::zone::UnknownZone;

pub use edit::{Changed, EditError, change, pause, remove, resume};
pub use terms::{Change, Terms};
pub use view::{FireDecision, ScheduleView, decisions, list, one, without_runs};

use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId, TenantRef};

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
    /// `skip`, `latest`, `all` or `all:N`.
    pub missed_policy: &'static str,
    /// Fires missed for longer than this are not caught up.
    pub missed_window: Duration,
    /// `skip`, `queue_one` or `allow`.
    pub overlap_policy: &'static str,
    /// Tenants' runs start spread over this long.
    pub spread: Duration,
}

/// A schedule that is locked, to be decided about.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Number.
    pub id: i64,
    /// Name.
    pub name: String,
    /// The tenant whose own it is.
    pub tenant: Option<TenantRef>,
    /// Whether it is paused.
    pub is_paused: bool,
    /// When it fires next; `None` if that is to be computed anew.
    pub next_fire_at: Option<DateTime<Utc>>,
    /// What it is decided by.
    pub terms: Terms,
}

/// A schedule's rules, as they are decided by.
#[derive(Clone, Debug)]
pub struct Rule {
    /// When it fires.
    pub cron: CronSchedule,
    /// What happens to fires that were missed.
    pub missed: MissedPolicy,
    /// For how long they may be made up for.
    pub window: TimeDelta,
    /// What happens while the run of an earlier fire is under way.
    pub overlap: OverlapPolicy,
}

/// A schedule's row that can't be decided by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its expression or a policy.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Its zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// Its window: no time at all, within which nothing could be made up for.
    #[error(
        "a missed fire's window has to be longer than nothing, like 35d; to make up for none, use policy skip"
    )]
    Window,
}

impl Schedule {
    /// Its rules.
    ///
    /// # Errors
    /// [`RuleError`] naming what can't be read.
    pub fn rule(&self) -> Result<Rule, RuleError> {
        self.terms.rule()
    }

    /// How people call it.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.tenant {
            Some(tenant) => format!("{} of {}", self.name, tenant.handle),
            None => self.name.clone(),
        }
    }
}

/// Seconds of an interval, as a length of time; the longest there is if it can't be one.
fn length(seconds: f64) -> TimeDelta {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|d| TimeDelta::from_std(d).ok())
        .unwrap_or(TimeDelta::MAX)
}

fn interval(length: Duration) -> PgInterval {
    let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// The database's clock: the one by which schedules are due.
///
/// # Errors
/// As any statement.
pub async fn now(db: &mut Connection) -> Result<DateTime<Utc>, StoreError> {
    sqlx::query_scalar!("select clock_timestamp() as \"now!\"").fetch_one(db).await.doing("reading the clock")
}

/// The same for whoever has no transaction.
///
/// # Errors
/// As any statement.
pub async fn clock(pool: &Pool) -> Result<DateTime<Utc>, StoreError> {
    now(&mut *pool.acquire().await.doing("connecting")?).await
}

/// Adds a schedule for all tenants unless it exists; what people changed of it stays.
///
/// # Errors
/// As any statement.
pub async fn ensure(
    db: &mut Connection,
    new: &NewSchedule,
    cron: &CronSchedule,
    next_fire_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let added = sqlx::query!(
        "insert into schedules (name, task, cron, zone, gap_policy, repeat_policy, missed_policy, missed_window,
             overlap_policy, next_fire_at, spread)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (name, tenant_id) do nothing",
        new.name,
        new.task,
        new.cron,
        new.zone,
        cron.gap().as_str(),
        cron.repeat().as_str(),
        new.missed_policy,
        interval(new.missed_window),
        new.overlap_policy,
        next_fire_at,
        interval(new.spread),
    )
    .execute(db)
    .await
    .doing("adding a schedule")?
    .rows_affected();
    Ok(added == 1)
}

/// Schedules that are due, or have lost their next fire, first things first.
///
/// # Errors
/// As any statement.
pub async fn due(pool: &Pool, limit: i64) -> Result<Vec<i64>, StoreError> {
    sqlx::query_scalar!(
        // Apart, so that each is the beginning of an index; and the time is asked for once, or the index can't be searched
        // for it.
        "(select id as \"id!\" from schedules where next_fire_at is null limit $1)
         union all
         (select id from schedules where next_fire_at <= (select clock_timestamp()) order by next_fire_at limit $1)
         limit $1",
        limit
    )
    .fetch_all(pool)
    .await
    .doing("looking for due schedules")
}

/// Every schedule that is not due, to see whether its next fire is what it should be.
///
/// # Errors
/// As any statement.
pub async fn resting(pool: &Pool) -> Result<Vec<i64>, StoreError> {
    sqlx::query_scalar!("select id from schedules where next_fire_at > clock_timestamp() order by id")
        .fetch_all(pool)
        .await
        .doing("listing schedules")
}

/// Locks a schedule. One that another scheduler has locked is its business.
///
/// # Errors
/// As any statement.
pub async fn lock(db: &mut Connection, id: i64) -> Result<Option<Schedule>, StoreError> {
    let row = sqlx::query_file!("src/schedules/lock.sql", id)
        .fetch_optional(db)
        .await
        .doing("locking a schedule")?;
    Ok(row.map(|row| Schedule {
        id: row.id,
        name: row.name,
        tenant: row.tenant_id.zip(row.tenant_handle).map(|(id, handle)| TenantRef { id, handle }),
        is_paused: row.is_paused,
        next_fire_at: row.next_fire_at,
        terms: Terms {
            cron: row.cron,
            zone: row.zone,
            gap_policy: row.gap_policy,
            repeat_policy: row.repeat_policy,
            missed_policy: row.missed_policy,
            missed_window: length(row.missed_window_seconds),
            overlap_policy: row.overlap_policy,
            spread: length(row.spread_seconds),
        },
    }))
}

/// Whether the runs of a schedule's earlier fires are under way, and whether one waits for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// A run has not ended.
    pub unfinished: bool,
    /// A run waits for the others to end.
    pub queued: bool,
}

/// Asks the runs themselves, not a flag that a crash could leave behind.
///
/// # Errors
/// As any statement.
pub async fn earlier(db: &mut Connection, schedule: i64) -> Result<Earlier, StoreError> {
    let row = sqlx::query_file!("src/schedules/earlier.sql", schedule)
        .fetch_one(db)
        .await
        .doing("looking at a schedule's earlier runs")?;
    Ok(Earlier { unfinished: row.unfinished, queued: row.queued })
}

/// Records a decision.
///
/// # Errors
/// As any statement.
pub async fn record_decision(
    db: &mut Connection,
    schedule: i64,
    decided: &Decided,
    run_id: Option<RunId>,
    decided_by: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into fire_decisions (schedule_id, fire_at, until, fires, decision, run_id, decided_by)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (schedule_id, fire_at) do nothing",
        schedule,
        decided.fire_at,
        decided.until,
        i32::try_from(decided.fires).unwrap_or(i32::MAX),
        decided.decision.as_str(),
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
    schedule: i64,
    next_fire_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update schedules set next_fire_at = $2 where id = $1", schedule, next_fire_at)
        .execute(db)
        .await
        .doing("moving a schedule on")
        .map(drop)
}

/// Lets go of runs that waited for an earlier one of their schedule, which has ended. Returns how many.
///
/// # Errors
/// As any statement; the next sweep goes on.
pub async fn let_queued_go(pool: &Pool) -> Result<u64, StoreError> {
    sqlx::query_file!("src/schedules/let_queued_go.sql")
        .execute(pool)
        .await
        .doing("letting go of queued runs")
        .map(|done| done.rows_affected())
}
