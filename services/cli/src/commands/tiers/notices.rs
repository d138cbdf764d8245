//! `tradeup tiers notices`.

use std::process::ExitCode;

use clap::Args;
use tradeup_store::Tx;
use tradeup_store::tier_moves::{self, NoticeLine};

use super::tenant_by_handle;
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// List notices that a tier will be lowered: for which date, what is missing, what came of it.
#[derive(Args)]
pub(crate) struct Notices {
    /// The shop's handle.
    tenant: String,
    /// Only those whose date has not come.
    #[arg(long)]
    open: bool,
    /// Most notices listed.
    #[arg(long, default_value_t = 1000)]
    limit: i64,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Notices {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let listed = tier_moves::notices(&mut tx, tenant.id, None, self.open, self.limit).await?;
        tx.rollback().await?;
        sheet(&listed).show(context.output(), self.csv, "No notices.")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Notices as a table.
pub(in crate::commands) fn sheet(listed: &[NoticeLine]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "customer",
        "on",
        "from_tier",
        "to_tier",
        "spent_minor",
        "threshold_minor",
        "missing_minor",
        "given_at",
        "outcome",
    ]);
    for notice in listed {
        let money = |minor| Cell::Money(minor, notice.currency.clone());
        sheet.push([
            Cell::text(&notice.external_id),
            Cell::Text(notice.review_on.to_string()),
            Cell::text(&notice.from_tier),
            Cell::optional(notice.tier.as_deref()),
            money(notice.spend_minor),
            money(notice.threshold_minor),
            money(notice.threshold_minor - notice.spend_minor),
            Cell::Text(instant(notice.given_at)),
            Cell::optional(notice.outcome.as_deref()),
        ]);
    }
    sheet
}
