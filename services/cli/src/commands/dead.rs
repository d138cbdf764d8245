//! `tradeup dead`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradeup_store::dead_letters;

use crate::Context;
use crate::output::{instant, table};

/// Look at what could not be done.
#[derive(Subcommand)]
pub(crate) enum Dead {
    /// List dead letters, newest first.
    List(List),
}

/// List dead letters, newest first.
#[derive(Args)]
pub(crate) struct List {
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Dead {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self::List(List { limit }) = self;
        let pool = context.pool().await?;
        let listed = dead_letters::list(&pool, limit).await?;
        let values: Vec<Value> = listed
            .iter()
            .map(|d| {
                json!({ "dead_letter_id": d.id.to_string(), "run_id": d.run_id.map(|id| id.to_string()), "tenant": d.tenant_handle,
                    "task": d.task, "subject": d.subject, "code": d.code, "errors": d.errors, "fingerprint": d.fingerprint,
                    "dead_at": instant(d.dead_at), "run_state": d.run_state })
            })
            .collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return "No dead letters.".to_owned();
            }
            let mut shown =
                table(&["dead since", "code", "task", "tenant", "group", "run", "run is now", "error"], &[]);
            for d in &listed {
                shown.add_row([
                    instant(d.dead_at),
                    d.code.clone(),
                    d.task.clone().unwrap_or_else(|| "-".to_owned()),
                    d.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
                    d.fingerprint.clone(),
                    d.run_id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                    d.run_state.clone().unwrap_or_else(|| "-".to_owned()),
                    d.errors.join(": "),
                ]);
            }
            format!("{shown}\nWhat a code means and what to do: docs/errors/<code>.md")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
