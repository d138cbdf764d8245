//! `tradeup grant`.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use tradeup_proto::convert;
use tradeup_store::runs::Trigger;
use tradeup_store::{TenantRef, Tx, schedules};
use tradeup_worker::trigger::{self, ManualGrant};

use super::start::{Existing, Start};
use super::{member_by_customer, tenant_by_handle};
use crate::Context;

/// Give one member one credit. The key makes it unique for the shop: the same command twice gives one
/// credit, and the key with anything else is refused.
#[derive(Args)]
pub(crate) struct Grant {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's Shopify customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// How much, in the shop's currency, like 5.00.
    #[arg(long)]
    amount: String,
    /// What makes it unique, like a ticket's number.
    #[arg(long)]
    key: String,
    /// Why, in words for people.
    #[arg(long)]
    reason: String,
    /// When it expires, like 2027-03-01T00:00:00Z; never if it is not said.
    #[arg(long, value_name = "INSTANT")]
    expires: Option<DateTime<Utc>>,
    /// Given for something (a trade-in, a refund to credit) and not given away.
    #[arg(long)]
    paid: bool,
    #[command(flatten)]
    start: Start,
}

impl Grant {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let manual = ManualGrant {
            member: &self.member,
            amount: &self.amount,
            key: &self.key,
            reason: &self.reason,
            expires_at: self.expires,
            paid: self.paid,
        };
        let grant = manual.input(&tenant.currency)?;
        if self.key.trim().is_empty() {
            bail!("--key is empty; give what makes this credit unique, like a ticket's number");
        }
        let checked = convert::grant(&grant)?;

        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let now = schedules::now(&mut tx).await?;
        checked.beginning(now)?;
        // The run decides; this only says sooner what it would say.
        member_by_customer(&mut tx, &tenant, &checked.member_external_id).await?;
        tx.rollback().await?;
        let of = TenantRef { id: tenant.id, handle: tenant.handle };
        let new = trigger::grant_credit(of, &grant, now, Trigger::Manual(self.start.by.clone()));
        self.start.start(context, &pool, new, Existing::HasToBeTheSame).await
    }
}
