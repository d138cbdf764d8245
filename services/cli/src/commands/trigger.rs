//! `tradeup trigger`.

use std::process::ExitCode;

use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use tradeup_domain::Period;
use tradeup_store::runs::Trigger as TriggeredBy;
use tradeup_store::{Tx, schedules};
use tradeup_worker::trigger::{self, Fire};

use super::start::{Existing, Start};
use crate::Context;

/// Trigger a run by hand.
#[derive(Subcommand)]
pub(crate) enum Trigger {
    /// Issue the monthly credits of a period to the members of all active shops. A period is issued
    /// once: triggering it again shows the run that there is.
    MonthlyCredits(MonthlyCredits),
}

/// Issue the monthly credits of a period.
#[derive(Args)]
pub(crate) struct MonthlyCredits {
    /// The month, like 2026-11.
    #[arg(long)]
    period: Period,
    #[command(flatten)]
    start: Start,
}

impl Trigger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self::MonthlyCredits(MonthlyCredits { period, start }) = self;
        let pool = context.pool().await?;
        let mut tx = Tx::of_engine(&pool).await?;
        let now = schedules::now(&mut tx).await?;
        let due = trigger::monthly_credits_due(period);
        if due > now {
            anyhow::bail!(
                "the monthly credits of {period} are due {due}, which has not come; who gets them is not known before"
            );
        }
        tx.rollback().await?;
        let new = trigger::monthly_credits(Fire {
            due,
            zone: Tz::UTC,
            issued_at: now,
            spread: TimeDelta::zero(),
            trigger: TriggeredBy::Manual(start.by.clone()),
        });
        start.start(context, &pool, new, Existing::IsTheSame).await
    }
}
