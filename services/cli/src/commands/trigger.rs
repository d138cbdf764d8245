//! `tradeup trigger`.

use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::Period;
use tradeup_store::audit::Actor;
use tradeup_store::runs::{self, NewRun, RunOptions, Trigger as TriggeredBy};
use tradeup_store::{Pool, Tx, schedules};
use tradeup_worker::Relay;
use tradeup_worker::trigger::{self, Fire};

use super::retry::retry as try_again;
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
    /// Not to be started before this instant, like 2026-12-01T08:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    not_before: Option<DateTime<Utc>>,
    /// Past other runs that wait in the stream.
    #[arg(long)]
    urgent: bool,
    /// A word to find it by; may be given several times.
    #[arg(long = "tag", value_name = "TAG", value_parser = tag)]
    tags: Vec<String>,
    /// Who triggers it, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Longest tag, in characters.
const TAG_MAX: usize = 128;

fn tag(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if text.trim() != text || length == 0 || length > TAG_MAX || text.chars().any(char::is_control) {
        return Err(format!("write 1 to {TAG_MAX} characters without blanks around them"));
    }
    Ok(text.to_owned())
}

impl Trigger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self::MonthlyCredits(MonthlyCredits { period, follow, retry, not_before, urgent, tags, by }) =
            self;
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
        let mut new = trigger::monthly_credits(Fire {
            due,
            zone: Tz::UTC,
            issued_at: now,
            spread: TimeDelta::zero(),
            trigger: TriggeredBy::Manual(by.clone()),
        });
        new.options = RunOptions { not_before, urgent, tags, held: None };
        create(context, &pool, new, follow, retry, by).await
    }
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
    let is_new = created.is_new;
    let mut retried = 0;
    if retry && !is_new {
        let actor = Actor { name: by, reason: Some("tradeup trigger --retry".to_owned()) };
        retried = try_again(&mut tx, &[created.run_id], &actor).await?.total();
    }
    tx.commit().await?;
    let waits_for_its_time = is_new && created.message.is_none();
    let mut published = !is_new || waits_for_its_time;
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
            let later = if waits_for_its_time {
                "\nIt is started when its time has come."
            } else if published {
                ""
            } else {
                "\nIt is queued; a scheduler will publish it once NATS answers."
            };
            let again = match retried {
                0 if state == "dead" || state == "cancelled" => {
                    "\nTo try again what failed: the same with --retry.".to_owned()
                }
                0 => String::new(),
                n => {
                    format!("\nTrying {} again.", count(u64::try_from(n).unwrap_or(u64::MAX), "run", "runs"))
                }
            };
            format!("{what} {task} {key}: run {run_id}{later}{again}")
        })?;
    }
    if follow { run::follow(context, pool, run_id).await } else { Ok(ExitCode::SUCCESS) }
}
