//! `tradeup mail suppressions`.

use std::process::ExitCode;

use anyhow::{anyhow, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tradeup_store::suppressions::{self, Unwanted};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, audit, members};
use uuid::Uuid;

use crate::Context;
use crate::commands::tenant_by_handle;
use crate::commands::who::Who;
use crate::output::{instant, table};

/// Members to whom no warnings go.
#[derive(Subcommand)]
pub(crate) enum Suppressions {
    /// List them, newest first.
    List(List),
    /// Send no more warnings to a member.
    Add(Add),
    /// Send warnings to a member again.
    Remove(Remove),
}

/// List members to whom no warnings go, newest first.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

/// Which member.
#[derive(Args)]
pub(crate) struct OfMember {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's customer id in the shop system.
    #[arg(long, value_name = "CUSTOMER ID")]
    member: String,
}

/// Send no more warnings to a member.
#[derive(Args)]
pub(crate) struct Add {
    #[command(flatten)]
    of: OfMember,
    /// Why: the member wants none, has complained, or their address does not work. The latter ends when
    /// they have another address.
    #[arg(long, value_enum, default_value_t = Because::OptOut)]
    because: Because,
    #[command(flatten)]
    who: Who,
}

/// Send warnings to a member again.
#[derive(Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    of: OfMember,
    #[command(flatten)]
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Because {
    OptOut,
    Complaint,
    Bounce,
}

impl Suppressions {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Add(add) => add.run(context).await,
            Self::Remove(remove) => remove.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
        let listed = suppressions::list(&mut tx, tenant.id, self.limit).await?;
        tx.rollback().await?;
        let values: Vec<_> = listed
            .iter()
            .map(|s| {
                json!({ "member_id": s.member_id.to_string(), "customer_id": s.external_id, "reason": s.reason,
                    "in_force": s.in_force, "source": s.source, "recorded_at": instant(s.recorded_at) })
            })
            .collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return format!("Every member of {} may be written to.", tenant.handle);
            }
            let mut shown = table(&["customer", "reason", "holds", "source", "since"], &[]);
            for s in &listed {
                let holds = if s.in_force { "yes" } else { "no, another address" };
                shown.add_row([
                    &s.external_id,
                    &s.reason,
                    &holds.to_owned(),
                    &s.source,
                    &instant(s.recorded_at),
                ]);
            }
            shown.to_string()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "say why, for the record: --reason \"...\"");
        let (mut tx, tenant, member) = begin(context, &self.of).await?;
        let actor = self.who.actor();
        match self.because {
            Because::OptOut => {
                suppressions::add(&mut tx, tenant.id, member, Unwanted::OptOut, &actor.name).await?;
            }
            Because::Complaint => {
                suppressions::add(&mut tx, tenant.id, member, Unwanted::Complaint, &actor.name).await?;
            }
            Because::Bounce => {
                ensure!(
                    suppressions::add_bounce_of_present(&mut tx, tenant.id, member, &actor.name).await?,
                    "the member has no address, so no warnings go to them as it is"
                );
            }
        }
        let subject = json!({ "tenant": tenant.handle, "member_id": member.to_string(),
            "because": format!("{:?}", self.because) });
        audit::record(&mut tx, &actor, "mails suppressed", &subject).await?;
        tx.commit().await?;
        let value = json!({ "member_id": member.to_string(), "suppressed": true });
        context.output().show(&value, || {
            format!("No more warnings go to customer {} of {}.", self.of.member, tenant.handle)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Remove {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "say why, for the record: --reason \"...\"");
        let (mut tx, tenant, member) = begin(context, &self.of).await?;
        let actor = self.who.actor();
        let lifted = suppressions::remove(&mut tx, tenant.id, member).await?;
        if lifted.is_empty() {
            bail!(
                "warnings go to customer {} of {} already; nothing was changed",
                self.of.member,
                tenant.handle
            );
        }
        let subject = json!({ "tenant": tenant.handle, "member_id": member.to_string(), "lifted": lifted });
        audit::record(&mut tx, &actor, "suppression of mails lifted", &subject).await?;
        tx.commit().await?;
        let value = json!({ "member_id": member.to_string(), "suppressed": false, "lifted": lifted });
        context.output().show(&value, || {
            format!(
                "Warnings go to customer {} of {} again (before: {}).",
                self.of.member,
                tenant.handle,
                lifted.join(", ")
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn begin(context: &Context, of: &OfMember) -> anyhow::Result<(Tx, Tenant, Uuid)> {
    let pool = context.pool().await?;
    let tenant = tenant_by_handle(&pool, &of.tenant).await?;
    let mut tx = Tx::of_tenant(&pool, tenant.id).await?;
    let member = members::by_external_id(&mut tx, tenant.id, &of.member)
        .await?
        .ok_or_else(|| anyhow!("{} has no member with the customer id {:?}", tenant.handle, of.member))?;
    Ok((tx, tenant, member))
}
