//! Starting a run by hand: what all commands that do so have in common.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_store::audit::Actor;
use tradeup_store::credits::was_asked_for;
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, NewRun, RunOptions};
use tradeup_store::{Pool, Tx};
use tradeup_worker::{Broker, Relay, ServiceError};

use super::run;
use crate::Context;
use crate::output::count;
use tradeup_store::dead_letters::{Discarded, retry as try_again};

/// How a run is started.
#[derive(Args)]
pub(crate) struct Start {
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
    pub(super) by: String,
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

/// Publishes the message of a run that is committed. Whether it was: without NATS the scheduler's sweep will.
pub(super) async fn publish(context: &Context, message: JobMessage) -> bool {
    publish_all(context, &[message]).await
}

/// The same of several runs: whether all were.
pub(super) async fn publish_all(context: &Context, messages: &[JobMessage]) -> bool {
    publish_by(context.broker.connect("tradeup").await, messages).await
}

/// Publishes by a connection, if it came about, and closes it. Whether all were.
async fn publish_by(connected: Result<Broker, ServiceError>, messages: &[JobMessage]) -> bool {
    match connected {
        Ok(broker) => {
            let published = Relay::new(broker.clone()).publish_jobs(messages).await == messages.len();
            broker.close().await;
            published
        }
        Err(error) => {
            eprintln!("tradeup: {error}");
            false
        }
    }
}

/// What to do if there is a run of this key already.
pub(super) enum Existing {
    /// Its key says all that it is about: show it.
    IsTheSame,
    /// It may be about something else: refuse if it is.
    HasToBeTheSame,
}

impl Start {
    /// Creates the run, or finds the one of its key; publishes, shows, follows.
    pub(super) async fn start(
        self,
        context: &Context,
        pool: &Pool,
        mut new: NewRun,
        existing: Existing,
    ) -> anyhow::Result<ExitCode> {
        let Self { follow, retry, not_before, urgent, tags, by } = self;
        new.options = RunOptions { not_before, urgent, tags, ..RunOptions::default() };
        let payload = new.payload.clone();
        let task = new.task.clone();
        let key = new.key.clone();
        // Before there is a run: it would wait for the connection, most of which is the check of a password.
        let connected = match new.options.not_before {
            Some(_) => None,
            None => Some(context.broker.connect("tradeup").await),
        };
        let created = runs::create_alone(pool, new).await?;
        let is_new = created.is_new;
        let mut retried = 0;
        if !is_new {
            let mut tx = Tx::of_engine(pool).await?;
            if matches!(existing, Existing::HasToBeTheSame)
                && !was_asked_for(&mut tx, created.run_id, &payload).await?
            {
                bail!(
                    "run {} has the key {key} already, with another input; nothing was changed. Give another key, \
                     or look at it: tradeup run {}",
                    created.run_id,
                    created.run_id
                );
            }
            if retry {
                let actor = Actor { name: by, reason: Some("tradeup trigger --retry".to_owned()) };
                retried = try_again(&mut tx, &[created.run_id], &actor, Discarded::Revive).await?.total();
            }
            tx.commit().await?;
        }
        let waits_for_its_time = is_new && created.message.is_none();
        let mut published = !is_new || waits_for_its_time;
        match (created.message, connected) {
            (Some(message), Some(connected)) => published = publish_by(connected, &[message]).await,
            (Some(message), None) => published = publish(context, message).await,
            (None, Some(Ok(broker))) => broker.close().await,
            (None, _) => {}
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
                        format!(
                            "\nTrying {} again.",
                            count(u64::try_from(n).unwrap_or(u64::MAX), "run", "runs")
                        )
                    }
                };
                format!("{what} {task} {key}: run {run_id}{later}{again}")
            })?;
        }
        if follow { run::follow(context, pool, run_id).await } else { Ok(ExitCode::SUCCESS) }
    }
}
