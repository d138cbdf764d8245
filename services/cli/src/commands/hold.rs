//! `tradeup hold`, `tradeup capture` and `tradeup release`.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use tradeup_domain::ErrorCode;
use tradeup_domain::amount_text as money;
use tradeup_domain::spend::{Spend, check_amount, check_reference, hold_seconds};
use tradeup_domain::{Currency, Money};
use tradeup_store::Tx;
use tradeup_store::holds::{self, AskedHold, Authorised, Captured, Released};

use super::{member_by_customer, tenant_by_handle};
use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// The source of what is authorised by hand.
const SOURCE: &str = "manual";

/// Authorise some of a member's credit: nobody else can spend it until it is captured or released, or its time
/// is over. The reference makes it unique for the shop.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Hold {
    #[command(subcommand)]
    command: Option<HoldCommand>,
    #[command(flatten)]
    new: Option<NewHold>,
}

#[derive(Subcommand)]
enum HoldCommand {
    /// List a member's holds, newest first.
    List(List),
}

/// A hold that is to begin.
#[derive(Args)]
struct NewHold {
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
    /// For how many seconds; for a day, if it is not said, and for 7 days at most.
    #[arg(long, value_name = "SECONDS")]
    valid_for: Option<i64>,
    /// Why, in words for people.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// A member's holds.
#[derive(Args)]
struct List {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's customer id.
    #[arg(value_name = "CUSTOMER_ID")]
    member: String,
    /// Only those that hold something now.
    #[arg(long)]
    open: bool,
}

/// Which hold.
#[derive(Args)]
struct Which {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The hold's reference.
    #[arg(long)]
    reference: String,
    /// The system that authorised it; by hand, if it is not said.
    #[arg(long, default_value = SOURCE)]
    source: String,
    /// Why, in words for people.
    #[arg(long)]
    reason: Option<String>,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

/// Spend what was authorised, or less; the rest is free again. The spend has the hold's reference: `tradeup
/// unspend` takes it back.
#[derive(Args)]
pub(crate) struct Capture {
    #[command(flatten)]
    which: Which,
    /// How much; all of it, if it is not said.
    #[arg(long)]
    amount: Option<String>,
}

/// Give up what was authorised.
#[derive(Args)]
pub(crate) struct Release {
    #[command(flatten)]
    which: Which,
}

impl Hold {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match (self.command, self.new) {
            (Some(HoldCommand::List(list)), _) => list.run(context).await,
            (None, Some(new)) => new.run(context).await,
            (None, None) => bail!("say whose credit is to be held, or `tradeup hold list`"),
        }
    }
}

impl NewHold {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let currency: Currency = tenant.currency.parse()?;
        let seconds = hold_seconds(self.valid_for)?;
        let hold = Spend {
            member_external_id: self.member,
            amount: Money::parse(&self.amount, currency)?,
            reference: self.reference,
            reason: self.reason,
        }
        .checked()?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &hold.member_external_id).await?;
        let asked = AskedHold {
            tenant: tenant.id,
            source: SOURCE,
            reference: &hold.reference,
            actor: &self.by,
            reason: hold.reason.as_deref(),
        };
        match holds::authorise(&mut tx, &asked, member, hold.amount, seconds).await? {
            Authorised::Done { is_new, state, capture_until, left_minor } => {
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "authorised" } else { "already_authorised" },
                    "state": state.as_str(), "amount_minor": hold.amount.amount_minor, "currency": currency.code(),
                    "capture_until": instant(capture_until), "left_minor": left_minor });
                context.output().show(&value, || {
                    let left = money(left_minor, currency.code());
                    let what = if is_new {
                        "Authorised".to_owned()
                    } else {
                        format!("Authorised before, now {}", state.as_str())
                    };
                    format!(
                        "{what}: {}, to be captured before {}. {left} are left to spend.",
                        hold.amount,
                        instant(capture_until)
                    )
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Authorised::Insufficient(insufficient) => bail!(
                "{}: {} can be spent, {} was asked for; nothing is held",
                ErrorCode::InsufficientCredit,
                money(insufficient.spendable_minor, currency.code()),
                hold.amount
            ),
            Authorised::OtherOperation => {
                bail!(
                    "there is another hold or a spend of this reference; nothing is held. Give another reference"
                )
            }
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let found = holds::list(&mut tx, tenant.id, member, self.open).await?;
        tx.rollback().await?;
        let value = json!(
            found
                .iter()
                .map(|h| json!({ "source": h.source, "reference": h.reference, "state": h.state, "currency": h.currency,
                    "amount_minor": h.amount_minor, "captured_minor": h.captured_minor, "reason": h.reason, "by": h.actor,
                    "authorised_at": instant(h.authorised_at), "capture_until": instant(h.capture_until),
                    "ended_at": h.ended_at.map(instant), "ended_by": h.ended_by, "end_reason": h.end_reason }))
                .collect::<Vec<_>>()
        );
        context.output().show(&value, || {
            if found.is_empty() {
                return format!("Nothing of member {}'s is authorised.", self.member);
            }
            let headings = [
                "state",
                "amount",
                "captured",
                "source",
                "reference",
                "authorised",
                "capture until",
                "ended",
                "by",
            ];
            let mut shown = table(&headings, &[1, 2]);
            for hold in &found {
                let captured =
                    hold.captured_minor.map_or_else(|| "-".to_owned(), |m| money(m, &hold.currency));
                shown.add_row([
                    hold.state.clone(),
                    money(hold.amount_minor, &hold.currency),
                    captured,
                    hold.source.clone(),
                    hold.reference.clone(),
                    instant(hold.authorised_at),
                    instant(hold.capture_until),
                    instant_or_dash(hold.ended_at),
                    hold.ended_by.clone().unwrap_or_else(|| "-".to_owned()),
                ]);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    fn unknown(&self) -> anyhow::Error {
        anyhow!(
            "{}: there is no hold of {} {:?}; `tradeup hold list` shows those there are",
            ErrorCode::UnknownHold,
            self.source,
            self.reference
        )
    }

    fn asked(&self, tenant: tradeup_store::TenantId) -> anyhow::Result<AskedHold<'_>> {
        check_reference(&self.reference)?;
        let (source, reference) = (self.source.as_str(), self.reference.as_str());
        Ok(AskedHold { tenant, source, reference, actor: &self.by, reason: self.reason.as_deref() })
    }
}

impl Capture {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.which.tenant).await?;
        let currency: Currency = tenant.currency.parse()?;
        let amount = self.amount.as_ref().map(|amount| Money::parse(amount, currency)).transpose()?;
        if let Some(amount) = amount {
            check_amount(amount.amount_minor)?;
        }
        let asked = self.which.asked(tenant.id)?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        match holds::capture(&mut tx, &asked, amount.map(|amount| amount.amount_minor)).await? {
            Captured::Done { is_new, amount_minor, released_minor, currency } => {
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "captured" } else { "already_captured" },
                    "amount_minor": amount_minor, "released_minor": released_minor, "currency": currency });
                context.output().show(&value, || {
                    let what = if is_new { "Captured" } else { "Captured before" };
                    let free = match released_minor {
                        0 => String::new(),
                        minor => format!(" {} are free again.", money(minor, &currency)),
                    };
                    format!("{what}: {}.{free}", money(amount_minor, &currency))
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Captured::UnknownHold => Err(self.which.unknown()),
            Captured::TooMuch(error) => {
                let held = money(error.held_minor, currency.code());
                bail!("{}: {held} are authorised; nothing was taken", ErrorCode::InsufficientCredit)
            }
            Captured::Over(state) => {
                bail!("{}: the hold is {}; authorise anew", ErrorCode::HoldOver, state.as_str())
            }
            Captured::OtherOperation => {
                bail!(
                    "it was captured before with another amount, or there is another spend of this reference; nothing was taken"
                )
            }
        }
    }
}

impl Release {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.which.tenant).await?;
        let asked = self.which.asked(tenant.id)?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        match holds::release(&mut tx, &asked).await? {
            Released::Done { is_new, state, amount_minor, currency } => {
                tx.commit().await?;
                let value = json!({ "outcome": if is_new { "released" } else { "already_released" },
                    "state": state.as_str(), "amount_minor": amount_minor, "currency": currency });
                context.output().show(&value, || match is_new {
                    true => format!("Released: {}.", money(amount_minor, &currency)),
                    false => format!("Nothing is held: it was {} before.", state.as_str()),
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Released::UnknownHold => Err(self.which.unknown()),
            Released::Captured => bail!(
                "{}: the hold is captured: `tradeup unspend --reference {}` takes the spend back",
                ErrorCode::HoldOver,
                self.which.reference
            ),
        }
    }
}
