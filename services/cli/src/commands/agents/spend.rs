//! `tradeup agents spend`.

use std::process::ExitCode;

use clap::Args;
use tradeup_store::agent_budgets;

use super::super::tenant_by_handle;
use super::words::usd;
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// Show what models cost, by shop, month and model. `unknown` are answers that were lost: sent, perhaps billed, and counted
/// at the most that they can have cost.
#[derive(Args)]
pub(crate) struct Spend {
    /// Of this shop.
    #[arg(long)]
    tenant: Option<String>,
    /// Of so many months, this one among them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=60))]
    months: i32,
    /// Print CSV, safe to open in a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Spend {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = match &self.tenant {
            Some(handle) => Some(tenant_by_handle(&pool, handle).await?.handle),
            None => None,
        };
        // JSON and CSV have billionths of a dollar, people read dollars.
        let for_people = !context.json && !self.csv;
        let amount = |nano: i64| if for_people { Cell::text(usd(nano)) } else { Cell::Number(nano) };
        let (cost, unknown_cost) =
            if for_people { ("cost", "unknown cost") } else { ("cost_nano_usd", "unknown_nano_usd") };
        let mut sheet = Sheet::new(&[
            "shop",
            "month",
            "model",
            "turns",
            "input_tokens",
            "cache_write_tokens",
            "cache_read_tokens",
            "output_tokens",
            cost,
            "unknown",
            unknown_cost,
        ]);
        let mut spent = agent_budgets::by_shop(&pool, tenant.as_deref(), self.months).await?;
        // Each shop's in one piece; they come newest first.
        spent.sort_by(|a, b| a.tenant_handle.cmp(&b.tenant_handle));
        for row in spent {
            sheet.push([
                Cell::text(row.tenant_handle),
                Cell::text(row.month),
                Cell::text(row.model),
                Cell::Number(row.turns),
                Cell::Number(row.input_tokens),
                Cell::Number(row.cache_write_tokens),
                Cell::Number(row.cache_read_tokens),
                Cell::Number(row.output_tokens),
                amount(row.cost_nano),
                Cell::Number(row.unknown),
                amount(row.unknown_nano),
            ]);
        }
        sheet.show(context.output(), self.csv, "Nothing was spent.")?;
        Ok(ExitCode::SUCCESS)
    }
}
