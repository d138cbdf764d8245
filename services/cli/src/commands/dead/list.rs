//! `tradeup dead list`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_store::Tx;
use tradeup_store::dead_letters::{self, DeadLetter, DeadOrder};

use super::Which;
use crate::Context;
use crate::output::{instant, table};

/// List dead letters that nobody has seen to, newest first.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let filter = self.which.filter(&pool, Vec::new()).await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let listed = dead_letters::select(&mut tx, &filter, DeadOrder::NewestFirst, self.limit).await?;
        tx.rollback().await?;
        let values: Vec<Value> = listed.iter().map(value).collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return "No dead letters.".to_owned();
            }
            let headings = ["dead letter", "dead since", "code", "task", "tenant", "group", "now", "error"];
            let mut shown = table(&headings, &[]);
            for letter in &listed {
                shown.add_row([
                    letter.id.to_string(),
                    instant(letter.dead_at),
                    letter.code.clone(),
                    letter.task.clone().unwrap_or_else(|| "-".to_owned()),
                    letter.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
                    letter.fingerprint.clone(),
                    now(letter),
                    letter.errors.join(": "),
                ]);
            }
            format!(
                "{shown}\nThe whole story: tradeup dead show ID. Try again: tradeup dead replay ID, or --group GROUP \
                 (with --dry-run first).\nWhat a code means and what to do: docs/errors/<code>.md"
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What has become of it.
pub(crate) fn now(letter: &DeadLetter) -> String {
    let run = letter.run_state.as_deref().map(|state| format!("run {state}"));
    match (&letter.resolution, run) {
        (None, None) => "no run".to_owned(),
        (None, Some(run)) => run,
        (Some(resolution), None) => resolution.clone(),
        (Some(resolution), Some(run)) => format!("{resolution}, {run}"),
    }
}

pub(crate) fn value(letter: &DeadLetter) -> Value {
    json!({ "dead_letter_id": letter.id.to_string(), "run_id": letter.run_id.map(|id| id.to_string()),
        "tenant": letter.tenant_handle, "task": letter.task, "key": letter.run_key, "subject": letter.subject,
        "code": letter.code, "errors": letter.errors, "fingerprint": letter.fingerprint, "build": letter.build,
        "dead_at": instant(letter.dead_at), "run_state": letter.run_state, "attempts": letter.run_attempt,
        "resolution": letter.resolution, "resolved_by": letter.resolved_by,
        "resolved_at": letter.resolved_at.map(instant) })
}
