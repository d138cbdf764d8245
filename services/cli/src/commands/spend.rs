//! `tradeup spend` and `tradeup unspend`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::spend::Spend as Asked;
use tradeup_domain::{Currency, Money};
use tradeup_store::Tx;
use tradeup_store::credits::{self, Reverted, Spent};

use super::{member_by_customer, tenant_by_handle};
use crate::Context;

/// The source of what is spent by hand.
const SOURCE: &str = "manual";

/// Use a member's credit by hand: what ends soonest first. The reference makes it unique for the shop: the
/// same command twice spends once, and the reference with anything else is refused.
#[derive(Args)]
pub(crate) struct Spend {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// How much, in the shop's currency, like 5.00.
    #[arg(long)]
    amount: String,
    /// What it is for, like an order's number.
    #[arg(long)]
    reference: String,
    /// Why, in words for people.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Take a spend back, in whole or in part, on the credits that paid it.
#[derive(Args)]
pub(crate) struct Unspend {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The spend's reference.
    #[arg(long)]
    reference: String,
    /// The system that told of the spend; by hand, if it is not said.
    #[arg(long, default_value = SOURCE)]
    source: String,
    /// How much; all that is left of it, if it is not said.
    #[arg(long)]
    amount: Option<String>,
    /// What makes it unique, like a refund's number.
    #[arg(long)]
    key: String,
    /// Why, in words for people.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Spend {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let currency: Currency = tenant.currency.parse()?;
        let asked = Asked {
            member_external_id: self.member,
            amount: Money::parse(&self.amount, currency)?,
            reference: self.reference,
            reason: self.reason,
        }
        .checked()?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &asked.member_external_id).await?;
        let by = credits::Asked {
            tenant: tenant.id,
            key: &credits::spend_key(SOURCE, &asked.reference),
            actor: &self.by,
            reason: asked.reason.as_deref(),
            run_id: None,
            at: None,
            at_shop: false,
        };
        match credits::spend(&mut tx, &by, member, asked.amount).await? {
            Spent::Done { is_new, left_minor } => {
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "spent" } else { "already_spent" },
                    "amount_minor": asked.amount.amount_minor, "currency": currency.code(), "left_minor": left_minor });
                context.output().show(&value, || {
                    let left = money(left_minor, currency.code());
                    let what = if is_new { "Spent" } else { "Spent before" };
                    format!("{what}: {}. {left} are left to spend.", asked.amount)
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Spent::Insufficient(insufficient) => bail!(
                "{} can be spent, {} was asked for; nothing was taken",
                money(insufficient.spendable_minor, currency.code()),
                asked.amount
            ),
            Spent::OtherOperation => {
                bail!("there is another spend of this reference; nothing was taken. Give another reference")
            }
        }
    }
}

impl Unspend {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let settings = tenant.settings()?;
        let code = settings.currency.code();
        let amount = self.amount.map(|amount| Money::parse(&amount, settings.currency)).transpose()?;
        if self.key.trim().is_empty() {
            bail!("--key is empty; give what makes this unique, like a refund's number");
        }
        let by = credits::Asked {
            tenant: tenant.id,
            key: &credits::revert_key(&format!("{SOURCE}:{}", self.key)),
            actor: &self.by,
            reason: self.reason.as_deref(),
            run_id: None,
            at: None,
            at_shop: false,
        };
        let of = credits::spend_key(&self.source, &self.reference);
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let amount_minor = amount.map(|amount| amount.amount_minor);
        match credits::revert_spend(&mut tx, &by, &settings, &of, amount_minor).await? {
            Reverted::Done { is_new, amount_minor, reinstated_minor } => {
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "reverted" } else { "already_reverted" },
                    "amount_minor": amount_minor, "currency": code, "reinstated_minor": reinstated_minor });
                context.output().show(&value, || {
                    let what = if is_new { "Given back" } else { "Given back before" };
                    let anew = match reinstated_minor {
                        0 => String::new(),
                        minor => format!(
                            " {} of it is a new credit for {} days, since what it came from has ended.",
                            money(minor, code),
                            credits::REINSTATED_DAYS
                        ),
                    };
                    format!("{what}: {}.{anew}", money(amount_minor, code))
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Reverted::UnknownSpend => bail!("there is no spend of {} {:?}", self.source, self.reference),
            Reverted::TooMuch(error) => bail!(
                "{} of the spend are left to give back; nothing was given back",
                money(error.left_minor, code)
            ),
            Reverted::OtherOperation => bail!("the key is that of another operation; give another key"),
        }
    }
}
