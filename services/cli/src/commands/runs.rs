//! `tradeup runs`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::runs::{self, RunFilter, RunView, STATES, TRIGGERS};
use tradeup_store::{Pool, RunId};

use super::tenant_by_handle;
use crate::Context;
use crate::output::{instant, instant_or_dash, table, took};

/// Which runs. Each option narrows.
#[derive(Args, Clone)]
#[command(next_help_heading = "Which runs")]
pub(crate) struct WhichRuns {
    /// Of this task.
    #[arg(long)]
    task: Option<String>,
    /// In this state.
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Of this shop, children of other runs too.
    #[arg(long)]
    tenant: Option<String>,
    /// With this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Triggered so.
    #[arg(long, value_parser = TRIGGERS)]
    trigger: Option<String>,
    /// Whose latest error has this code, children of other runs too.
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// With a key that begins so.
    #[arg(long, value_name = "PREFIX")]
    key: Option<String>,
    /// Children of this run.
    #[arg(long, value_name = "RUN")]
    parent: Option<RunId>,
    /// Created at or after this instant, like 2026-11-01T06:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    since: Option<DateTime<Utc>>,
    /// Created before this instant.
    #[arg(long, value_name = "INSTANT")]
    until: Option<DateTime<Utc>>,
}

impl WhichRuns {
    /// Whether an option was given.
    pub(super) fn says_something(&self) -> bool {
        self.task.is_some()
            || self.state.is_some()
            || self.tenant.is_some()
            || self.tag.is_some()
            || self.trigger.is_some()
            || self.error.is_some()
            || self.key.is_some()
            || self.parent.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    /// As the store understands it.
    pub(super) async fn filter(self, pool: &Pool) -> anyhow::Result<RunFilter> {
        if let Some(handle) = &self.tenant {
            tenant_by_handle(pool, handle).await?;
        }
        Ok(RunFilter {
            with_children: self.tenant.is_some(),
            parent_id: self.parent,
            task: self.task,
            state: self.state,
            tenant: self.tenant,
            tag: self.tag,
            trigger: self.trigger,
            error_code: self.error.map(|code| code.to_uppercase()),
            key_prefix: self.key,
            since: self.since,
            until: self.until,
            ..RunFilter::default()
        })
    }
}

/// List runs, newest first.
#[derive(Args)]
pub(crate) struct Runs {
    #[command(flatten)]
    which: WhichRuns,
    /// Child runs too.
    #[arg(long)]
    all: bool,
    /// Only those that have not ended.
    #[arg(long)]
    unfinished: bool,
    /// The next page: older than this run.
    #[arg(long, value_name = "RUN")]
    before: Option<RunId>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Runs {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let is_filtered = self.which.says_something() || self.unfinished || self.before.is_some();
        let mut filter = self.which.filter(&pool).await?;
        filter.with_children |= self.all;
        filter.unfinished = self.unfinished;
        filter.before = self.before;
        let listed = runs::list(&pool, &filter, self.limit).await?;
        let values: Vec<Value> = listed.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return if is_filtered {
                    "No runs match.".to_owned()
                } else {
                    "No runs. Trigger one: tradeup trigger monthly-credits --period YYYY-MM".to_owned()
                };
            }
            let mut shown = table(
                &["run", "task", "tenant", "key", "state", "attempt", "created", "took", "error"],
                &[5],
            );
            for run in &listed {
                shown.add_row(row(run));
            }
            if i64::try_from(listed.len()) == Ok(self.limit)
                && let Some(last) = listed.last()
            {
                return format!("{shown}\nOlder: --before {}", last.run_id);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn row(run: &RunView) -> [String; 9] {
    [
        run.run_id.to_string(),
        run.task.clone(),
        run.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
        run.key.clone(),
        run.state.clone(),
        run.attempt.to_string(),
        instant(run.created_at),
        run.started_at.zip(run.finished_at).map_or_else(|| "-".to_owned(), |(from, to)| took(to - from)),
        error_line(run).unwrap_or_default(),
    ]
}

/// The run's last error, cut to a line.
pub(super) fn error_line(run: &RunView) -> Option<String> {
    let error = run.error.as_deref()?;
    let line: String = error.lines().next().unwrap_or_default().chars().take(100).collect();
    Some(match run.error_code.as_deref() {
        Some(code) => format!("{code} {line}"),
        None => line,
    })
}

/// A run as JSON.
pub(super) fn value(run: &RunView) -> Value {
    json!({
        "run_id": run.run_id.to_string(), "task": run.task, "tenant": run.tenant_handle, "key": run.key,
        "state": run.state, "trigger": run.trigger, "triggered_by": run.triggered_by,
        "parent_id": run.parent_id.map(|id| id.to_string()), "root_id": run.root_id.to_string(),
        "attempt": run.attempt, "max_attempts": run.max_attempts,
        "error_code": run.error_code, "error": run.error, "result": run.result,
        "scheduled_for": instant(run.scheduled_for), "created_at": instant(run.created_at),
        "started_at": run.started_at.map(instant), "finished_at": run.finished_at.map(instant),
        "next_attempt_at": run.next_attempt_at.map(instant), "urgent": run.urgent, "tags": run.tags, "held_because": run.held_because,
        "took_ms": run.started_at.zip(run.finished_at).map(|(from, to)| (to - from).num_milliseconds()),
    })
}

/// Times of a run in words.
pub(super) fn times(run: &RunView) -> String {
    let took = run.started_at.zip(run.finished_at).map(|(from, to)| format!(", took {}", took(to - from)));
    format!(
        "due {}, created {}, started {}, ended {}{}",
        instant(run.scheduled_for),
        instant(run.created_at),
        instant_or_dash(run.started_at),
        instant_or_dash(run.finished_at),
        took.unwrap_or_default()
    )
}
