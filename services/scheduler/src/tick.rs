//! The tick: which schedules are due, what is decided about each fire, and the run of those that
//! fire. One commit for each schedule, so that two schedulers, a crash or a jumping clock lead to
//! one run for one fire time.

use tradeup_domain::schedule::{CronSchedule, MissedPolicy, ScheduleError};
use tradeup_domain::zone::{UnknownZone, parse_zone};
use tradeup_store::outbox::JobMessage;
use tradeup_store::schedules::{self, Schedule};
use tradeup_store::{Pool, StoreError, Tx, runs};
use tradeup_worker::Worker;

use crate::schedules::{ALL, Declared};

/// Why a schedule could not be ticked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schedule's row can't be used.
    #[error("schedule {name}: {source}")]
    Schedule {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: ScheduleError,
    },
    /// The schedule's zone is unknown.
    #[error("schedule {name}: {source}")]
    Zone {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: UnknownZone,
    },
}

fn parse(name: &str, cron: &str, zone: &str) -> Result<CronSchedule, TickError> {
    let zone = parse_zone(zone).map_err(|source| TickError::Zone { name: name.to_owned(), source })?;
    CronSchedule::parse(cron, zone).map_err(|source| TickError::Schedule { name: name.to_owned(), source })
}

/// Adds the schedules that the database does not have yet, each from its next fire on.
pub(crate) async fn ensure_schedules(pool: &Pool) -> Result<(), TickError> {
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    for Declared { row, .. } in &ALL {
        let next = parse(row.name, row.cron, row.zone)?
            .next_after(now)
            .map_err(|source| TickError::Schedule { name: row.name.to_owned(), source })?;
        if schedules::ensure(&mut tx, row, next).await? {
            tracing::info!(schedule = row.name, "added schedule {}, first fire {next}", row.name);
        }
    }
    Ok(tx.commit().await?)
}

/// Decides all fires that are due. A schedule that can't be decided holds up no other.
pub(crate) async fn tick(worker: &Worker) -> Result<(), TickError> {
    for name in schedules::due(worker.pool()).await? {
        if let Err(error) = tick_one(worker, &name).await {
            tracing::error!(schedule = name, "schedule {name} did not fire, trying again: {error}");
        }
    }
    Ok(())
}

async fn tick_one(worker: &Worker, name: &str) -> Result<(), TickError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let Some(schedule) = schedules::lock_due(&mut tx, name).await? else { return Ok(tx.rollback().await?) };
    let messages = decide(worker, &mut tx, &schedule).await?;
    tx.commit().await?;
    worker.relay().publish_jobs(&messages).await;
    Ok(())
}

async fn decide(worker: &Worker, tx: &mut Tx, schedule: &Schedule) -> Result<Vec<JobMessage>, TickError> {
    let name = &schedule.name;
    let Some(declared) = ALL.iter().find(|declared| declared.row.name == name.as_str()) else {
        // A newer build's schedule: that build fires it.
        return Ok(Vec::new());
    };
    let wrong = |source| TickError::Schedule { name: name.clone(), source };
    let now = schedules::now(tx).await?;
    let policy: MissedPolicy = schedule.missed_policy.parse().map_err(wrong)?;
    let tick = parse(name, &schedule.cron, &schedule.zone)?
        .tick(schedule.next_fire_at, now, policy, schedule.missed_horizon())
        .map_err(wrong)?;
    let mut messages = Vec::new();
    for (fire_at, decision) in tick.decisions {
        let run_id = if decision.fires() {
            let created = runs::create(tx, (declared.run)(fire_at, now)).await?;
            messages.extend(created.message);
            Some(created.run_id)
        } else {
            None
        };
        schedules::record_decision(tx, name, fire_at, decision, run_id, worker.name()).await?;
        tracing::info!(schedule = name, %fire_at, decision = decision.as_str(), "{name} of {fire_at}: {}", decision.as_str());
    }
    schedules::set_next_fire(tx, name, tick.next_fire_at).await?;
    Ok(messages)
}
