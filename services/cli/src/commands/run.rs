//! `tradeup run`.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::sleep;
use tradeup_domain::amount_text as money;
use tradeup_store::batches::{self, Progress};
use tradeup_store::credits::{self, MemberFailure};
use tradeup_store::runs::{self, AttemptView, RunFilter, RunProgress, RunView};
use tradeup_store::{Pool, RunId, Tx};

use super::runs::{error_line, times, value};
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Children that are shown.
const CHILDREN_MAX: i64 = 200;
/// Failed members that are shown.
const FAILURES_MAX: i64 = 20;
/// --follow goes on looking for this long while nobody answers.
const LOOK_AGAIN_FOR: Duration = Duration::from_secs(120);
/// How the run ended is not known.
const EXIT_UNSEEN: u8 = 4;
/// How often --follow looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Show a run with what is below it.
#[derive(Args)]
pub(crate) struct Run {
    /// The run's id; "latest" for the newest that somebody triggered.
    run: String,
    /// Wait for the end and show progress; exit code 1 if it does not succeed, 4 if it can't be seen.
    #[arg(long)]
    follow: bool,
}

impl Run {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let run_id = if self.run == "latest" {
            let newest = runs::list(&pool, &RunFilter::default(), 1).await?;
            newest.first().map(|run| run.run_id).ok_or_else(|| anyhow!("there are no runs yet"))?
        } else {
            self.run
                .parse()
                .map_err(|_malformed| anyhow!("{:?} is no run id; `tradeup runs` shows them", self.run))?
        };
        if self.follow {
            return follow(context, &pool, run_id).await;
        }
        let story = Story::read(&pool, run_id).await?;
        story.show(context)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Waits for a run's end with a progress bar, then shows it.
pub(super) async fn follow(context: &Context, pool: &Pool, run_id: RunId) -> anyhow::Result<ExitCode> {
    let bar = if context.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::no_length()
    };
    if let Ok(style) =
        ProgressStyle::with_template("{msg:10} {wide_bar} {human_pos}/{human_len} members {elapsed}")
    {
        bar.set_style(style);
    }
    let mut failing_since = None;
    loop {
        let looked = match read(pool, run_id).await {
            Ok(run) => {
                batches::progress(pool, run_id).await.map(|progress| (run, progress)).map_err(Into::into)
            }
            Err(error) => Err(error),
        };
        let (run, progress) = match looked {
            Ok(seen) => {
                failing_since = None;
                seen
            }
            // The run does not end because we can't see it.
            Err(error) if failing_since.get_or_insert_with(Instant::now).elapsed() < LOOK_AGAIN_FOR => {
                bar.set_message("no answer");
                tracing::debug!("looking at the run: {error:#}");
                sleep(LOOK_EVERY).await;
                continue;
            }
            Err(error) => {
                eprintln!("tradeup: the run can't be seen any more, it may go on: {error:#}");
                return Ok(ExitCode::from(EXIT_UNSEEN));
            }
        };
        bar.set_length(u64::try_from(progress.members).unwrap_or(0));
        bar.set_position(u64::try_from(progress.members_done).unwrap_or(0));
        bar.set_message(run.state.clone());
        if run.finished_at.is_some() {
            bar.finish_and_clear();
            Story::read(pool, run_id).await?.show(context)?;
            return Ok(if run.state == "succeeded" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        sleep(LOOK_EVERY).await;
    }
}

pub(super) async fn read(pool: &Pool, run_id: RunId) -> anyhow::Result<RunView> {
    let filter = RunFilter { run_id: Some(run_id), ..RunFilter::default() };
    match runs::list(pool, &filter, 1).await?.pop() {
        Some(run) => Ok(run),
        None => bail!("there is no run {run_id}; `tradeup runs --all` shows those there are"),
    }
}

/// A run with all that belongs to it.
struct Story {
    run: RunView,
    attempts: Vec<AttemptView>,
    progress: Progress,
    said: Option<RunProgress>,
    amounts: Vec<(String, i64)>,
    children: Vec<(RunView, Progress)>,
    failures: Vec<MemberFailure>,
}

impl Story {
    pub(super) async fn read(pool: &Pool, run_id: RunId) -> anyhow::Result<Self> {
        let run = read(pool, run_id).await?;
        let mut connection = pool.acquire().await?;
        let attempts = runs::attempts(&mut connection, run_id).await?;
        drop(connection);
        let mut failures = Vec::new();
        if let Some(tenant) = run.tenant_id {
            let mut tx = Tx::of_tenant(pool, tenant).await?;
            failures = credits::member_failures(&mut tx, tenant, run_id, FAILURES_MAX).await?;
            tx.rollback().await?;
        }
        let below = RunFilter { parent_id: Some(run_id), ..RunFilter::default() };
        let mut children = Vec::new();
        for child in runs::list(pool, &below, CHILDREN_MAX).await? {
            let progress = batches::progress(pool, child.run_id).await?;
            children.push((child, progress));
        }
        children.reverse();
        Ok(Self {
            progress: batches::progress(pool, run_id).await?,
            said: runs::progress(pool, run_id).await?,
            amounts: batches::affected_totals(pool, run_id).await?,
            run,
            attempts,
            children,
            failures,
        })
    }

    fn show(&self, context: &Context) -> anyhow::Result<()> {
        context.output().show(&self.value(), || self.text())
    }

    fn value(&self) -> Value {
        let mut shown = value(&self.run);
        if let Some(object) = shown.as_object_mut() {
            object.insert("progress".to_owned(), progress_value(&self.progress));
            object.insert("said".to_owned(), self.said.as_ref().map(said_value).into());
            object.insert(
                "amounts".to_owned(),
                self.amounts
                    .iter()
                    .map(|(currency, minor)| json!({ "currency": currency, "amount_minor": minor }))
                    .collect(),
            );
            object.insert("attempts".to_owned(), self.attempts.iter().map(attempt_value).collect());
            let with_progress = |(child, progress): &(RunView, Progress)| {
                let mut shown = value(child);
                if let Some(object) = shown.as_object_mut() {
                    object.insert("progress".to_owned(), progress_value(progress));
                }
                shown
            };
            object.insert("children".to_owned(), self.children.iter().map(with_progress).collect());
            object.insert("member_failures".to_owned(), self.failures.iter().map(failure_value).collect());
        }
        shown
    }

    fn text(&self) -> String {
        let run = &self.run;
        let mut lines = vec![
            format!("run {}  {} {}  {}", run.run_id, run.task, run.key, run.state.to_uppercase()),
            times(run),
            match &run.triggered_by {
                Some(who) => format!("triggered by {} {who}", run.trigger),
                None => format!(
                    "triggered by {} {}",
                    run.trigger,
                    run.parent_id.map(|id| id.to_string()).unwrap_or_default()
                ),
            },
        ];
        lines.extend(self.said.as_ref().map(said_text));
        if let Some(at) = run.next_attempt_at {
            lines.push(format!(
                "tried next at {}; to skip the wait: tradeup retry {}",
                instant(at),
                run.run_id
            ));
        }
        lines.extend(run.held_because.as_ref().map(|because| format!("waits: {because}")));
        if run.urgent || !run.tags.is_empty() {
            let urgent = run.urgent.then(|| "urgent".to_owned());
            let said: Vec<String> =
                urgent.into_iter().chain(run.tags.iter().map(|tag| format!("#{tag}"))).collect();
            lines.push(said.join(" "));
        }
        lines.extend(error_line(run).map(|error| format!("error: {error}")));
        lines.extend(run.result.as_ref().map(|result| format!("result: {result}")));
        let p = &self.progress;
        if p.batches > 0 {
            let amounts: Vec<String> =
                self.amounts.iter().map(|(currency, minor)| money(*minor, currency)).collect();
            let words = words(&run.task);
            lines.push(format!(
                "batches {}/{}{}, members {}/{}: {} {}{}, {} {}, {} {}, {} failed",
                p.batches_done,
                p.batches,
                if p.batches_dead > 0 { format!(" ({} dead)", p.batches_dead) } else { String::new() },
                p.members_done,
                p.members,
                p.affected,
                words.affected,
                match amounts.as_slice() {
                    [] if words.moves_money => " (nothing)".to_owned(),
                    [] => String::new(),
                    _ => format!(" ({})", amounts.join(" + ")),
                },
                p.already_done,
                words.already_done,
                p.exempt,
                words.exempt,
                p.failed,
            ));
        }
        let mut text = lines.join("\n");
        text.push_str("\n\n");
        text.push_str(&self.attempts_text());
        text.push_str(&self.children_text());
        if !self.failures.is_empty() {
            let mut shown = table(&["member", "code", "reason"], &[]);
            for failure in &self.failures {
                shown.add_row([failure.member_id.to_string(), failure.code.clone(), failure.reason.clone()]);
            }
            text.push_str(&format!("{shown}\n"));
        }
        text
    }

    fn attempts_text(&self) -> String {
        if self.attempts.is_empty() {
            return String::new();
        }
        let mut shown = table(&["attempt", "worker", "started", "ended", "outcome", "error"], &[0]);
        for attempt in &self.attempts {
            shown.add_row([
                attempt.attempt.to_string(),
                attempt.worker.clone(),
                instant(attempt.started_at),
                instant_or_dash(attempt.finished_at),
                attempt.outcome.clone().unwrap_or_else(|| "running".to_owned()),
                attempt.error.clone().unwrap_or_default(),
            ]);
        }
        format!("{shown}\n\n")
    }

    fn children_text(&self) -> String {
        if self.children.is_empty() {
            return String::new();
        }
        let mut shown = table(
            &["child run", "tenant", "key", "state", "batches", "members", "affected", "failed", "error"],
            &[4, 5, 6, 7],
        );
        for (child, p) in &self.children {
            shown.add_row([
                child.run_id.to_string(),
                child.tenant_handle.clone().unwrap_or_default(),
                child.key.clone(),
                child.state.clone(),
                format!("{}/{}", p.batches_done, p.batches),
                p.members.to_string(),
                p.affected.to_string(),
                p.failed.to_string(),
                error_line(child).unwrap_or_default(),
            ]);
        }
        let more = i64::try_from(self.children.len()) == Ok(CHILDREN_MAX);
        let rest = if more {
            format!("\nThe newest {CHILDREN_MAX}; all: tradeup runs --parent {}", self.run.run_id)
        } else {
            String::new()
        };
        format!("{shown}{rest}\n\n")
    }
}

/// What a batch's counts are called, by what the batches do.
struct Words {
    affected: &'static str,
    already_done: &'static str,
    exempt: &'static str,
    moves_money: bool,
}

fn words(task: &str) -> Words {
    if task.starts_with("credit-expiration") {
        Words {
            affected: "lost credit",
            already_done: "had nothing left",
            exempt: "exempt",
            moves_money: true,
        }
    } else if task.starts_with("expiration-warning") {
        Words {
            affected: "warned",
            already_done: "were warned already",
            exempt: "not to be written to",
            moves_money: false,
        }
    } else if task.starts_with("campaign") || task == "start-campaign" {
        Words {
            affected: "reached",
            already_done: "were reached already",
            exempt: "passed over",
            moves_money: true,
        }
    } else if task.starts_with("tier-review") {
        Words {
            affected: "told or moved",
            already_done: "were dealt with already",
            exempt: "stay as they are",
            moves_money: false,
        }
    } else {
        Words {
            affected: "credited",
            already_done: "had it already",
            exempt: "of tiers that give nothing",
            moves_money: true,
        }
    }
}

fn said_text(said: &RunProgress) -> String {
    let total = said.total.map(|total| format!(" of {total}")).unwrap_or_default();
    let note = said.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("progress {}{total}{note} (attempt {}, {})", said.done, said.attempt, instant(said.at))
}

fn said_value(said: &RunProgress) -> Value {
    json!({ "attempt": said.attempt, "done": said.done, "total": said.total, "note": said.note, "at": instant(said.at) })
}

fn progress_value(p: &Progress) -> Value {
    json!({
        "batches": p.batches, "batches_done": p.batches_done, "batches_dead": p.batches_dead,
        "members": p.members, "members_done": p.members_done, "affected": p.affected,
        "already_done": p.already_done, "exempt": p.exempt, "failed": p.failed,
    })
}

fn attempt_value(attempt: &AttemptView) -> Value {
    json!({
        "attempt": attempt.attempt, "worker": attempt.worker, "build": attempt.build,
        "started_at": instant(attempt.started_at), "finished_at": attempt.finished_at.map(instant),
        "outcome": attempt.outcome, "error_code": attempt.error_code, "error": attempt.error,
    })
}

fn failure_value(failure: &MemberFailure) -> Value {
    json!({ "member_id": failure.member_id.to_string(), "run_id": failure.run_id.to_string(), "code": failure.code, "reason": failure.reason })
}
