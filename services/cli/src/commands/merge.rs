//! `tradeup merge`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::ErrorCode;
use tradeup_domain::amount_text as money;
use tradeup_domain::merge::Merge as Checked;
use tradeup_store::audit::{self, Actor};
use tradeup_store::merges::{self, AskedMerge, Merged, Plan};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, Tx};
use uuid::Uuid;

use super::{no_member, tenant_by_handle};
use crate::Context;
use crate::output::{count, instant, table};

/// Make two members one, since they are the same customer: what the old one has and owes goes on with the kept
/// one, as it is, and whoever asks for the old customer id gets the kept member from then on. It can't be
/// undone. Without --yes it says what would move, and does nothing.
#[derive(Args)]
pub(crate) struct Merge {
    /// The shop's handle.
    #[arg(long)]
    tenant: String,
    /// The customer id that is no more.
    #[arg(value_name = "OLD")]
    old: String,
    /// The customer id that is kept.
    #[arg(value_name = "KEPT")]
    kept: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Who, for the record.
    #[arg(long, env = "USER", default_value = "tradeup")]
    by: String,
}

impl Merge {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let tenant = tenant_by_handle(&pool, &self.tenant).await?;
        ensure!(!self.reason.trim().is_empty(), "--reason is empty; say why, for the record");
        ensure!(
            tenant.state != "uninstalled",
            "{} has uninstalled the app: its ledger stands still",
            tenant.handle
        );
        let checked = Checked {
            old_member_external_id: self.old.clone(),
            kept_member_external_id: self.kept.clone(),
            reason: Some(self.reason.clone()),
        };
        checked.checked()?;
        let mut tx = Tx::snapshot_of_tenant(&pool, tenant.id).await?;
        let (old, kept) =
            (member(&mut tx, &tenant, &self.old).await?, member(&mut tx, &tenant, &self.kept).await?);
        let plan = merges::plan(&mut tx, tenant.id, old, kept).await?;
        tx.rollback().await?;
        if let Some(why) = plan.refused {
            bail!("{}: {why}; nothing was done", ErrorCode::MergeRefused);
        }
        if !self.yes && !plan.is_done {
            let mut value = plan_value(&plan);
            value["outcome"] = "nothing_done".into();
            context.output().show(&value, || {
                format!(
                    "{}\n\nNothing was done. To do it, give the same with --yes.",
                    plan_text(&plan, &self.old, &self.kept)
                )
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        self.merge(context, &pool, &tenant, old, kept, &plan).await
    }

    async fn merge(
        &self,
        context: &Context,
        pool: &Pool,
        tenant: &Tenant,
        old: Uuid,
        kept: Uuid,
        plan: &Plan,
    ) -> anyhow::Result<ExitCode> {
        let asked =
            AskedMerge { tenant: tenant.id, actor: &self.by, reason: Some(&self.reason), run_id: None };
        let mut tx = Tx::of_tenant(pool, tenant.id).await?;
        match merges::merge(&mut tx, &asked, old, kept).await? {
            Merged::Done { is_new, member_id, lots } => {
                if is_new {
                    let actor = Actor { name: self.by.clone(), reason: Some(self.reason.clone()) };
                    let subject = json!({ "tenant": tenant.handle, "old_member_id": old.to_string(),
                        "member_id": member_id.to_string(), "lots": lots });
                    audit::record(&mut tx, &actor, "merge", &subject).await?;
                }
                tx.commit().await?;
                let mut value = plan_value(plan);
                value["outcome"] = if is_new { "merged" } else { "already_merged" }.into();
                value["member_id"] = member_id.to_string().into();
                value["lots"] = lots.into();
                context.output().show(&value, || match is_new {
                    true => format!(
                        "{}\n\nDone: {} moved. {} is a part of {}.",
                        plan_text(plan, &self.old, &self.kept),
                        count(u64::try_from(lots).unwrap_or(0), "credit", "credits"),
                        self.old,
                        self.kept
                    ),
                    false => format!("Done before: {} is a part of {}.", self.old, self.kept),
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Merged::Refused(why) => bail!("{}: {why}; nothing was done", ErrorCode::MergeRefused),
            Merged::Held { until } => bail!(
                "a checkout has authorised some of {}'s credit, until {} at the latest; nothing was done. \
                 `tradeup hold list --tenant {} {} --open` shows it: wait, or release it",
                self.old,
                instant(until),
                tenant.handle,
                self.old
            ),
        }
    }
}

async fn member(tx: &mut Tx, tenant: &Tenant, external_id: &str) -> anyhow::Result<Uuid> {
    merges::member(tx, tenant.id, external_id).await?.ok_or_else(|| no_member(tenant, external_id))
}

fn plan_value(plan: &Plan) -> Value {
    json!({
        "moving": plan.moving.iter().map(|m| json!({ "currency": m.currency, "lots": m.lots,
            "amount_minor": m.amount_minor, "pending_minor": m.pending_minor, "debt_minor": m.debt_minor }))
            .collect::<Vec<_>>(),
        "tier": plan.tier().map(|tier| tier.handle.clone()),
        "tiers_before": { "old": plan.tiers.0.as_ref().map(|tier| tier.handle.clone()),
            "kept": plan.tiers.1.as_ref().map(|tier| tier.handle.clone()) },
        "held_until": plan.held_until.map(instant),
    })
}

fn plan_text(plan: &Plan, old: &str, kept: &str) -> String {
    let mut text = if plan.moving.is_empty() {
        format!("{old} has nothing that would move to {kept}.")
    } else {
        let mut shown = table(&["currency", "credits", "left", "of it pending", "owed"], &[1, 2, 3, 4]);
        for moving in &plan.moving {
            let money = |minor| money(minor, &moving.currency);
            shown.add_row([
                moving.currency.clone(),
                moving.lots.to_string(),
                money(moving.amount_minor),
                money(moving.pending_minor),
                money(moving.debt_minor),
            ]);
        }
        format!("From {old} to {kept}:\n{shown}")
    };
    let tier = |tier: Option<&merges::Tier>| {
        tier.map_or_else(|| "none".to_owned(), |tier| format!("{} ({})", tier.handle, tier.status))
    };
    text.push_str(&format!(
        "\nTier: {} of {old} and {} of {kept}; {kept} is in {} afterwards.",
        tier(plan.tiers.0.as_ref()),
        tier(plan.tiers.1.as_ref()),
        tier(plan.tier())
    ));
    if let Some(until) = plan.held_until {
        text.push_str(&format!(
            "\nA checkout holds some of it, until {} at the latest: not before.",
            instant(until)
        ));
    }
    text
}
