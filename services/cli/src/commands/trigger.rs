//! `tradeup trigger`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tradeup_domain::Period;
use tradeup_worker::trigger::{Scheduled, When};

use super::start::{Existing, Start};
use super::trigger_task::TriggerTask;
use super::{now, optional_tenant_ref};
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
    /// Prove the ledger of all shops, as the daily schedule does, or of one. `tradeup verify --history` shows what
    /// came of it.
    LedgerVerification(LedgerVerification),
    /// Look at what campaigns have brought against who was held out, and plans against what they wanted to reach, as the
    /// daily schedule does: of all shops, or of one.
    KpiFollowUp(KpiFollowUp),
    /// Look at the tiers of all active shops, as the daily schedule does: notices 30 days before a tier is
    /// lowered, and what has come to its date. What was done for a date is not done again.
    TierReview(TierReview),
    /// Have agents plan what brings back members who are about to stay away, as the schedule does on Mondays: for all
    /// active shops, or for one. Each plan costs money at the model's provider, within the shop's limits.
    WeeklyChurnPreventionScan(AgentScan),
    /// Have agents plan what has members use credit that is about to end, as the daily schedule does: for all active
    /// shops, or for one. Each plan costs money at the model's provider, within the shop's limits.
    DailyExpirationRescue(AgentScan),
    /// Have agents review the month and plan the quarter, as the schedule does on the 1st: for all active shops, or for
    /// one. Each review costs money at the model's provider, within the shop's limits.
    MonthlyStrategicReview(AgentScan),
    /// Start a run of any task with an input of your own, as the engine itself would.
    Task(TriggerTask),
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

/// Look at what campaigns and plans have brought.
#[derive(Args)]
pub(crate) struct KpiFollowUp {
    /// Whose time has come by then, like 2026-12-29T07:00:00Z; by now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    start: Start,
}

/// Prove ledgers.
#[derive(Args)]
pub(crate) struct LedgerVerification {
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
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

/// Have agents plan.
#[derive(Args)]
pub(crate) struct AgentScan {
    /// Members as they were then, like 2026-11-30T09:00:00Z; as they are now, if it is not said.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Just this shop.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    start: Start,
}

impl Trigger {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let as_of = |as_of: Option<DateTime<Utc>>| as_of.map_or(When::Now, When::Instant);
        let mut of = None;
        let (task, when, start) = match self {
            Self::MonthlyCredits(it) => (Scheduled::MonthlyCredits, When::Period(it.period), it.start),
            Self::CreditExpiration(it) => (Scheduled::CreditExpiration, as_of(it.as_of), it.start),
            Self::ExpirationWarning(it) => (Scheduled::ExpirationWarning, as_of(it.as_of), it.start),
            Self::WalletReconciliation(it) => (Scheduled::WalletReconciliation, When::Now, it.start),
            Self::GapSearch(it) => (Scheduled::GapSearch, When::Now, it.start),
            Self::KpiFollowUp(it) => {
                of = it.tenant;
                (Scheduled::KpiFollowUp, as_of(it.as_of), it.start)
            }
            Self::LedgerVerification(it) => {
                of = it.tenant;
                (Scheduled::LedgerVerification, When::Now, it.start)
            }
            Self::TierReview(it) => (Scheduled::TierReview, as_of(it.as_of), it.start),
            Self::WeeklyChurnPreventionScan(it) => {
                of = it.tenant;
                (Scheduled::ChurnScan, as_of(it.as_of), it.start)
            }
            Self::DailyExpirationRescue(it) => {
                of = it.tenant;
                (Scheduled::ExpirationRescue, as_of(it.as_of), it.start)
            }
            Self::MonthlyStrategicReview(it) => {
                of = it.tenant;
                (Scheduled::StrategicReview, as_of(it.as_of), it.start)
            }
            Self::Task(it) => return it.run(context).await,
        };
        let pool = context.pool().await?;
        let tenant = optional_tenant_ref(&pool, of.as_deref()).await?;
        let new = task.by_hand(tenant, when, now(&pool).await?, &start.by)?;
        start.start(context, &pool, new, Existing::IsTheSame).await
    }
}
