//! `tradeup retry`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tradeup_store::dead_letters::{Discarded, retry};
use tradeup_store::{RunId, Tx};

use super::cancel::{Unfinished, named};
use super::runs::WhichRuns;
use super::who::Who;
use crate::Context;
use crate::output::count;

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

impl Retry {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        // What somebody set aside for good stays so, unless it is named.
        let discarded = if self.ids.is_empty() { Discarded::StayDead } else { Discarded::Revive };
        let named = named(&pool, self.ids, self.which, Unfinished::All).await?;
        let ids: Vec<RunId> = named.iter().map(|run| run.run_id).collect();
        let actor = self.who.actor();
        let mut tx = Tx::of_engine(&pool).await?;
        let retried = retry(&mut tx, &ids, &actor, discarded).await?;
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
