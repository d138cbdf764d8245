//! `tradeup gaps`.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use tradeup_shopify::OrderId;
use tradeup_store::{TenantRef, Tx, gaps};
use tradeup_worker::trigger::{self, Fire};

use super::start::{Existing, Start};
use super::{now, tenant_by_handle};
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// What a shop has and never told: it is asked every night for what has changed.
#[derive(Subcommand)]
pub(crate) enum Gaps {
    /// Show how far a shop was asked, and what the last search has found.
    Show(Show),
    /// Ask a shop now.
    Search(Search),
}

/// Show how far a shop was asked.
#[derive(Args)]
pub(crate) struct Show {
    /// The shop's handle.
    tenant: String,
}

/// Ask a shop now.
#[derive(Args)]
pub(crate) struct Search {
    /// The shop's handle.
    tenant: String,
    /// Only for this order, by the number that Shopify knows it by: the digits at the end of its address.
    #[arg(long, value_name = "NUMBER", value_parser = order)]
    order: Option<String>,
    #[command(flatten)]
    start: Start,
}

impl Gaps {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(show) => show.run(context).await,
            Self::Search(search) => search.run(context).await,
        }
    }
}

impl Show {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let cursors = gaps::cursors(&mut tx, tenant.id).await?;
        tx.rollback().await?;
        let mut sheet = Sheet::new(&[
            "what",
            "changed_until",
            "bulk_since",
            "looked_at",
            "found",
            "left_out",
            "searched_at",
        ]);
        for cursor in cursors {
            sheet.push([
                Cell::Text(cursor.what),
                Cell::optional(cursor.changed_until.map(instant)),
                Cell::optional(cursor.bulk_begun_at.map(instant)),
                Cell::Number(cursor.looked_at.into()),
                Cell::Number(cursor.found.into()),
                Cell::Number(cursor.left_out.into()),
                Cell::optional(cursor.searched_at.map(instant)),
            ]);
        }
        sheet.show(context.output(), false, "The shop was never asked. Ask it: tradeup gaps search")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Search {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        if tenant.shop_domain.is_none() {
            bail!(
                "{0} has no shop domain; `tradeup tenant set {0} --shop NAME.myshopify.com` gives it one",
                tenant.handle
            );
        }
        let now = now(&pool).await?;
        let of = TenantRef { id: tenant.id, handle: tenant.handle };
        let fire = Fire::by_hand(now, now, &self.start.by);
        let new = match &self.order {
            Some(order) => trigger::gap_search_of_order(of, order, fire),
            None => trigger::gap_search_of_tenant(of, fire),
        };
        self.start.start(context, &pool, new, Existing::IsTheSame).await
    }
}

fn order(given: &str) -> Result<String, String> {
    match OrderId::from_number(given) {
        Ok(id) => Ok(id.number().to_owned()),
        Err(_no_number) => Err("it is no order's number; give its digits, like 5600112233440".to_owned()),
    }
}
