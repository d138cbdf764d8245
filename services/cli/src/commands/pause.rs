//! `tradeup pause` and `tradeup resume`.

use std::process::ExitCode;

use anyhow::{anyhow, bail, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_proto::JobKind;
use tradeup_store::audit::Actor;
use tradeup_store::pauses::{self, Scope};
use tradeup_store::{Pool, Tx};

use super::optional_tenant;
use super::who::Who;
use crate::Context;
use crate::output::{count, instant};

/// Which runs a pause is about: those that match all that is said.
#[derive(Args, Clone)]
#[command(next_help_heading = "Which runs")]
pub(crate) struct What {
    /// Of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Of this task.
    #[arg(long)]
    task: Option<String>,
    /// Those that need this: ledger (all that moves money), shopify, mail, anthropic.
    #[arg(long, value_name = "DEPENDENCY")]
    needing: Option<Dependency>,
    /// Every run of every shop.
    #[arg(long, conflicts_with_all = ["tenant", "task", "needing"])]
    everything: bool,
}

impl What {
    async fn scope(self, pool: &Pool) -> anyhow::Result<Scope> {
        let says_something = self.tenant.is_some() || self.task.is_some() || self.needing.is_some();
        if !says_something && !self.everything {
            bail!("say which runs: --tenant, --task, --needing, or --everything");
        }
        let tenant = optional_tenant(pool, self.tenant.as_deref()).await?;
        if let Some(task) = &self.task {
            known_task(task)?;
        }
        Ok(Scope { tenant, task: self.task, dependency: self.needing })
    }
}

/// Refuses names of tasks that there are not, and says which there are.
pub(super) fn known_task(task: &str) -> anyhow::Result<JobKind> {
    JobKind::by_task(task).ok_or_else(|| {
        let known = JobKind::ALL.map(|kind| kind.task);
        anyhow!("there is no task {task:?}; there are {}", known.join(", "))
    })
}

/// Hold back the runs that come next. What is under way ends; what waits uses up no attempt.
#[derive(Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    what: What,
    /// Why; whoever asks why a run waits is told.
    #[arg(long)]
    reason: String,
    /// When it ends by itself, like 2026-12-01T08:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    until: Option<DateTime<Utc>>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Lift a pause, named as it was placed. What waited is let go, 200 runs a second.
#[derive(Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    who: Who,
}

impl Pause {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(!self.reason.trim().is_empty(), "--reason: say why, for whoever finds runs waiting");
        let pool = context.pool().await?;
        let scope = self.what.scope(&pool).await?;
        let actor = Actor { name: self.by, reason: Some(self.reason) };
        let mut tx = Tx::of_engine(&pool).await?;
        let id = pauses::place(&mut tx, &scope, self.until, &actor).await?;
        tx.commit().await?;
        let value = json!({ "pause_id": id.to_string(), "until": self.until.map(instant) });
        context.output().show(&value, || match self.until {
            Some(until) => format!("Paused until {}. To lift it before: tradeup resume", instant(until)),
            None => "Paused. To lift it: tradeup resume, with the same options.".to_owned(),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let scope = self.what.scope(&pool).await?;
        let actor = self.who.actor();
        let mut tx = Tx::of_engine(&pool).await?;
        let Some(let_go) = pauses::lift(&mut tx, &scope, &actor).await? else {
            bail!("there is no pause of just these runs; `tradeup holds` shows those there are");
        };
        tx.commit().await?;
        context.output().show(&json!({ "let_go": let_go }), || {
            format!("Lifted the pause; {} waited and will go on.", count(let_go, "run", "runs"))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
