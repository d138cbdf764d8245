//! `tradeup logs`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::time::sleep;
use tradeup_store::run_logs::{self, RunLine};
use tradeup_store::{Pool, RunId};

use super::run;
use crate::Context;
use crate::output::instant;

/// How often --follow looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Lines of one look.
const LINES_MAX: i64 = 10_000;

/// Show what a run's attempts have logged.
#[derive(Args)]
pub(crate) struct Logs {
    /// The run's id.
    run: RunId,
    /// Of this attempt only.
    #[arg(long)]
    attempt: Option<i32>,
    /// Go on until the run has ended.
    #[arg(long)]
    follow: bool,
}

impl Logs {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut seen = 0;
        loop {
            // In this order, so that the lines of a run that has ended are all there.
            let has_ended = run::read(&pool, self.run).await?.finished_at.is_some();
            let lines = self.lines(&pool, seen).await?;
            seen += i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let value: Vec<Value> = lines.iter().map(value).collect();
            if !lines.is_empty() || (!self.follow && seen == 0) {
                context.output().show(&json!(value), || text(&lines))?;
            }
            if !self.follow || (has_ended && lines.is_empty()) {
                return Ok(ExitCode::SUCCESS);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn lines(&self, pool: &Pool, seen: i64) -> anyhow::Result<Vec<RunLine>> {
        Ok(run_logs::of_run(pool, self.run, self.attempt, seen, LINES_MAX).await?)
    }
}

fn text(lines: &[RunLine]) -> String {
    if lines.is_empty() {
        return "Its attempts have logged nothing.".to_owned();
    }
    let shown = lines.iter().map(|line| {
        let fields = line.fields.as_ref().map(|fields| format!("  {fields}")).unwrap_or_default();
        format!(
            "{} #{} {:5} {}{fields}",
            instant(line.at),
            line.attempt,
            line.level.to_uppercase(),
            line.message
        )
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn value(line: &RunLine) -> Value {
    json!({ "attempt": line.attempt, "at": line.at.to_rfc3339(), "seq": line.seq, "level": line.level,
        "message": line.message, "fields": line.fields })
}
