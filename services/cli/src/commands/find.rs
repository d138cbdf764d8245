//! `tradeup find`.

use std::process::ExitCode;

use clap::Args;
use tradeup_store::runs::{self, RunFilter};
use tradeup_store::{RunId, Tx, search};

use super::tenant_by_handle;
use crate::Context;
use crate::sheet::{Cell, Sheet};

/// Of each kind.
const FOUND_MAX: i64 = 20;

/// Find whatever you have in hand: a run's id or the beginning of its key, a shop's handle or domain, a customer's or
/// an order's id at their shop.
#[derive(Args)]
pub(crate) struct Find {
    /// What you have in hand.
    wanted: String,
    /// Look for customers and orders of this shop alone.
    #[arg(long)]
    tenant: Option<String>,
}

impl Find {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let mut sheet = Sheet::new(&["what", "name", "tenant", "id"]);
        let mut push = |what: &str, name: String, tenant: Option<String>, id: Option<String>| {
            sheet.push([Cell::text(what), Cell::Text(name), Cell::optional(tenant), Cell::optional(id)]);
        };
        let filter = RunFilter { tenant: self.tenant.clone(), with_children: true, ..RunFilter::default() };
        if let Ok(id) = self.wanted.parse::<RunId>() {
            let one = RunFilter { run_id: Some(id), ..filter.clone() };
            for run in runs::list(&pool, &one, 1).await? {
                push(
                    "run",
                    format!("{} {}", run.task, run.key),
                    run.tenant_handle,
                    Some(run.run_id.to_string()),
                );
            }
        }
        let mut all = true;
        match &self.tenant {
            Some(handle) => {
                let shop = tenant_by_handle(&pool, handle).await?;
                let mut tx = Tx::of_tenant(&pool, shop.id).await?;
                for (kind, name) in search::in_shop(&mut tx, shop.id, &self.wanted).await? {
                    push(&kind, name, Some(shop.handle.clone()), None);
                }
                tx.rollback().await?;
            }
            None => {
                for handle in search::shops(&pool, &self.wanted, FOUND_MAX).await? {
                    push("shop", handle.clone(), Some(handle), None);
                }
                let (found, of_all) = search::in_shops(&pool, &self.wanted).await?;
                all = of_all;
                for (tenant, (kind, name)) in found {
                    push(&kind, name, Some(tenant), None);
                }
            }
        }
        let of_key = RunFilter { key_prefix: Some(self.wanted.clone()), ..filter };
        for run in runs::list(&pool, &of_key, FOUND_MAX).await? {
            push("run", format!("{} {}", run.task, run.key), run.tenant_handle, Some(run.run_id.to_string()));
        }
        if !all {
            eprintln!(
                "tradeup: customers and orders were looked for in the first 10,000 shops; --tenant names one"
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
