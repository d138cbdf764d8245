//! `tradeup cancel`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;
use tradeup_store::runs::{self, RunView};
use tradeup_store::{Pool, RunId};

use super::run;
use super::runs::{WhichRuns, value};
use super::who::Who;
use crate::Context;
use crate::output::{count, table};

/// Most runs that one command names; those below them are not counted.
const RUNS_MAX: i64 = 10_000;

/// Cancel runs and everything below them. What they have done stays; what is under way is rolled back.
#[derive(Args)]
pub(crate) struct Cancel {
    /// Ids of runs.
    #[arg(value_name = "RUN")]
    ids: Vec<RunId>,
    #[command(flatten)]
    which: WhichRuns,
    /// Say which would be cancelled, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    who: Who,
}

impl Cancel {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let named = named(&pool, self.ids, self.which, Unfinished::Only).await?;
        let ids: Vec<RunId> = named.iter().map(|run| run.run_id).collect();
        let cancelled = if self.dry_run {
            Vec::new()
        } else {
            let actor = self.who.actor();
            runs::cancel(&pool, &ids, &actor).await?.runs
        };
        let value = json!({ "named": named.iter().map(value).collect::<Vec<_>>(), "dry_run": self.dry_run,
            "cancelled": cancelled.iter().map(RunId::to_string).collect::<Vec<_>>() });
        context.output().show(&value, || {
            let of = |n: usize| count(u64::try_from(n).unwrap_or(u64::MAX), "run", "runs");
            if self.dry_run {
                let mut shown = table(&["run", "task", "tenant", "key", "state"], &[]);
                for run in &named {
                    let tenant = run.tenant_handle.as_deref().unwrap_or("-");
                    shown.add_row([&run.run_id.to_string(), &run.task, tenant, &run.key, &run.state]);
                }
                return format!(
                    "{shown}\nWould cancel {} and everything below. Nothing was done.",
                    of(named.len())
                );
            }
            format!(
                "Cancelled {}, those below included. To take them up again: tradeup retry",
                of(cancelled.len())
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether runs that have ended are meant too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Only those that have not.
    Only,
    /// All.
    All,
}

/// The runs that an act is about. Saying nothing never means all of them.
pub(super) async fn named(
    pool: &Pool,
    ids: Vec<RunId>,
    which: WhichRuns,
    unfinished: Unfinished,
) -> anyhow::Result<Vec<RunView>> {
    ensure!(ids.is_empty() || !which.says_something(), "give either ids of runs or options, not both");
    if !ids.is_empty() {
        let mut named = Vec::with_capacity(ids.len());
        for id in ids {
            named.push(run::read(pool, id).await?);
        }
        return Ok(named);
    }
    if !which.says_something() {
        bail!(
            "say which runs: their ids, or --task, --state, --tenant, --tag, --trigger, --error, --key, --parent, --since or --until"
        );
    }
    let mut filter = which.filter(pool).await?;
    filter.unfinished = unfinished == Unfinished::Only;
    let named = runs::list(pool, &filter, RUNS_MAX).await?;
    ensure!(!named.is_empty(), "no runs match");
    ensure!(
        i64::try_from(named.len()).is_ok_and(|found| found < RUNS_MAX),
        "{RUNS_MAX} runs or more match: narrow it, by --since and --until for instance"
    );
    Ok(named)
}
