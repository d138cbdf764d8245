//! The tick: which schedules are due, what is decided about each fire, and the run of those that
//! fire. One commit for each schedule, so that two schedulers, a crash or a jumping clock lead to
//! one run for one fire time.

use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tradeup_domain::schedule::{CronSchedule, Decided, Decision, ScheduleError};
use tradeup_domain::zone::parse_zone;
use tradeup_signals::metrics::engine::FIRES;
use tradeup_signals::trace;
use tradeup_store::outbox::{HeldBy, JobMessage};
use tradeup_store::runs::{self, NewRun, Trigger};
use tradeup_store::schedules::{self, Rule, RuleError, Schedule};
use tradeup_store::{Pool, StoreError, Tx};
use tradeup_worker::trigger::Fire;
use tradeup_worker::{Worker, faultpoint};

use crate::schedules::{ALL, Declared};

/// Most schedules that one tick decides.
const SCHEDULES_PER_TICK: i64 = 1000;

/// Why a schedule could not be ticked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schedule's row can't be used.
    #[error("schedule {name}: {source}; mend it with `tradeup schedule set`")]
    Rule {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: RuleError,
    },
}

fn wrong(schedule: &Schedule) -> impl Fn(ScheduleError) -> TickError {
    |source| TickError::Rule { name: schedule.label(), source: source.into() }
}

fn rule(schedule: &Schedule) -> Result<Rule, TickError> {
    schedule.rule().map_err(|source| TickError::Rule { name: schedule.label(), source })
}

/// Adds the schedules that the database does not have yet, each from its next fire on.
pub(crate) async fn ensure_schedules(pool: &Pool) -> Result<(), TickError> {
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    for Declared { row, .. } in &ALL {
        let wrong = |source: RuleError| TickError::Rule { name: row.name.to_owned(), source };
        let zone = parse_zone(row.zone).map_err(|error| wrong(error.into()))?;
        let cron = CronSchedule::parse(row.cron, zone).map_err(|error| wrong(error.into()))?;
        let next = cron.next_after(now).map_err(|error| wrong(error.into()))?;
        FIRES.add(0, [row.name, Decision::Fired.as_str()]);
        if schedules::ensure(&mut tx, row, &cron, next).await? {
            tracing::info!(schedule = row.name, "added schedule {}, first fire {next}", row.name);
        }
    }
    Ok(tx.commit().await?)
}

/// Decides all fires that are due. A schedule that can't be decided holds up no other.
pub(crate) async fn tick(worker: &Worker) -> Result<(), TickError> {
    for id in schedules::due(worker.pool(), SCHEDULES_PER_TICK).await? {
        if let Err(error) = tick_one(worker, id).instrument(firing()).await {
            tracing::error!(schedule_id = id, "a schedule did not fire, trying again: {error}");
        }
    }
    Ok(())
}

/// Looks whether every schedule that waits does so for its very next fire, and sets right those that
/// do not: a clock that once stood ahead would else cost fires, silently. One that can't be read holds up
/// no other.
pub(crate) async fn rearm(worker: &Worker) -> Result<(), TickError> {
    for id in schedules::resting(worker.pool()).await? {
        if let Err(error) = rearm_one(worker, id).await {
            tracing::error!(schedule_id = id, "a schedule can't be looked over, trying again: {error}");
        }
    }
    Ok(())
}

async fn rearm_one(worker: &Worker, id: i64) -> Result<(), TickError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let Some(schedule) = schedules::lock(&mut tx, id).await? else { return Ok(tx.rollback().await?) };
    let now = schedules::now(&mut tx).await?;
    let next = rule(&schedule)?.cron.next_after(now).map_err(wrong(&schedule))?;
    match schedule.next_fire_at {
        Some(waited_for) if waited_for > next => {
            tracing::error!(
                schedule = schedule.name,
                "{} waited for {waited_for}, its next fire is {next}",
                schedule.label()
            );
            schedules::set_next_fire(&mut tx, id, next).await?;
            Ok(tx.commit().await?)
        }
        _ => Ok(tx.rollback().await?),
    }
}

async fn tick_one(worker: &Worker, id: i64) -> Result<(), TickError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let Some(schedule) = schedules::lock(&mut tx, id).await? else { return Ok(tx.rollback().await?) };
    let messages = decide(worker, &mut tx, &schedule).await?;
    faultpoint::reached("tick.before-commit").await;
    tx.commit().await?;
    faultpoint::reached("tick.after-commit").await;
    worker.relay().publish_jobs(&messages).instrument(trace::sending("JOBS")).await;
    Ok(())
}

/// A schedule's fire: where a trace begins.
fn firing() -> Span {
    tracing::info_span!(
        target: trace::TARGET, "fire", otel.name = "fire", otel.kind = "internal", tradeup.schedule = Empty
    )
}

async fn decide(worker: &Worker, tx: &mut Tx, schedule: &Schedule) -> Result<Vec<JobMessage>, TickError> {
    let Some(declared) = ALL.iter().find(|declared| declared.row.name == schedule.name) else {
        // A newer build's schedule: that build fires it.
        return Ok(Vec::new());
    };
    let now = schedules::now(tx).await?;
    let rule = rule(schedule)?;
    let Some(waited_for) = schedule.next_fire_at else {
        let next = rule.cron.next_after(now).map_err(wrong(schedule))?;
        schedules::set_next_fire(tx, schedule.id, next).await?;
        tracing::warn!(
            schedule = schedule.name,
            "{} had no next fire, armed again: {next}",
            schedule.label()
        );
        return Ok(Vec::new());
    };
    let tick = if schedule.is_paused {
        rule.cron.tick_paused(waited_for, now)
    } else {
        rule.cron.tick(waited_for, now, rule.missed, rule.window)
    };
    let earlier = schedules::earlier(tx, schedule.id).await?;
    let tick = tick.map_err(wrong(schedule))?.with_overlap(rule.overlap, earlier.unfinished, earlier.queued);
    let mut messages = Vec::new();
    for decided in &tick.decisions {
        let (name, decision) = (declared.row.name, decided.decision.as_str());
        FIRES.one([name, decision]);
        Span::current().record("tradeup.schedule", name);
        let mut run_id = None;
        if decided.decision.fires() {
            let fire = Fire {
                due: decided.fire_at,
                zone: rule.cron.zone(),
                issued_at: now,
                spread: schedule.terms.spread,
                trigger: Trigger::Schedule(schedule.name.clone()),
            };
            let created = runs::create(tx, run_of(declared, schedule, fire, decided)).await?;
            messages.extend(created.message);
            run_id = Some(created.run_id);
        }
        schedules::record_decision(tx, schedule.id, decided, run_id, worker.name()).await?;
        tracing::info!(
            schedule = schedule.name, fire_at = %decided.fire_at, fires = decided.fires, decision = %decided.decision,
            "{} of {}: {}", schedule.label(), decided.fire_at, decided.decision
        );
    }
    schedules::set_next_fire(tx, schedule.id, tick.next_fire_at).await?;
    Ok(messages)
}

fn run_of(declared: &Declared, schedule: &Schedule, fire: Fire, decided: &Decided) -> NewRun {
    let mut run = declared.task.run(schedule.tenant.clone(), fire);
    if decided.decision == Decision::Queued {
        let because = format!("an earlier run of schedule {} is under way", schedule.label());
        run.options.held = Some((HeldBy::Overlap, because));
    }
    run
}
