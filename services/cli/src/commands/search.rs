//! `tradeup search`.

use std::process::ExitCode;

use clap::Args;
use tradeup_store::search;

use super::optional_tenant_ref;
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// Of each kind.
const FOUND_MAX: i64 = 20;

/// Find whatever you have in hand: a run's id or the beginning of its key, a shop's handle or domain, a customer's or
/// an order's id at their shop.
#[derive(Args)]
pub(crate) struct Search {
    /// What you have in hand.
    wanted: String,
    /// Look within this shop alone.
    #[arg(long)]
    tenant: Option<String>,
}

impl Search {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let within = optional_tenant_ref(&pool, self.tenant.as_deref()).await?;
        let search = search::find(&pool, within.as_ref(), self.wanted.trim(), FOUND_MAX).await?;
        let mut sheet = Sheet::new(&["what", "name", "tenant", "run"]);
        for found in search.found {
            sheet.push([
                Cell::Text(found.kind),
                Cell::Text(found.name),
                Cell::optional(found.tenant_handle),
                Cell::optional(found.run_id.map(|id| id.to_string())),
            ]);
        }
        if search.not_all_shops {
            eprintln!(
                "tradeup: customers and orders were looked for in {} shops, and there are more; --tenant names one",
                search::SHOPS_MAX
            );
        }
        sheet.show(
            context.output(),
            false,
            "Nothing is called so. Ids have to be whole; keys may be a beginning.",
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
