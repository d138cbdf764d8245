//! `tradeup agents`.

mod ask;
mod decide;
mod eval;
mod journal;
mod plan;
mod plans;
mod settings;
mod spend;
pub(super) mod words;

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use tradeup_store::plans::PlanFilter;
use tradeup_store::{Pool, RunId, TenantId};

use super::run;
use crate::Context;

/// Plans by agents: ask for one, read it, decide on it, see what it cost (docs/agents.md).
#[derive(Subcommand)]
pub(crate) enum Agents {
    /// Ask for a plan in three phases for a goal.
    Goal(ask::Goal),
    /// Ask for one campaign.
    Campaign(ask::Campaign),
    /// Ask about a shop's members, or about some of them.
    Analyze(ask::Analyze),
    /// List plans, newest first.
    Plans(plans::Plans),
    /// Show a plan with what was decided on its campaigns.
    Plan(plan::ShowPlan),
    /// Approve campaigns of a plan, as they are in it.
    Approve(decide::Decide),
    /// Reject campaigns of a plan.
    Reject(decide::Decide),
    /// Show the journal of an agents' run: turns, what they cost, what tools answered.
    Run(journal::ShowJournal),
    /// Show what models cost, by shop, month and model.
    Spend(spend::Spend),
    /// Show or change what agents may do and spend for a shop.
    Settings(settings::Settings),
    /// Score plans of shops of which it is known what there is to be found.
    Eval(eval::Eval),
}

impl Agents {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Goal(goal) => goal.run(context).await,
            Self::Campaign(campaign) => campaign.run(context).await,
            Self::Analyze(analyze) => analyze.run(context).await,
            Self::Plans(plans) => plans.run(context).await,
            Self::Plan(plan) => plan.run(context).await,
            Self::Approve(decide) => decide.run(context, decide::APPROVE).await,
            Self::Reject(decide) => decide.run(context, decide::REJECT).await,
            Self::Run(journal) => journal.run(context).await,
            Self::Spend(spend) => spend.run(context).await,
            Self::Settings(settings) => settings.run(context).await,
            Self::Eval(eval) => eval.run(context).await,
        }
    }
}

/// An agents' run of a shop.
struct Found {
    run_id: RunId,
    tenant: TenantId,
    handle: String,
}

/// The run that is meant: an id, or "latest" for that of the newest plan.
async fn find(pool: &Pool, given: &str) -> anyhow::Result<Found> {
    let run_id = if given == "latest" {
        let newest = tradeup_store::plans::list(pool, &PlanFilter::default(), 1).await?;
        newest.first().map(|plan| plan.run_id).ok_or_else(|| anyhow!("there are no plans yet"))?
    } else {
        given
            .parse()
            .map_err(|_malformed| anyhow!("{given:?} is no run id; `tradeup agents plans` shows them"))?
    };
    let run = run::read(pool, run_id).await?;
    let (Some(tenant), Some(handle)) = (run.tenant_id, run.tenant_handle) else {
        bail!("{run_id} is over all shops; each has its own: tradeup runs --parent {run_id}");
    };
    Ok(Found { run_id, tenant, handle })
}
