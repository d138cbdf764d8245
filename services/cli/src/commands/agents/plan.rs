//! `tradeup agents plan`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::amount_text as money;
use tradeup_domain::outcomes::Outcomes;
use tradeup_plan::{Plan, Proposal, markdown};
use tradeup_store::plans::{self, PlanItem, PlanRow};
use tradeup_store::{Pool, Tx, agent_runs};

use super::words::plain;
use super::{Found, find};
use crate::Context;
use crate::output::{instant, table};

/// Show a plan with what was decided on its campaigns.
#[derive(Args)]
pub(crate) struct ShowPlan {
    /// The run that made it; "latest" for the newest plan.
    run: String,
    /// Print it as Markdown alone, to hand on.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// A plan with its row, what was decided, and what came of it.
pub(super) struct Shown {
    pub(super) found: Found,
    pub(super) row: PlanRow,
    pub(super) plan: Plan,
    pub(super) items: Vec<PlanItem>,
    pub(super) outcomes: Outcomes,
}

impl Shown {
    /// Reads the plan of a run, or says why there is none.
    pub(super) async fn read(pool: &Pool, given: &str) -> anyhow::Result<Self> {
        let found = find(pool, given).await?;
        let mut tx = Tx::snapshot_of_tenant(pool, found.tenant).await?;
        let row = plans::get(&mut tx, found.tenant, found.run_id).await?;
        let items = plans::items(&mut tx, found.tenant, found.run_id).await?;
        let outcomes = plans::outcomes(&mut tx, found.tenant, found.run_id).await?;
        let run = agent_runs::show(&mut tx, found.tenant, found.run_id).await?;
        tx.rollback().await?;
        let Some(row) = row else {
            let run_id = found.run_id;
            match run {
                None => bail!(
                    "{run_id} was no agents' run, or none has begun it; look at it: tradeup run {run_id}"
                ),
                Some(run) => bail!(
                    "{run_id} has no plan: it is {}{}; its journal: tradeup agents run {run_id}",
                    run.state,
                    run.outcome.map(|outcome| format!(" ({})", plain(&outcome))).unwrap_or_default()
                ),
            }
        };
        let plan = serde_json::from_value(row.document.clone()).context(
            "the plan was written by another build; `tradeup agents plan --json` shows its document",
        )?;
        Ok(Self { found, row, plan, items, outcomes })
    }

    /// The proposal that an item decides on.
    pub(super) fn proposal(&self, key: &str) -> Option<&Proposal> {
        self.plan.campaigns.iter().find(|proposal| proposal.campaign.key == key)
    }
}

pub(super) fn item_value(item: &PlanItem) -> Value {
    json!({ "campaign": item.key, "name": item.name, "hash": item.hash, "approvable": item.approvable,
        "state": item.state, "decided_by": item.decided_by, "reason": item.reason,
        "decided_at": item.decided_at.map(instant) })
}

impl ShowPlan {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let shown = Shown::read(&pool, &self.run).await?;
        let row = &shown.row;
        let value = json!({ "run_id": row.run_id.to_string(), "tenant": shown.found.handle, "task": row.kind,
            "goal": row.goal, "state": row.state, "complete": row.complete, "offline": row.offline,
            "created_at": instant(row.created_at), "plan": row.document,
            "campaigns": shown.items.iter().map(item_value).collect::<Vec<_>>(), "outcomes": shown.outcomes });
        context.output().show(&value, || {
            let text = plain(&markdown(&shown.plan, &shown.outcomes));
            if self.markdown { text } else { format!("{}{text}\n{}", banner(row), decisions(&shown)) }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What has to be known before anything of it is read.
fn banner(row: &PlanRow) -> String {
    if row.offline {
        "OFFLINE: rules wrote this (offline-script-1), no model was asked. It shows how plans come to be.\n\n"
            .to_owned()
    } else {
        String::new()
    }
}

fn decisions(shown: &Shown) -> String {
    if shown.items.is_empty() {
        return "Nothing is proposed: there is nothing to decide.".to_owned();
    }
    let mut listed = table(&["campaign", "name", "costs at most", "state", "by", "why"], &[2]);
    for item in &shown.items {
        let cost = shown.proposal(&item.key).and_then(|proposal| proposal.cost_minor);
        let mut state = item.state.clone();
        if !item.approvable {
            state.push_str(", can't be approved: something in it is unproven");
        }
        listed.add_row([
            item.key.clone(),
            plain(&item.name),
            cost.map_or_else(|| "unproven".to_owned(), |cost| money(cost, &shown.plan.meta.currency)),
            state,
            item.decided_by.clone().unwrap_or_default(),
            item.reason.clone().unwrap_or_default(),
        ]);
    }
    let run_id = shown.row.run_id;
    let open = shown.items.iter().find(|item| item.state == "proposed" && item.approvable);
    let hint = open.map(|item| {
        format!(
            "\nTo decide: tradeup agents approve {run_id} --campaign {} --reason WHY; or reject",
            item.key
        )
    });
    format!("{listed}{}", hint.unwrap_or_default())
}
