//! `tradeup tiers place`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;
use tradeup_store::tier_moves::{self, Placed};
use tradeup_store::{Tx, audit, tiers};

use super::super::member_by_customer;
use super::{tenant_by_handle, tier_by_handle};
use crate::Context;
use crate::commands::who::Who;

/// Place a member in a tier by hand, from now on. What is spent may raise it, and nothing lowers it; with
/// --pin nothing changes it at all.
#[derive(Args)]
pub(crate) struct Place {
    /// The shop's handle.
    tenant: String,
    /// The member's customer id.
    #[arg(long, value_name = "CUSTOMER_ID")]
    member: String,
    /// The tier's handle; none for no tier.
    #[arg(long)]
    tier: String,
    /// Keep it whatever is spent and whatever an import says.
    #[arg(long)]
    pin: bool,
    #[command(flatten)]
    who: Who,
}

impl Place {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "say why, with --reason");
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let member = member_by_customer(&mut tx, &tenant, &self.member).await?;
        let listed = tiers::list(&mut tx, tenant.id).await?;
        let tier = match self.tier.as_str() {
            "none" => None,
            handle => Some(tier_by_handle(&listed, &tenant.handle, handle)?),
        };
        ensure!(tier.is_some() || !self.pin, "no tier is nothing to pin; name one");
        let placed = tier_moves::place(&mut tx, tenant.id, member, tier, self.pin).await?;
        if placed == Placed::NotBegun {
            bail!("the member's next membership is about to begin; wait until it has");
        }
        let value = json!({ "tenant": tenant.handle, "member_id": member.to_string(), "tier": self.tier,
            "pinned": self.pin, "changed": placed == Placed::Done });
        if placed == Placed::Done {
            audit::record(&mut tx, &self.who.actor(), "tiers place", &value).await?;
        }
        tx.commit().await?;
        context.output().show(&value, || {
            let pinned = if self.pin { ", pinned" } else { "" };
            match placed {
                Placed::Done => format!("From now on: {}{pinned}.", self.tier),
                _ => format!("It is {}{pinned} already.", self.tier),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
