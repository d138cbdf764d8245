//! `tradeup adjust`.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args};
use serde_json::json;
use tradeup_domain::amount_text as money;
use tradeup_domain::spend::check_amount;
use tradeup_domain::{Currency, Money, ValueClass};
use tradeup_store::Tx;
use tradeup_store::audit::{self, Actor};
use tradeup_store::credits::{Adjusted, Adjustment, Asked, adjust};
use uuid::Uuid;

use super::{member_by_customer, tenant_by_handle};
use crate::Context;

/// Put a member's credit right: more as a new credit, or less of what there is. The key makes it unique
/// for the shop.
#[derive(Args)]
#[command(group = ArgGroup::new("way").required(true).args(["add", "take"]))]
pub(crate) struct Adjust {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// So much more, in the shop's currency, like 5.00.
    #[arg(long, value_name = "AMOUNT")]
    add: Option<String>,
    /// So much less, of what ends soonest, live or not.
    #[arg(long, value_name = "AMOUNT")]
    take: Option<String>,
    /// Take it from this lot; `tradeup statement` shows them.
    #[arg(long, requires = "take")]
    lot: Option<Uuid>,
    /// When what is added expires; by the shop's rule, if it is not said.
    #[arg(long, value_name = "INSTANT", requires = "add")]
    expires: Option<DateTime<Utc>>,
    /// What is added was given for something, and not given away.
    #[arg(long, requires = "add")]
    paid: bool,
    /// What makes it unique, like a ticket's number.
    #[arg(long)]
    key: String,
    /// Why, in words for people.
    #[arg(long)]
    reason: String,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Adjust {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let settings = tenant.settings()?;
        let currency: Currency = settings.currency;
        let value_class = if self.paid { ValueClass::Paid } else { ValueClass::Promotional };
        let (text, what) = match (&self.add, &self.take) {
            (Some(add), _) => (add, Adjustment::Add { value_class, expires_at: self.expires }),
            (None, Some(take)) => (take, Adjustment::Take { lot_id: self.lot }),
            (None, None) => bail!("say how much, with --add or --take"),
        };
        let amount = Money::parse(text, currency)?;
        check_amount(amount.amount_minor)?;
        if self.key.trim().is_empty() || self.reason.trim().is_empty() {
            bail!("--key and --reason may not be empty");
        }
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let asked = Asked {
            tenant: tenant.id,
            key: &format!("adjust:{}", self.key),
            actor: &self.by,
            reason: Some(&self.reason),
            run_id: None,
            at: None,
            at_shop: false,
        };
        match adjust(&mut tx, &asked, &settings, member, amount, what).await? {
            Adjusted::Done { is_new } => {
                if is_new {
                    let actor = Actor { name: self.by.clone(), reason: Some(self.reason.clone()) };
                    let subject = json!({ "tenant": tenant.handle, "member_id": member.to_string(), "key": self.key,
                        "added": self.add.is_some(), "amount_minor": amount.amount_minor, "currency": currency.code() });
                    audit::record(&mut tx, &actor, "adjust", &subject).await?;
                }
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "adjusted" } else { "already_adjusted" },
                    "amount_minor": amount.amount_minor, "currency": currency.code() });
                context.output().show(&value, || {
                    let when = if is_new { "" } else { " before" };
                    format!("{}{when}: {amount}.", if self.add.is_some() { "Added" } else { "Taken" })
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Adjusted::Insufficient(insufficient) => bail!(
                "{} are there to take, {amount} was asked for; nothing was taken",
                money(insufficient.spendable_minor, currency.code())
            ),
            Adjusted::Ended => bail!("--expires is not after now; give a later instant"),
            Adjusted::OtherOperation => bail!("the key is that of another adjustment; give another key"),
        }
    }
}
