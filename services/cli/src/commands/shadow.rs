//! `tradeup shadow`.

mod report;

use std::process::ExitCode;

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::Period;
use tradeup_store::shadow::{self, Switched};
use tradeup_store::{Tx, imports, schedules, tenants};
use tradeup_worker::trigger;

use super::tenant_by_handle;
use super::who::Who;
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Shops whose members' credit another system still moves: everything is reckoned here, and nothing is done.
#[derive(Subcommand)]
pub(crate) enum Shadow {
    /// List shops that are in shadow, or have been.
    List,
    /// Put a shop into shadow: its schedules fire and its runs say what they would have done.
    Begin(Begin),
    /// Hold a month as it was reckoned against what the other system has done; exit code 1 if they differ.
    Report(report::Report),
    /// The cut-over: from now on what is decided is done. What was due before stays the other system's.
    End(End),
}

/// Put a shop into shadow.
#[derive(Args)]
pub(crate) struct Begin {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    #[command(flatten)]
    who: Who,
}

/// The cut-over of a shop.
#[derive(Args)]
pub(crate) struct End {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// Go on, though what the other system has issued of the latest month is not brought over in full. That month can't be
    /// issued here until it is.
    #[arg(long)]
    without_import: bool,
    #[command(flatten)]
    who: Who,
}

impl Shadow {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List => list(context).await,
            Self::Begin(begin) => begin.run(context).await,
            Self::Report(report) => report.run(context).await,
            Self::End(end) => end.run(context).await,
        }
    }
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let all = tenants::list(&pool).await?;
    let shown: Vec<_> = all.iter().filter(|t| t.shadow_since.is_some() || t.live_since.is_some()).collect();
    let value: Vec<_> = shown
        .iter()
        .map(|t| {
            json!({ "tenant": t.handle, "shadow_since": t.shadow_since.map(instant),
                "live_since": t.live_since.map(instant) })
        })
        .collect();
    context.output().show(&json!(value), || {
        if shown.is_empty() {
            return "No shop is in shadow, or has been.".to_owned();
        }
        let mut table = table(&["tenant", "in shadow since", "cut over"], &[]);
        for t in &shown {
            table.add_row([t.handle.clone(), instant_or_dash(t.shadow_since), instant_or_dash(t.live_since)]);
        }
        table.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Begin {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let at = match shadow::begin(&mut tx, &tenant, &self.who.actor()).await? {
            Switched::At(at) => at,
            Switched::Already => bail!("{} is in shadow already", tenant.handle),
            Switched::UnderWay(runs) => bail!(
                "{runs} runs of {0} have not ended and would book what they began; wait for them, or cancel them: \
                 tradeup runs --tenant {0}",
                tenant.handle
            ),
            Switched::HasWallet => bail!(
                "{0} has a wallet at Shopify, which would have to be told; first: tradeup wallet set {0} none --reason WHY",
                tenant.handle
            ),
        };
        tx.commit().await?;
        let value = json!({ "tenant": tenant.handle, "shadow_since": instant(at) });
        context.output().show(&value, || {
            format!(
                "{0} is in shadow since {1}: nothing is booked, mailed or told.\n\
                 After a month: tradeup shadow report --tenant {0} --period YYYY-MM --against FILE",
                tenant.handle,
                instant(at)
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl End {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        // The latest month that was due, which is the one that could be issued twice.
        let this = Period::of(now, Tz::UTC);
        let latest = if trigger::monthly_credits_due(this) <= now { this } else { this.preceding() };
        let complete = imports::is_complete(&mut tx, tenant.id, &latest.to_string()).await?;
        if !complete && !self.without_import {
            bail!(
                "what the other system has issued of {latest} is not brought over in full: \
                 tradeup import credits --tenant {} --period {latest} --from FILE (or give --without-import)",
                tenant.handle
            );
        }
        let at = match shadow::end(&mut tx, &tenant, &self.who.actor()).await? {
            Switched::At(at) => at,
            Switched::UnderWay(runs) => bail!(
                "{runs} runs that were planned in shadow have not ended; wait for them: tradeup runs --tenant {}",
                tenant.handle
            ),
            Switched::Already | Switched::HasWallet => bail!("{} is not in shadow", tenant.handle),
        };
        tx.commit().await?;
        let next = latest.following();
        let value = json!({ "tenant": tenant.handle, "live_since": instant(at), "latest_period": latest.to_string(),
            "imported": complete, "first_period": next.to_string() });
        context.output().show(&value, || {
            format!(
                "{0} is live since {1}. Its first month is {next}, due {2}.\n\
                 Who lacks {latest} gets it by: tradeup backfill {0} --period {latest} --reason WHY\n\
                 Its wallet at Shopify, if it has one: tradeup wallet set {0} shopify --reason WHY",
                tenant.handle,
                instant(at),
                instant(trigger::monthly_credits_due(next))
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
