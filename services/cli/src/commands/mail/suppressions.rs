//! `tradeup mail suppressions`.

use std::process::ExitCode;

use anyhow::{anyhow, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tradeup_store::suppressions::{self, Kind, Unwanted};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Tx, audit, members};
use uuid::Uuid;

use crate::Context;
use crate::commands::tenant_by_handle;
use crate::commands::who::Who;
use crate::output::{instant, table};

/// Members to whom no mails of a kind go.
#[derive(Subcommand)]
pub(crate) enum Suppressions {
    /// List them, newest first.
    List(List),
    /// Send no more mails of a kind to a member.
    Add(Add),
    /// Send mails of a kind to a member again.
    Remove(Remove),
}

/// List members to whom no mails of a kind go, newest first.
#[derive(Args)]
pub(crate) struct List {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

/// Which member, and which mails.
#[derive(Args)]
pub(crate) struct OfMember {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The member's customer id in the shop system.
    #[arg(long, value_name = "CUSTOMER ID")]
    member: String,
    /// Which mails. Bounces and complaints are about all of them.
    #[arg(long, value_enum, default_value_t = Of::Warnings)]
    of: Of,
}

/// Send no more mails of a kind to a member.
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

/// Send mails of a kind to a member again. Bounces and complaints are lifted with them.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Of credit that is about to end.
    Warnings,
    /// What campaigns say.
    Campaigns,
}

impl Of {
    fn kind(self) -> Kind {
        match self {
            Self::Warnings => Kind::CreditExpiry,
            Self::Campaigns => Kind::Campaign,
        }
    }

    /// As it stands in a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Warnings => "warnings",
            Self::Campaigns => "campaign mails",
        }
    }
}

/// What a suppression is about, as `--of` says it.
fn of_kind(kind: &str, reason: &str) -> &'static str {
    match (kind, reason) {
        (_, "bounce" | "complaint") => "all",
        ("campaign", _) => "campaigns",
        _ => "warnings",
    }
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
                json!({ "member_id": s.member_id.to_string(), "customer_id": s.external_id, "of": of_kind(&s.kind, &s.reason),
                    "reason": s.reason,
                    "in_force": s.in_force, "source": s.source, "recorded_at": instant(s.recorded_at) })
            })
            .collect();
        context.output().show(&json!(values), || {
            if listed.is_empty() {
                return format!("Every member of {} may be written to.", tenant.handle);
            }
            let mut shown = table(&["customer", "of", "reason", "holds", "source", "since"], &[]);
            for s in &listed {
                let holds = if s.in_force { "yes" } else { "no, another address" };
                shown.add_row([
                    s.external_id.as_str(),
                    of_kind(&s.kind, &s.reason),
                    &s.reason,
                    holds,
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
        let of = self.of.of;
        match self.because {
            Because::OptOut => {
                let unwanted = (of.kind(), Unwanted::OptOut);
                suppressions::add(&mut tx, tenant.id, member, unwanted, &actor.name).await?;
            }
            Because::Complaint => {
                let unwanted = (of.kind(), Unwanted::Complaint);
                suppressions::add(&mut tx, tenant.id, member, unwanted, &actor.name).await?;
            }
            Because::Bounce => {
                ensure!(
                    suppressions::add_bounce_of_present(&mut tx, tenant.id, member, &actor.name).await?,
                    "the member has no address, so no mails go to them as it is"
                );
            }
        }
        let subject = json!({ "tenant": tenant.handle, "member_id": member.to_string(),
            "because": format!("{:?}", self.because), "of": of.name() });
        audit::record(&mut tx, &actor, "mails suppressed", &subject).await?;
        tx.commit().await?;
        let value = json!({ "member_id": member.to_string(), "suppressed": true });
        context.output().show(&value, || {
            let mails = if self.because == Because::OptOut { of.name() } else { "mails of any kind" };
            format!("No more {mails} go to customer {} of {}.", self.of.member, tenant.handle)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Remove {
    async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "say why, for the record: --reason \"...\"");
        let (mut tx, tenant, member) = begin(context, &self.of).await?;
        let actor = self.who.actor();
        let of = self.of.of;
        let lifted = suppressions::remove(&mut tx, tenant.id, member, of.kind()).await?;
        if lifted.is_empty() {
            bail!(
                "nothing keeps {} from customer {} of {}; nothing was changed",
                of.name(),
                self.of.member,
                tenant.handle
            );
        }
        let subject = json!({ "tenant": tenant.handle, "member_id": member.to_string(),
            "of": of.name(), "lifted": lifted });
        audit::record(&mut tx, &actor, "suppression of mails lifted", &subject).await?;
        tx.commit().await?;
        let value = json!({ "member_id": member.to_string(), "suppressed": false, "lifted": lifted });
        context.output().show(&value, || {
            format!(
                "Nothing keeps {} from customer {} of {} any more (before: {}).",
                of.name(),
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
