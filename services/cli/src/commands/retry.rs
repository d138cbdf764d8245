//! `tradeup retry`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tradeup_store::audit::Actor;
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::{RunId, Tx, runs};

use super::cancel::{Unfinished, named};
use super::runs::WhichRuns;
use super::who::Who;
use crate::Context;
use crate::output::count;

/// Runs a second that are set going.
const RUNS_PER_SECOND: f64 = 1000.0;

/// Try runs again, with everything below them: what is dead gets its attempts anew, what was cancelled
/// is taken up, what waits for its next attempt or its time is started now. What succeeded stays as it
/// is. For one group of failures rather than one run: tradeup dead replay.
#[derive(Args)]
pub(crate) struct Retry {
    /// Ids of runs.
    #[arg(value_name = "RUN")]
    ids: Vec<RunId>,
    #[command(flatten)]
    which: WhichRuns,
    #[command(flatten)]
    who: Who,
}

/// What was set going.
#[derive(Default)]
pub(super) struct Retried {
    pub(super) dead: usize,
    pub(super) cancelled: usize,
    pub(super) waiting: usize,
}

impl Retried {
    pub(super) fn total(&self) -> usize {
        self.dead + self.cancelled + self.waiting
    }
}

/// Sets going what is dead, cancelled or waiting at or below these runs.
pub(super) async fn retry(tx: &mut Tx, ids: &[RunId], actor: &Actor) -> anyhow::Result<Retried> {
    let mut retried = Retried {
        cancelled: runs::resume_cancelled(tx, ids, actor).await?,
        waiting: runs::hasten(tx, ids, actor).await?,
        dead: 0,
    };
    let how = Replay { payload: None, runs_per_second: RUNS_PER_SECOND };
    for id in ids {
        let filter = DeadFilter { run: Some(*id), resolved: true, ..DeadFilter::default() };
        let letters = dead_letters::select(tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
        if !letters.is_empty() {
            retried.dead += dead_letters::replay(tx, &letters, &how, actor).await?.runs;
        }
    }
    Ok(retried)
}

impl Retry {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let named = named(&pool, self.ids, self.which, Unfinished::All).await?;
        let ids: Vec<RunId> = named.iter().map(|run| run.run_id).collect();
        let actor = self.who.actor();
        let mut tx = Tx::of_engine(&pool).await?;
        let retried = retry(&mut tx, &ids, &actor).await?;
        tx.commit().await?;
        let value =
            json!({ "dead": retried.dead, "cancelled": retried.cancelled, "waiting": retried.waiting });
        context.output().show(&value, || {
            if retried.total() == 0 {
                return "Nothing to try again: nothing there is dead, cancelled or waiting.".to_owned();
            }
            let of = |n: usize, what: &str| {
                format!("{} {what}", count(u64::try_from(n).unwrap_or(u64::MAX), "run", "runs"))
            };
            format!(
                "Trying again: {}, {}, {}.",
                of(retried.dead, "that was dead"),
                of(retried.cancelled, "that was cancelled"),
                of(retried.waiting, "that waited")
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
