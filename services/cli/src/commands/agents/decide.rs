//! `tradeup agents approve` and `reject`.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_store::campaigns::CampaignId;
use tradeup_store::plans::{self, Decided, Verdict};
use tradeup_store::{TenantRef, Tx, schedules};
use tradeup_worker::trigger;

use super::super::start::publish;
use super::super::who::Who;
use super::plan::Shown;
use super::words::plain;
use crate::Context;

/// What `approve` decides.
pub(super) const APPROVE: Verdict = Verdict::Approved;
/// What `reject` decides.
pub(super) const REJECT: Verdict = Verdict::Rejected;

/// Decide on campaigns of a plan: on all that are named, or on none.
#[derive(Args)]
pub(crate) struct Decide {
    /// The run that made the plan; "latest" for the newest.
    run: String,
    /// The campaign's key in the plan; may be given several times.
    #[arg(long = "campaign", value_name = "KEY", required = true)]
    campaigns: Vec<String>,
    /// The hash of what was read, as the plan's JSON has it: refuses if the campaign is another. Of one campaign.
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
    #[command(flatten)]
    who: Who,
}

impl Decide {
    pub(super) async fn run(self, context: &Context, verdict: Verdict) -> anyhow::Result<ExitCode> {
        ensure!(self.who.has_reason(), "--reason: say why, for whoever wonders later");
        ensure!(self.hash.is_none() || self.campaigns.len() == 1, "--hash is of one campaign");
        let pool = context.pool().await?;
        let shown = Shown::read(&pool, &self.run).await?;
        let run_id = shown.found.run_id;
        let actor = self.who.actor();
        // All or none: what was decided of the first goes with the transaction when the second is refused.
        let mut tx = Tx::of_tenant(&pool, shown.found.tenant).await?;
        let mut decided: Vec<(Value, String)> = Vec::new();
        let mut messages = Vec::new();
        let tenant = TenantRef { id: shown.found.tenant, handle: shown.found.handle.clone() };
        let now = schedules::clock(&pool).await?;
        for key in &self.campaigns {
            let Some(item) = shown.items.iter().find(|item| item.key == *key) else {
                bail!("the plan of {run_id} has no campaign {key:?}; it has {}", keys(&shown));
            };
            let hash = self.hash.as_deref().unwrap_or(&item.hash);
            let of = (key.as_str(), hash);
            let (outcome, message) =
                trigger::decide_campaign(&mut tx, &tenant, run_id, of, verdict, &actor, now).await?;
            messages.extend(message);
            if let Some(why) = refusal(&outcome) {
                bail!("{key} of {run_id} was not {}: {why}; nothing was changed", verdict.as_str());
            }
            let is_new = outcome == Decided::Done;
            let cost = shown.proposal(key).and_then(|proposal| proposal.cost_minor);
            let cost = cost.map(|cost| format!(", {} at most", money(cost, &shown.plan.meta.currency)));
            let before = if is_new { "" } else { " already" };
            decided.push((
                json!({ "campaign": key, "hash": hash, "state": verdict.as_str(), "new": is_new,
                    "campaign_id": (verdict == APPROVE).then(|| CampaignId::of(run_id, key).to_string()) }),
                format!(
                    "{key} is {}{before}: {}{}",
                    verdict.as_str(),
                    plain(&item.name),
                    cost.unwrap_or_default()
                ),
            ));
        }
        let state = plans::get(&mut tx, shown.found.tenant, run_id).await?.map(|plan| plan.state);
        tx.commit().await?;
        let (values, mut lines): (Vec<Value>, Vec<String>) = decided.into_iter().unzip();
        // Without NATS the scheduler's sweep publishes them.
        for message in messages {
            publish(context, message).await;
        }
        if verdict == APPROVE {
            lines.push(format!("It is carried out now: tradeup campaigns list {}", tenant.handle));
        }
        let value = json!({ "run_id": run_id.to_string(), "tenant": shown.found.handle, "plan_state": state,
            "campaigns": values });
        context.output().show(&value, || lines.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn keys(shown: &Shown) -> String {
    let keys: Vec<&str> = shown.items.iter().map(|item| item.key.as_str()).collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

/// Why it was not decided, if it was not.
fn refusal(outcome: &Decided) -> Option<String> {
    match outcome {
        Decided::Done | Decided::Already(_) => None,
        Decided::NotFound => Some("there is no such campaign".to_owned()),
        Decided::Changed => Some("it is not what was read, its hash is another".to_owned()),
        Decided::Closed(state) => Some(format!("it is {state}, and a decision is not taken back")),
        Decided::NotApprovable => Some("something about it is unproven".to_owned()),
        Decided::Offline => Some(
            "rules wrote it and no model; `tradeup agents settings SHOP --offline-approvals yes` lets that be approved"
                .to_owned(),
        ),
        Decided::BeyondLimit(passed) => {
            Some(format!("{passed}; ask for a new plan, or raise it by `tradeup agents settings`"))
        }
        Decided::Outdated => Some(
            "it was planned before campaigns could be carried out, so what is to be done is not all written down; ask for a \
             new plan"
                .to_owned(),
        ),
    }
}
