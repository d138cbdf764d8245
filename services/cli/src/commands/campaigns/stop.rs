//! `tradeup campaigns stop`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;
use tradeup_store::Tx;
use tradeup_store::campaigns::{self, Stopped};

use super::super::who::Who;
use super::Which;
use crate::Context;

/// Stop a campaign.
#[derive(Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
}

impl Stop {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "--reason: say why, for whoever wonders later");
        let pool = context.pool().await?;
        let (tenant, campaign) = self.which.read(&pool).await?;
        let mut tx = Tx::of_tenant(&pool, tenant).await?;
        let stopped = campaigns::stop(&mut tx, tenant, campaign.id, &self.who.actor()).await?;
        tx.commit().await?;
        let (is_new, words) = match stopped {
            Stopped::Done => (true, "is stopped; what is done stays done".to_owned()),
            Stopped::Already(by) => (false, format!("was stopped before, by {by}")),
            Stopped::Ended => {
                bail!("campaign {} has reached everybody already; what is done stays done", campaign.id)
            }
            Stopped::NotFound => bail!("campaign {} is gone", campaign.id),
        };
        let value = json!({ "id": campaign.id.to_string(), "state": "stopped", "new": is_new });
        context.output().show(&value, || format!("campaign {} {words}", campaign.id))?;
        Ok(ExitCode::SUCCESS)
    }
}
