//! `tradeup tiers`.

mod notices;
mod place;
mod preview;

pub(super) use notices::sheet as notices_sheet;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use tradeup_store::{Tx, tiers};

use super::tenant::shown_percent;
use super::tenant_by_handle;
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// A shop's tiers: what each gives, what has to be spent to reach it, how many are in it.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Tiers {
    /// The shop's handle.
    #[arg(required = true)]
    tenant: Option<String>,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(subcommand)]
    more: Option<More>,
}

#[derive(Subcommand)]
enum More {
    /// Say who would move up or down, and why.
    Preview(preview::Preview),
    /// List notices that a tier will be lowered, and what came of them.
    Notices(notices::Notices),
    /// Place a member in a tier by hand, or in none.
    Place(place::Place),
}

impl Tiers {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self.more {
            Some(More::Preview(preview)) => preview.run(context).await,
            Some(More::Notices(notices)) => notices.run(context).await,
            Some(More::Place(place)) => place.run(context).await,
            None => list(context, &self.tenant.unwrap_or_default(), self.csv).await,
        }
    }
}

async fn list(context: &Context, handle: &str, csv: bool) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    let tenant = tenant_by_handle(&pool, handle).await?;
    let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
    let listed = tiers::list(&mut tx, tenant.id).await?;
    tx.rollback().await?;
    let mut sheet = Sheet::new(&["tier", "monthly_minor", "cashback", "threshold_minor", "members", "tag"]);
    for tier in &listed {
        let monthly = tier.amount_minor.zip(tier.currency.clone());
        let threshold = tier.threshold_minor.map(|minor| Cell::Money(minor, tenant.currency.clone()));
        sheet.push([
            Cell::text(&tier.handle),
            monthly.map_or(Cell::Empty, |(minor, currency)| Cell::Money(minor, currency)),
            Cell::optional(tier.rate_bps.map(shown_percent)),
            threshold.unwrap_or(Cell::Empty),
            Cell::Number(tier.members),
            Cell::text(&tier.tag),
        ]);
    }
    sheet.show(context.output(), csv, "No tiers.")?;
    Ok(ExitCode::SUCCESS)
}

/// The number of the shop's tier of this name.
fn tier_by_handle(listed: &[tiers::Tier], tenant: &str, handle: &str) -> anyhow::Result<i32> {
    listed.iter().find(|tier| tier.handle == handle).map(|tier| tier.id).ok_or_else(|| {
        let names: Vec<&str> = listed.iter().map(|tier| tier.handle.as_str()).collect();
        anyhow!("tenant {tenant} has no tier {handle:?}; it has {}", names.join(", "))
    })
}
