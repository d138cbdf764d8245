//! `tradeup trigger`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::Period;
use tradeup_store::audit::Actor;
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::runs::{self, NewRun, Trigger as TriggeredBy};
use tradeup_store::{Pool, RunId, Tx, schedules};
use tradeup_worker::{Relay, trigger};

use super::run;
use crate::Context;
use crate::output::count;

/// Trigger a run by hand.
#[derive(Subcommand)]
pub(crate) enum Trigger {
    /// Issue the monthly credits of a period to the members of all active shops. A period is issued
    /// once: triggering it again shows the run that there is.
    MonthlyCredits(MonthlyCredits),
}

/// Issue the monthly credits of a period.
#[derive(Args)]
pub(crate) struct MonthlyCredits {
    /// The month, like 2026-11.
    #[arg(long)]
    period: Period,
    /// Wait for the end and show progress; exit code 1 if it does not succeed.
    #[arg(long)]
    follow: bool,
    /// If the run exists and has failed in part, try what failed again. What succeeded stays as it is.
    #[arg(long)]
    retry: bool,
    /// Who triggers it, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Trigger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self::MonthlyCredits(MonthlyCredits { period, follow, retry, by }) = self;
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let now = schedules::now(&mut tx).await?;
        let due = trigger::monthly_credits_due(period);
        if due > now {
            anyhow::bail!(
                "the monthly credits of {period} are due {due}, which has not come; who gets them is not known before"
            );
        }
        tx.rollback().await?;
        let new = trigger::monthly_credits(due, now, TriggeredBy::Manual(by.clone()));
        create(context, &pool, new, follow, retry, by).await
    }
}

/// Replays what is dead below a run. What succeeded stays as it is.
async fn try_failed_again(tx: &mut Tx, run: RunId, by: String) -> anyhow::Result<usize> {
    let filter = DeadFilter { run: Some(run), resolved: true, ..DeadFilter::default() };
    let letters = dead_letters::select(tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    let how = Replay { payload: None, runs_per_second: 1000.0 };
    let actor = Actor { name: by, reason: Some("tradeup trigger --retry".to_owned()) };
    Ok(dead_letters::replay(tx, &letters, &how, &actor).await?.runs)
}

async fn create(
    context: &Context,
    pool: &Pool,
    new: NewRun,
    follow: bool,
    retry: bool,
    by: String,
) -> anyhow::Result<ExitCode> {
    let task = new.task.clone();
    let key = new.key.clone();
    let mut tx = Tx::of_engine(pool).await?;
    let created = runs::create(&mut tx, new).await?;
    let is_new = created.message.is_some();
    let retried = if retry && !is_new { try_failed_again(&mut tx, created.run_id, by).await? } else { 0 };
    tx.commit().await?;
    let mut published = !is_new;
    if let Some(message) = created.message {
        // The run is committed: without NATS the scheduler's sweep will publish it.
        match context.broker.connect("tradeup trigger").await {
            Ok(broker) => {
                published = Relay::new(broker.clone()).publish_jobs(&[message]).await == 1;
                broker.close().await;
            }
            Err(error) => eprintln!("tradeup: {error}"),
        }
    }
    let run_id = created.run_id;
    let state = run::read(pool, run_id).await?.state;
    let value = json!({ "run_id": run_id.to_string(), "task": task, "key": key, "new": is_new, "state": state,
        "published": is_new.then_some(published), "retried": retried });
    if !(follow && context.json) {
        context.output().show(&value, || {
            let what = if is_new { "Triggered".to_owned() } else { format!("Exists already, {state}:") };
            let later =
                if published { "" } else { "\nIt is queued; a scheduler will publish it once NATS answers." };
            let again = match retried {
                0 if state == "dead" => "\nTo try again what failed: the same with --retry.".to_owned(),
                0 => String::new(),
                n => format!(
                    "\nTrying {} again.",
                    count(u64::try_from(n).unwrap_or(u64::MAX), "failed run", "failed runs")
                ),
            };
            format!("{what} {task} {key}: run {run_id}{later}{again}")
        })?;
    }
    if follow { run::follow(context, pool, run_id).await } else { Ok(ExitCode::SUCCESS) }
}
