//! `tradeup bulk-acts`.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_store::{Tx, bulk_acts};
use uuid::Uuid;

use super::who::Who;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Acts that are listed, the newest.
const LISTED: i64 = 100;

/// What is done with many runs together, asked for by page or API and worked off by `console`.
#[derive(Subcommand)]
pub(crate) enum BulkActs {
    /// List them, and how far they are.
    List,
    /// Stop one: what it has done stays.
    Stop(Stop),
}

/// Stop a bulk act.
#[derive(Args)]
pub(crate) struct Stop {
    /// Its id.
    id: Uuid,
    #[command(flatten)]
    who: Who,
}

impl BulkActs {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let Self::Stop(Stop { id, who }) = self else { return list(context).await };
        let mut tx = Tx::of_engine(&pool).await?;
        ensure!(
            bulk_acts::stop(&mut tx, id, &who.actor()).await?,
            "there is no bulk act {id} under way; `tradeup bulk-acts list` shows them"
        );
        tx.commit().await?;
        context.output().show(&json!({ "bulk_act": id, "stopped": true }), || "It is stopped.".to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let mut sheet = Sheet::new(&[
        "bulk_act",
        "act",
        "state",
        "runs",
        "came_to",
        "changed",
        "asked_by",
        "reason",
        "created_at",
        "ended_at",
        "error",
    ]);
    for act in bulk_acts::list(&pool, LISTED).await? {
        sheet.push([
            Cell::Text(act.id.to_string()),
            Cell::Text(act.act),
            Cell::Text(act.state),
            Cell::Number(act.total),
            Cell::Number(act.seen),
            Cell::Number(act.changed),
            Cell::Text(act.asked_by),
            Cell::Text(act.reason),
            Cell::Text(instant(act.created_at)),
            Cell::optional(act.ended_at.map(instant)),
            Cell::optional(act.error),
        ]);
    }
    sheet.show(context.output(), false, "Nothing was done with many runs together yet.")?;
    Ok(ExitCode::SUCCESS)
}
