//! `tradeup limit`.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use serde_json::json;
use tradeup_store::{Tx, limits};

use super::optional_tenant;
use super::pause::known_task;
use super::who::Who;
use crate::Context;

/// Limit how many runs of a task a shop has at once or begins in a minute. Runs above the limit wait
/// and use up no attempt. `tradeup holds` shows limits and who waits.
#[derive(Args)]
pub(crate) struct Limit {
    /// The task.
    #[arg(long)]
    task: String,
    /// The shop; without it, each shop that has no limit of its own.
    #[arg(long)]
    tenant: Option<String>,
    /// Runs at once.
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(i32).range(1..))]
    running_max: Option<i32>,
    /// Runs begun in a minute; a tenth of them in one moment.
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(i32).range(1..))]
    per_minute: Option<i32>,
    /// Remove the limit.
    #[arg(long, conflicts_with_all = ["running_max", "per_minute"])]
    remove: bool,
    #[command(flatten)]
    who: Who,
}

impl Limit {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(
            self.remove || self.running_max.is_some() || self.per_minute.is_some(),
            "say --running-max, --per-minute or both, or --remove"
        );
        known_task(&self.task)?;
        let pool = context.pool().await?;
        let tenant = optional_tenant(&pool, self.tenant.as_deref()).await?;
        let limit = limits::Limit {
            tenant,
            task: self.task,
            running_max: self.running_max,
            per_minute: self.per_minute,
        };
        let actor = self.who.actor();
        let mut tx = Tx::of_engine(&pool).await?;
        limits::set(&mut tx, &limit, &actor).await?;
        tx.commit().await?;
        let value = json!({ "task": limit.task, "tenant": self.tenant, "running_max": limit.running_max,
            "per_minute": limit.per_minute });
        context
            .output()
            .show(&value, || if self.remove { "Removed the limit." } else { "Set the limit." }.to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}
