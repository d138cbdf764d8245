//! Schedules: what is to come, and what was decided.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tradeup_store::{Pool, schedules};
use utoipa::ToSchema;

use super::when::{When, length, seconds};
use crate::failure::Failure;

/// Next fires that are shown of each.
const NEXT: usize = 5;
/// Decisions that are shown.
pub(super) const DECISIONS: i64 = 50;
/// A fire that is overdue for longer is decided by nobody.
const OVERDUE: TimeDelta = TimeDelta::seconds(30);

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedule {
    pub(crate) name: String,
    pub(crate) tenant: Option<String>,
    pub(crate) task: String,
    pub(crate) cron: String,
    pub(crate) zone: String,
    pub(crate) missed: String,
    pub(crate) overlap: String,
    pub(crate) next: Option<When>,
    /// The fires after it.
    pub(crate) then: Vec<When>,
    pub(crate) overdue: Option<String>,
    pub(crate) paused_by: Option<String>,
    pub(crate) paused_because: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decision {
    pub(crate) schedule: String,
    pub(crate) tenant: Option<String>,
    pub(crate) due: When,
    pub(crate) until: When,
    pub(crate) fires: i32,
    pub(crate) decision: String,
    pub(crate) run: Option<String>,
    pub(crate) decided: When,
    pub(crate) late: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Schedules {
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) decisions: Vec<Decision>,
}

fn then(rule: &schedules::Rule, from: DateTime<Utc>) -> Vec<When> {
    let fires = rule.cron.upcoming(from, NEXT).unwrap_or_default();
    fires.into_iter().map(|fire| When(fire.at)).collect()
}

/// A fire that is to come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FireToCome {
    pub(crate) schedule: String,
    /// The shop whose own schedule it is.
    pub(crate) tenant: Option<String>,
    pub(crate) task: String,
    pub(crate) at: When,
}

/// The next fires over all schedules that are not paused, first things first.
pub(crate) async fn next_fires(pool: &Pool) -> Result<Vec<FireToCome>, Failure> {
    let found = schedules::list(pool).await?.into_iter().filter(|schedule| schedule.paused_by.is_none());
    let mut found: Vec<_> = found.filter_map(|schedule| Some((schedule.next_fire_at?, schedule))).collect();
    // Shops may have thousands of their own: those that come later have none of the next fires.
    found.sort_by_key(|(next, _)| *next);
    found.truncate(NEXT);
    let mut fires = Vec::new();
    for (next, schedule) in found {
        let later = schedule.rule().map(|rule| then(&rule, next)).unwrap_or_default();
        fires.extend([When(next)].into_iter().chain(later).map(|at| FireToCome {
            schedule: schedule.name.clone(),
            tenant: schedule.tenant_handle.clone(),
            task: schedule.task.clone(),
            at,
        }));
    }
    // Sorting is stable: by name within.
    fires.sort_by_key(|fire| fire.at.0);
    fires.truncate(NEXT);
    Ok(fires)
}

/// For how long it has been due without a decision, if that is too long.
pub(super) fn overdue(schedule: &schedules::ScheduleView) -> Option<String> {
    let overdue = seconds(schedule.overdue_seconds);
    (overdue > OVERDUE).then(|| length(overdue))
}

impl Decision {
    pub(super) fn of(decision: schedules::FireDecision) -> Self {
        let late = decision.decided_at - decision.until;
        Self {
            late: (late > TimeDelta::seconds(2)).then(|| length(late)),
            schedule: decision.schedule,
            tenant: decision.tenant_handle,
            due: When(decision.fire_at),
            until: When(decision.until),
            fires: decision.fires,
            decision: decision.decision,
            run: decision.run_id.map(|id| id.to_string()),
            decided: When(decision.decided_at),
        }
    }
}

impl Schedules {
    pub(crate) async fn read(pool: &Pool) -> Result<Self, Failure> {
        let found = schedules::list(pool).await?;
        let decided = schedules::decisions(pool, None, None, DECISIONS).await?;
        let all = found.into_iter().map(|schedule| {
            let later = schedule.next_fire_at.zip(schedule.rule().ok());
            Schedule {
                then: later.map(|(next, rule)| then(&rule, next)).unwrap_or_default(),
                overdue: overdue(&schedule),
                name: schedule.name,
                tenant: schedule.tenant_handle,
                task: schedule.task,
                cron: schedule.cron,
                zone: schedule.zone,
                missed: schedule.missed_policy,
                overlap: schedule.overlap_policy,
                next: schedule.next_fire_at.map(When),
                paused_by: schedule.paused_by,
                paused_because: schedule.paused_because,
            }
        });
        Ok(Self { schedules: all.collect(), decisions: decided.into_iter().map(Decision::of).collect() })
    }
}
