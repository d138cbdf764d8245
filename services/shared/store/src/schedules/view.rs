//! Schedules as they are shown.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Rule, RuleError, Terms, length};
use crate::error::{Doing, StoreError};
use crate::{Connection, Pool, RunId, TenantId};

/// A schedule as it is shown.
#[derive(Clone, Debug)]
pub struct ScheduleView {
    /// Name.
    pub name: String,
    /// Handle of the tenant whose own it is.
    pub tenant_handle: Option<String>,
    /// Task that a fire runs.
    pub task: String,
    /// Five-field cron expression.
    pub cron: String,
    /// IANA zone in which it is read.
    pub zone: String,
    /// `skip` or `after`.
    pub gap_policy: String,
    /// `first` or `both`.
    pub repeat_policy: String,
    /// `skip`, `latest`, `all` or `all:N`.
    pub missed_policy: String,
    /// `skip`, `queue_one` or `allow`.
    pub overlap_policy: String,
    /// Fires missed for longer than this are not caught up, in seconds.
    pub missed_window_seconds: f64,
    /// Over how long tenants' runs are spread, in seconds.
    pub spread_seconds: f64,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_because: Option<String>,
    /// When it fires next.
    pub next_fire_at: Option<DateTime<Utc>>,
    /// For how long it has been due without a decision, in seconds; 0 if it is not.
    pub overdue_seconds: f64,
}

impl ScheduleView {
    /// What it is decided by.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            cron: self.cron.clone(),
            zone: self.zone.clone(),
            gap_policy: self.gap_policy.clone(),
            repeat_policy: self.repeat_policy.clone(),
            missed_policy: self.missed_policy.clone(),
            missed_window: length(self.missed_window_seconds),
            overlap_policy: self.overlap_policy.clone(),
            spread: length(self.spread_seconds),
        }
    }

    /// Its rules, to look ahead.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn rule(&self) -> Result<Rule, RuleError> {
        self.terms().rule()
    }

    /// Whether a fire is due and nobody decides it: no scheduler runs, or it can't.
    #[must_use]
    pub fn is_absent(&self, after: TimeDelta) -> bool {
        length(self.overdue_seconds) > after
    }
}

/// All schedules, by name, those of all tenants first.
///
/// # Errors
/// As any statement.
pub async fn list(pool: &Pool) -> Result<Vec<ScheduleView>, StoreError> {
    sqlx::query_file_as!(ScheduleView, "src/schedules/list.sql")
        .fetch_all(pool)
        .await
        .doing("listing schedules")
}

/// A schedule by its name: that for all tenants, or a tenant's own.
///
/// # Errors
/// As any statement.
pub async fn one(pool: &Pool, name: &str, tenant: Option<&str>) -> Result<Option<ScheduleView>, StoreError> {
    // There are few: each is declared in the code, or a tenant's own.
    let all = list(pool).await?;
    Ok(all.into_iter().find(|s| s.name == name && s.tenant_handle.as_deref() == tenant))
}

/// A decision as it is stored.
#[derive(Clone, Debug)]
pub struct FireDecision {
    /// Schedule.
    pub schedule: String,
    /// Handle of the tenant whose own it is.
    pub tenant_handle: Option<String>,
    /// When the fire was due, or the first of these fires.
    pub fire_at: DateTime<Utc>,
    /// When the last of these fires was.
    pub until: DateTime<Utc>,
    /// How many fires.
    pub fires: i32,
    /// `fired`, `late`, `queued`, `skipped`, `missed`, `paused` or `skipped_overlap`.
    pub decision: String,
    /// The run, if one was made.
    pub run_id: Option<RunId>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// The latest decisions, newest first; of schedules of this name, and of this tenant's own, if they are given.
///
/// # Errors
/// As any statement.
pub async fn decisions(
    pool: &Pool,
    name: Option<&str>,
    tenant: Option<&str>,
    limit: i64,
) -> Result<Vec<FireDecision>, StoreError> {
    sqlx::query_as!(
        FireDecision,
        r#"select s.name as schedule, t.handle as "tenant_handle?", d.fire_at, d.until, d.fires, d.decision,
               d.run_id as "run_id: RunId", d.decided_at
           from fire_decisions d join schedules s on s.id = d.schedule_id left join tenants t on t.id = s.tenant_id
           where ($1::text is null or s.name = $1) and ($2::text is null or t.handle = $2)
           order by d.fire_at desc, s.name, s.id limit $3"#,
        name,
        tenant,
        limit
    )
    .fetch_all(pool)
    .await
    .doing("listing decisions about fires")
}

/// Decisions of a schedule by which nothing was run, newest first, though a run is owed perhaps: its fires were missed,
/// skipped for being late, or fell into a pause. Not those that left it to a run under way.
///
/// # Errors
/// As any statement.
pub async fn without_runs(
    db: &mut Connection,
    name: &str,
    tenant: Option<TenantId>,
    since: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<FireDecision>, StoreError> {
    sqlx::query_file_as!(
        FireDecision,
        "src/schedules/without_runs.sql",
        name,
        tenant as Option<TenantId>,
        since,
        limit
    )
    .fetch_all(db)
    .await
    .doing("looking for fires that ran nothing")
}
