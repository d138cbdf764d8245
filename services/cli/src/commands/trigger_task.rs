//! `tradeup trigger task`.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use tradeup_proto::{json as payload_json, schema};
use tradeup_worker::trigger::{by_kind, checked_key, startable};

use super::pause::known_task;
use super::start::{Existing, Start};
use super::{now, optional_tenant_ref, text_of};
use crate::Context;

/// Start a run of any task with an input of your own, as the engine itself would. What it does is done once for each
/// key of a shop.
#[derive(Args)]
pub(crate) struct TriggerTask {
    /// The task.
    task: String,
    /// The shop that it is about.
    #[arg(long)]
    tenant: Option<String>,
    /// With task and shop, what makes it unique: the same again shows the run that there is.
    #[arg(long, value_parser = checked_key)]
    key: String,
    /// A file with its input as JSON; - reads standard input. Without it the input says nothing.
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// Say what would be started and what the input may hold, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    start: Start,
}

impl TriggerTask {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let kind = known_task(&self.task)?;
        startable(kind).map_err(anyhow::Error::msg)?;
        let text = self.input.as_deref().map_or_else(|| Ok("{}".to_owned()), text_of)?;
        let payload = payload_json::to_bytes(kind.input, &text).context("--input")?;
        let pool = context.pool().await?;
        let tenant = optional_tenant_ref(&pool, self.tenant.as_deref()).await?;
        if self.dry_run {
            let understood = payload_json::from_bytes(kind.input, &payload)?;
            let fields = schema::fields(kind.input)?;
            let value = json!({ "task": kind.task, "tenant": self.tenant, "key": self.key, "input": understood,
                "fields": fields.iter().map(|field| json!({ "name": field.name, "about": field.about })).collect::<Vec<_>>() });
            context.output().show(&value, || {
                let may: Vec<String> =
                    fields.iter().map(|field| format!("  {}: {}", field.name, field.about)).collect();
                format!(
                    "Nothing was done. It would start {} {} with {understood}.\nIts input may hold:\n{}",
                    kind.task,
                    self.key,
                    may.join("\n")
                )
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        ensure!(!self.start.by.trim().is_empty(), "--by: say who starts it, for the record");
        let new = by_kind(kind, tenant, self.key, payload, now(&pool).await?, &self.start.by);
        self.start.start(context, &pool, new, Existing::HasToBeTheSame).await
    }
}
