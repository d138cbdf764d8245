//! `tradeup dead`: look at what could not be done, and put it right.

mod act;
mod effect;
mod list;
mod show;

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tradeup_store::dead_letters::DeadFilter;
use tradeup_store::{Pool, RunId};
use uuid::Uuid;

use super::tenant_by_handle;
use crate::Context;

/// Look at what could not be done, and put it right.
#[derive(Subcommand)]
pub(crate) enum Dead {
    /// List dead letters that nobody has seen to, newest first.
    List(list::List),
    /// Show a dead letter with its whole story.
    Show(show::Show),
    /// Try again: each run gets its task's attempts anew. What had taken effect stays as it is.
    Replay(act::Replay),
    /// Set dead letters aside for good, with a reason.
    Discard(act::Discard),
}

/// Which dead letters. Each option narrows.
#[derive(Args, Clone)]
#[command(next_help_heading = "Which dead letters")]
pub(crate) struct Which {
    /// Of this group: the same task with the same error.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// With this error code.
    #[arg(long)]
    code: Option<String>,
    /// Of this task.
    #[arg(long)]
    task: Option<String>,
    /// Of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Of this run or one below it.
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// Dead at or after this instant, like 2026-11-01T06:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    since: Option<DateTime<Utc>>,
    /// Dead before this instant.
    #[arg(long, value_name = "INSTANT")]
    until: Option<DateTime<Utc>>,
    /// Those that somebody has seen to as well.
    #[arg(long)]
    resolved: bool,
}

impl Which {
    async fn filter(self, pool: &Pool, ids: Vec<Uuid>) -> anyhow::Result<DeadFilter> {
        if let Some(handle) = &self.tenant {
            tenant_by_handle(pool, handle).await?;
        }
        Ok(DeadFilter {
            // Whoever names a letter means it, whatever was done about it before.
            resolved: self.resolved || !ids.is_empty(),
            ids: (!ids.is_empty()).then_some(ids),
            fingerprint: self.group,
            code: self.code,
            task: self.task,
            tenant: self.tenant,
            runs: self.run.map(|run| vec![run]),
            since: self.since,
            until: self.until,
        })
    }

    /// As [`Which::filter`], for an act: all of them are never meant by saying nothing.
    async fn filter_to_act(self, pool: &Pool, ids: Vec<Uuid>) -> anyhow::Result<DeadFilter> {
        let says_something = !ids.is_empty()
            || self.group.is_some()
            || self.code.is_some()
            || self.task.is_some()
            || self.tenant.is_some()
            || self.run.is_some()
            || self.since.is_some()
            || self.until.is_some();
        if !says_something {
            bail!(
                "say which dead letters: their ids, or --group, --code, --task, --tenant, --run, --since or --until"
            );
        }
        self.filter(pool, ids).await
    }
}

impl Dead {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Replay(replay) => replay.run(context).await,
            Self::Discard(discard) => discard.run(context).await,
        }
    }
}
