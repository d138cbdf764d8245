//! `tradeup wallet set` and `show`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tradeup_domain::amount_text as money;
use tradeup_store::audit::{self, Actor};
use tradeup_store::{Tx, pushes, shops, wallets};

use super::super::tenant_by_handle;
use crate::Context;
use crate::output::{count, instant, instant_or_dash};
use crate::sheet::{Cell, Sheet};

/// Who decides.
#[derive(Clone, Copy, ValueEnum)]
enum Authority {
    /// Our ledger alone; the shop is told nothing.
    None,
    /// Our ledger; the shop shows a copy and is told each movement, ends too.
    Ledger,
    /// Shopify, which ends credit by itself and takes it at its own check-out; our ledger follows it.
    Shopify,
}

/// Say who decides what of a tenant's credit can be spent.
#[derive(Args)]
pub(crate) struct Set {
    /// The tenant's handle.
    tenant: String,
    /// Who decides.
    authority: Authority,
    /// Tell the shop what members have by now, as far as it was not told. Doing it again tells nothing twice.
    #[arg(long)]
    opening: bool,
    /// Why, for the record.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Bookings under way end within this long.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

impl Set {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let wallet = match self.authority {
            Authority::None => "none",
            Authority::Ledger => "ledger",
            Authority::Shopify => "shopify",
        };
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        if wallet != "none" && shops::get(&mut tx, tenant.id).await?.is_none() {
            bail!(
                "{} is connected to no shop; connect it first, with `tradeup wallet connect`",
                tenant.handle
            );
        }
        ensure!(
            wallet != "none" || !self.opening,
            "--opening tells a shop; with `none` there is nobody to tell"
        );
        let transaction = pushes::set_wallet(&mut tx, tenant.id, wallet).await?;
        if wallet != "none" {
            pushes::wake(&mut tx, tenant.id).await?;
        }
        let actor = Actor { name: self.by, reason: self.reason };
        let subject = json!({ "tenant": tenant.handle, "wallet": wallet, "before": tenant.wallet,
            "opening": self.opening });
        audit::record(&mut tx, &actor, "wallet.set", &subject).await?;
        tx.commit().await?;

        let (mut lots, mut amount_minor) = (0, 0);
        if self.opening {
            // What is being booked at this moment by the old setting is told by nobody else.
            let until = Instant::now() + SETTLES_WITHIN;
            loop {
                let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
                if pushes::wallet_is_settled(&mut tx, transaction).await? {
                    (lots, amount_minor) = pushes::tell_opening(&mut tx, tenant.id).await?;
                    tx.commit().await?;
                    break;
                }
                ensure!(
                    Instant::now() < until,
                    "a transaction that began before is still under way; the wallet is set, nothing was told of \
                     what there is; repeat this command"
                );
                tx.rollback().await?;
                sleep(Duration::from_millis(100)).await;
            }
        }
        let value = json!({ "tenant": tenant.handle, "wallet": wallet, "opening_lots": lots,
            "opening_minor": amount_minor });
        context.output().show(&value, || {
            let mut text = format!("The wallet of {} is: {wallet}.", tenant.handle);
            if self.opening {
                let told = money(amount_minor, &tenant.currency);
                text.push_str(&format!(
                    "\nTo be told of what there is: {told} in {}.",
                    count(lots.unsigned_abs(), "lot", "lots")
                ));
            }
            text
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Show a tenant's connection and what its shop was told.
#[derive(Args)]
pub(crate) struct Show {
    /// The tenant's handle.
    tenant: String,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let shop = shops::get(&mut tx, tenant.id).await?;
        let sums = pushes::sums(&mut tx, tenant.id, None).await?;
        let differences = wallets::differences(&mut tx, tenant.id, None).await?;
        tx.rollback().await?;
        let mut sheet =
            Sheet::new(&["state", "currency", "pushes", "credits_minor", "debits_minor", "oldest"]);
        for sum in sums {
            sheet.push([
                Cell::Text(sum.state),
                Cell::text(sum.currency.as_str()),
                Cell::Number(sum.pushes),
                Cell::Money(sum.credit_minor, sum.currency.clone()),
                Cell::Money(sum.debit_minor, sum.currency),
                Cell::Text(instant(sum.oldest_at)),
            ]);
        }
        let open = differences.iter().filter(|difference| difference.repair.is_none()).count();
        let value = json!({
            "tenant": tenant.handle, "wallet": tenant.wallet, "differences": open, "pushes": sheet.value(),
            "shop": shop.as_ref().map(|shop| json!({
                "domain": shop.domain, "connected": shop.is_connected, "error_code": shop.error_code,
                "error": shop.error, "access_expires_at": shop.pair.access_expires_at,
                "refresh_expires_at": shop.pair.refresh_expires_at, "renews": shop.pair.refresh.is_some(),
            })),
        });
        context.output().show(&value, || {
            let connection = match &shop {
                None => "connected to no shop".to_owned(),
                Some(shop) if shop.is_connected => format!(
                    "connected to {}; its token ends {}, and is {}",
                    shop.domain,
                    instant_or_dash(shop.pair.access_expires_at),
                    if shop.pair.refresh.is_some() { "renewed by itself" } else { "not renewed" },
                ),
                Some(shop) => format!(
                    "DISCONNECTED from {}: {} ({})",
                    shop.domain,
                    shop.error.as_deref().unwrap_or("-"),
                    shop.error_code.as_deref().unwrap_or("-"),
                ),
            };
            let open = u64::try_from(open).unwrap_or(u64::MAX);
            let told = if sheet.is_empty() { "Nothing to tell yet.".to_owned() } else { sheet.text() };
            format!(
                "{}: wallet {}, {connection}\n{told}\n{}.",
                tenant.handle,
                tenant.wallet,
                count(open, "difference", "differences"),
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
