//! `tradeup trigger task`.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use tradeup_proto::{JobKind, json as payload_json, schema};
use tradeup_store::TenantRef;
use tradeup_worker::trigger::by_kind;

use super::pause::known_task;
use super::start::{Existing, Start};
use super::{now, tenant_by_handle};
use crate::Context;

/// Longest key, in bytes: it goes into a message's header.
const KEY_LEN_MAX: usize = 255;

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
    #[arg(long, value_parser = key)]
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

fn key(text: &str) -> Result<String, String> {
    if text.trim() != text
        || text.is_empty()
        || text.len() > KEY_LEN_MAX
        || text.chars().any(char::is_control)
    {
        return Err(format!("write 1 to {KEY_LEN_MAX} characters without blanks around them"));
    }
    Ok(text.to_owned())
}

impl TriggerTask {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        known_task(&self.task)?;
        let kind = JobKind::by_task(&self.task).context("this build does not know the task")?;
        let text = match self.input.as_deref() {
            None => "{}".to_owned(),
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
                text
            }
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?,
        };
        let payload = payload_json::to_bytes(kind.input, &text).context("--input")?;
        let pool = context.pool().await?;
        let tenant = match &self.tenant {
            None => None,
            Some(handle) => {
                let found = tenant_by_handle(&pool, handle).await?;
                Some(TenantRef { id: found.id, handle: found.handle })
            }
        };
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
