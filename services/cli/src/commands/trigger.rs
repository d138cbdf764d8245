//! `tradeup trigger`.

use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use tradeup_domain::Period;
use tradeup_store::runs::Trigger as TriggeredBy;
use tradeup_worker::trigger::{Fire, Scheduled, When};

use super::now;
use super::start::{Existing, Start};
use crate::Context;

/// Trigger a run by hand.
#[derive(Subcommand)]
pub(crate) enum Trigger {
    /// Issue the monthly credits of a period to the members of all active shops. A period is issued
    /// once: triggering it again shows the run that there is.
    MonthlyCredits(MonthlyCredits),
    /// Book what has ended of all shops' credits. Time has decided it already: this only writes it down.
    CreditExpiration(CreditExpiration),
    /// Warn the members of all active shops of what ends within 7 days, as the daily schedule does. Who was
    /// warned of a credit is not warned of it again.
    ExpirationWarning(ExpirationWarning),
    /// Compare the ledger of all shops with a wallet at Shopify with what Shopify says.
    WalletReconciliation(WalletReconciliation),
    /// Ask all connected shops what has changed, as the nightly schedule does, and take what they never told.
    GapSearch(GapSearch),
    /// Look at the tiers of all active shops, as the daily schedule does: notices 30 days before a tier is
    /// lowered, and what has come to its date. What was done for a date is not done again.
    TierReview(TierReview),
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

/// Book what has ended.
#[derive(Args)]
pub(crate) struct CreditExpiration {
    /// What has ended by then, like 2026-11-25T00:00:00Z; by now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    start: Start,
}

/// Warn of what ends within 7 days.
#[derive(Args)]
pub(crate) struct ExpirationWarning {
    /// What ends within 7 days from then, like 2026-11-25T09:00:00Z; from now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    start: Start,
}

/// Compare ledger and shops.
#[derive(Args)]
pub(crate) struct WalletReconciliation {
    #[command(flatten)]
    start: Start,
}

/// Ask shops what has changed.
#[derive(Args)]
pub(crate) struct GapSearch {
    #[command(flatten)]
    start: Start,
}

/// Look at tiers.
#[derive(Args)]
pub(crate) struct TierReview {
    /// As of then, like 2026-11-25T02:00:00Z; now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    start: Start,
}

impl Trigger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::MonthlyCredits(monthly) => monthly.run(context).await,
            Self::CreditExpiration(expiration) => expiration.run(context).await,
            Self::ExpirationWarning(warning) => warning.run(context).await,
            Self::WalletReconciliation(comparison) => comparison.run(context).await,
            Self::GapSearch(search) => search.run(context).await,
            Self::TierReview(review) => review.run(context).await,
        }
    }
}

impl CreditExpiration {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        start_as_of(context, self.as_of, self.start, Scheduled::CreditExpiration).await
    }
}

impl ExpirationWarning {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        start_as_of(context, self.as_of, self.start, Scheduled::ExpirationWarning).await
    }
}

impl WalletReconciliation {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        start_as_of(context, None, self.start, Scheduled::WalletReconciliation).await
    }
}

impl GapSearch {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        start_as_of(context, None, self.start, Scheduled::GapSearch).await
    }
}

impl TierReview {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        start_as_of(context, self.as_of, self.start, Scheduled::TierReview).await
    }
}

/// Starts a run that is about an instant, which has to have come.
async fn start_as_of(
    context: &Context,
    as_of: Option<DateTime<Utc>>,
    start: Start,
    task: Scheduled,
) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let when = as_of.map_or(When::Now, When::Instant);
    let new = task.by_hand(None, when, now(&pool).await?, &start.by)?;
    start.start(context, &pool, new, Existing::IsTheSame).await
}

/// A fire that a person asks for.
pub(super) fn by_hand(due: DateTime<Utc>, now: DateTime<Utc>, start: &Start) -> Fire {
    Fire {
        due,
        zone: Tz::UTC,
        issued_at: now,
        spread: TimeDelta::zero(),
        trigger: TriggeredBy::Manual(start.by.clone()),
    }
}

impl MonthlyCredits {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let Self { period, start } = self;
        let pool = context.pool().await?;
        let now = now(&pool).await?;
        let new = Scheduled::MonthlyCredits.by_hand(None, When::Period(period), now, &start.by)?;
        start.start(context, &pool, new, Existing::IsTheSame).await
    }
}
