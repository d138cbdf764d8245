//! Fires that a person makes up for: their runs are the schedule's own, with the same keys, so that each is made once
//! whoever comes first.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::Period;
use tradeup_domain::schedule::{CronSchedule, ScheduleError};
use tradeup_domain::zone::start_of_day;
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, NewRun, Trigger};
use tradeup_store::schedules::{self, FireDecision};
use tradeup_store::{Connection, RunId, StoreError, TenantId, TenantRef};

use super::{Fire, Scheduled};

/// A fire that is to be made up for.
#[derive(Clone, Debug)]
pub struct MadeUp {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// Its run, as it would be made.
    pub new: NewRun,
    /// The run of its key that there is: it needs no other.
    pub existing: Option<RunId>,
}

/// Most fires that are made up for in one act: a year of days, and some more.
pub const FIRES_MAX: usize = 400;
/// Most decisions that are looked at for what could be caught up, and fires of them.
const DECISIONS_MAX: i64 = 1_000;
const LOOKED_AT_MAX: usize = 5_000;

/// One end of a range of fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A month, all of it.
    Month(Period),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl End {
    /// The month that it is, or lies in.
    #[must_use]
    pub fn period(self) -> Period {
        match self {
            Self::Month(period) => period,
            Self::Instant(at) => Period::of(at, Tz::UTC),
        }
    }

    /// The first instant of it, in a zone.
    #[must_use]
    pub fn beginning(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Month(period) => start_of_day(zone, period.first_day()),
            Self::Instant(at) => at,
        }
    }

    /// The last second of it.
    #[must_use]
    pub fn last(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Month(period) => start_of_day(zone, period.following().first_day()) - TimeDelta::seconds(1),
            Self::Instant(at) => at,
        }
    }
}

/// Why a range is not made up for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It ends before it begins.
    #[error("it ends before it begins; say its ends the other way round")]
    Backwards,
    /// It is too long for one act.
    #[error("there are more than {FIRES_MAX} fires until then; do it in parts")]
    TooMany,
    /// The schedule has no fires.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// The fires that a schedule has in a range up to now, as it is now: [`FIRES_MAX`] at most.
///
/// # Errors
/// [`RangeError`].
pub fn fires_between(
    cron: &CronSchedule,
    from: End,
    until: End,
    now: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, RangeError> {
    let (from, until) = (from.beginning(cron.zone()), until.last(cron.zone()));
    if until < from {
        return Err(RangeError::Backwards);
    }
    // Before that there was nothing to be run.
    let from = from.max(DateTime::UNIX_EPOCH);
    let fires = cron.between(from, until.min(now), FIRES_MAX + 1)?;
    if fires.len() > FIRES_MAX {
        return Err(RangeError::TooMany);
    }
    Ok(fires.into_iter().map(|fire| fire.at).collect())
}

/// The fires of which a schedule's decisions say that they run nothing: missed, skipped for being late, or fallen into a
/// pause; oldest first.
///
/// # Errors
/// As any statement; [`ScheduleError::NeverFires`] is none of them, since such a schedule has none.
pub async fn fires_without_runs(
    db: &mut Connection,
    name: &str,
    tenant: Option<TenantId>,
    cron: &CronSchedule,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let decided = schedules::without_runs(db, name, tenant, since, DECISIONS_MAX).await?;
    let mut fires = fires_of(cron, &decided, LOOKED_AT_MAX).unwrap_or_default();
    fires.retain(|at| since.is_none_or(|since| *at >= since));
    Ok(fires)
}

impl Scheduled {
    /// The task of a schedule, by the name of the task.
    #[must_use]
    pub fn by_task(task: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheduled| scheduled.kind().task == task)
    }
}

/// The fires of decisions, oldest first: `max` at most. Of many in one row, those that the schedule has as it is now.
///
/// # Errors
/// [`ScheduleError::NeverFires`].
fn fires_of(
    cron: &CronSchedule,
    decisions: &[FireDecision],
    max: usize,
) -> Result<Vec<DateTime<Utc>>, ScheduleError> {
    let mut fires = Vec::new();
    for decision in decisions {
        if decision.fires == 1 {
            fires.push(decision.fire_at);
        } else {
            let left = max.saturating_sub(fires.len());
            let among = cron.between(decision.fire_at, decision.until, left)?;
            fires.extend(among.into_iter().map(|fire| fire.at));
        }
    }
    fires.sort_unstable();
    fires.dedup();
    fires.truncate(max);
    Ok(fires)
}

/// What making up for these fires comes to: over all tenants, or for one. Fires with one and the same key, like two of a
/// month of credits, are one run.
///
/// # Errors
/// As any statement.
pub async fn plan(
    db: &mut Connection,
    task: Scheduled,
    tenant: Option<&TenantRef>,
    zone: Tz,
    fires: &[DateTime<Utc>],
    now: DateTime<Utc>,
    by: &str,
) -> Result<Vec<MadeUp>, StoreError> {
    let mut planned: Vec<MadeUp> = Vec::new();
    let mut keys = BTreeSet::new();
    for due in fires {
        let fire = Fire {
            due: *due,
            zone,
            issued_at: now,
            // Whoever asks does not want to wait.
            spread: TimeDelta::zero(),
            trigger: Trigger::Manual(by.to_owned()),
        };
        let new = task.run(tenant.cloned(), fire);
        if keys.insert(new.key.clone()) {
            planned.push(MadeUp { due: *due, new, existing: None });
        }
    }
    if let Some(first) = planned.first() {
        let keys: Vec<String> = keys.into_iter().collect();
        let known = runs::known(db, &first.new.task, tenant.map(|tenant| tenant.id), &keys).await?;
        let known: BTreeMap<String, RunId> = known.into_iter().collect();
        for fire in &mut planned {
            fire.existing = known.get(&fire.new.key).copied();
        }
    }
    Ok(planned)
}

/// Creates the runs of the fires that have none. Returns them, and what is to be published after the commit.
///
/// # Errors
/// As any statement.
pub async fn make(
    db: &mut Connection,
    planned: Vec<MadeUp>,
) -> Result<(Vec<RunId>, Vec<JobMessage>), StoreError> {
    let (mut made, mut messages) = (Vec::new(), Vec::new());
    for fire in planned {
        if fire.existing.is_some() {
            continue;
        }
        let created = runs::create(db, fire.new).await?;
        // Somebody else may have been first.
        if created.is_new {
            made.push(created.run_id);
        }
        messages.extend(created.message);
    }
    Ok((made, messages))
}
