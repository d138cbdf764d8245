//! Fires that a person makes up for: their runs are the schedule's own, with the same keys, so that each is made once
//! whoever comes first.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use tradeup_domain::schedule::{CronSchedule, ScheduleError};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, NewRun, Trigger};
use tradeup_store::schedules::FireDecision;
use tradeup_store::{Connection, RunId, StoreError, TenantRef};

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
pub fn fires_of(
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
