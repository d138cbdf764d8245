//! `tradeup wallet reconcile`, `differences` and `repair`.

use std::process::ExitCode;

use anyhow::{anyhow, bail, ensure};
use clap::{ArgGroup, Args};
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::{Money, ValueClass};
use tradeup_store::audit::{self, Actor};
use tradeup_store::credits::{Adjusted, Adjustment, Asked, adjust};
use tradeup_store::wallets::{self, DifferenceView};
use tradeup_store::{TenantRef, Tx, pushes};
use tradeup_worker::trigger::{self, Fire};

use super::super::start::{Existing, Start};
use super::super::{now, tenant_by_handle};
use crate::Context;
use crate::output::instant;
use crate::sheet::{Cell, Sheet};

/// Compare a tenant's ledger with its shop now.
#[derive(Args)]
pub(crate) struct Reconcile {
    /// The tenant's handle.
    tenant: String,
    #[command(flatten)]
    start: Start,
}

impl Reconcile {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        ensure!(
            tenant.wallet != "none",
            "{} has no wallet at Shopify to compare; `tradeup wallet set` gives it one",
            tenant.handle
        );
        let now = now(&pool).await?;
        let tenant = TenantRef { id: tenant.id, handle: tenant.handle };
        let new = trigger::wallet_reconciliation_of_tenant(tenant, Fire::by_hand(now, now, &self.start.by));
        self.start.start(context, &pool, new, Existing::IsTheSame).await
    }
}

/// List where ledger and shop differ.
#[derive(Args)]
pub(crate) struct Differences {
    /// The tenant's handle.
    tenant: String,
    /// As CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Differences {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let found = wallets::differences(&mut tx, tenant.id, None).await?;
        tx.rollback().await?;
        let mut sheet = Sheet::new(&[
            "member",
            "ledger_minor",
            "shop_minor",
            "difference_minor",
            "cause",
            "found_at",
            "looked_at",
            "repair",
            "repaired_by",
        ]);
        for one in found {
            let amount = |minor| Cell::Money(minor, one.currency.clone());
            sheet.push([
                Cell::text(one.external_id.as_str()),
                amount(one.ledger_minor),
                amount(one.shop_minor),
                amount(one.shop_minor - one.ledger_minor),
                Cell::text(one.cause.as_str()),
                Cell::Text(instant(one.found_at)),
                Cell::Text(instant(one.looked_at)),
                Cell::optional(one.repair.as_deref()),
                Cell::optional(one.repaired_by.as_deref()),
            ]);
        }
        sheet.show(context.output(), self.csv, "Ledger and shop agree, as last compared.")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Repair a difference. The amount, as it was shown, is the confirmation.
#[derive(Args)]
#[command(group = ArgGroup::new("way").required(true).args(["tell_shop", "book"]))]
pub(crate) struct Repair {
    /// The tenant's handle.
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// The ledger is right: have the shop credit or debit what it differs by.
    #[arg(long)]
    tell_shop: bool,
    /// The shop is right: book in the ledger what it differs by. What is added counts as paid for.
    #[arg(long)]
    book: bool,
    /// The difference that was shown, like -12.50: it is repaired only if it is still that.
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    confirm: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Repair {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(!self.reason.trim().is_empty(), "--reason may not be empty");
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let settings = tenant.settings()?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let open: Vec<DifferenceView> = wallets::differences(&mut tx, tenant.id, Some(&self.member))
            .await?
            .into_iter()
            .filter(|difference| difference.repair.is_none())
            .collect();
        let [shown] = open.as_slice() else {
            bail!(
                "{} has no open difference for the member {}; `tradeup wallet differences {}` shows them",
                tenant.handle,
                self.member,
                tenant.handle
            );
        };
        let by_minor = shown.shop_minor - shown.ledger_minor;
        let currency = shown.currency.parse()?;
        let confirmed = confirmed_minor(&self.confirm, currency)?;
        ensure!(
            confirmed == by_minor,
            "the difference is {}, not what --confirm says; look at it again",
            money(by_minor, &shown.currency)
        );
        // Who decides for both: whatever has happened since the comparison would be repaired twice.
        let standing = wallets::standing(&mut tx, tenant.id, shown.member_id, &shown.currency).await?;
        ensure!(
            standing.under_way == 0 && standing.expected_minor() == shown.ledger_minor,
            "the member's credit has changed since the comparison; `tradeup wallet reconcile {}` first",
            tenant.handle
        );
        let repair = if self.tell_shop { "told_shop" } else { "booked" };
        if !wallets::mark_repaired(&mut tx, tenant.id, shown, repair, &self.by).await? {
            bail!("somebody else has repaired it just now");
        }
        if self.tell_shop {
            pushes::repair(&mut tx, tenant.id, shown.member_id, &shown.currency, -by_minor, &self.by).await?;
        } else {
            let key = format!("repair:{}:{}", shown.member_id, instant(shown.found_at));
            let asked = Asked {
                tenant: tenant.id,
                key: &key,
                actor: &self.by,
                reason: Some(&self.reason),
                run_id: None,
                at: None,
                at_shop: true,
            };
            let amount = Money { amount_minor: by_minor.abs(), currency };
            let what = match by_minor > 0 {
                true => Adjustment::Add { value_class: ValueClass::Paid, expires_at: None },
                false => Adjustment::Take { lot_id: None },
            };
            match adjust(&mut tx, &asked, &settings, shown.member_id, amount, what).await? {
                Adjusted::Done { .. } => {}
                other => bail!("the ledger refuses: {other:?}; adjust the member by hand"),
            }
        }
        let actor = Actor { name: self.by, reason: Some(self.reason) };
        let subject = json!({ "tenant": tenant.handle, "member_id": shown.member_id.to_string(),
            "difference_minor": by_minor, "currency": shown.currency, "repair": repair });
        audit::record(&mut tx, &actor, "wallet.repair", &subject).await?;
        tx.commit().await?;
        let value = json!({ "member": self.member, "difference_minor": by_minor, "repair": repair });
        context.output().show(&value, || {
            let amount = money(by_minor.abs(), &shown.currency);
            match (self.tell_shop, by_minor > 0) {
                (true, true) => format!("The shop is told to take {amount}."),
                (true, false) => format!("The shop is told to add {amount}."),
                (false, true) => format!("Booked: {amount} more."),
                (false, false) => format!("Booked: {amount} less."),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn confirmed_minor(text: &str, currency: tradeup_domain::Currency) -> anyhow::Result<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let amount = Money::parse(digits, currency).map_err(|error| anyhow!("--confirm: {error}"))?;
    Ok(sign * amount.amount_minor)
}
