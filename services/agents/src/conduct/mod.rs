//! What all kinds have in common: who may, what it is made of, who holds it; then the agents are driven to their end.

mod ending;
mod proposed;
mod scripts;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tradeup_domain::{Currency, ErrorCode};
use tradeup_plan::Limits;
use tradeup_store::agent_runs::{self, NewAgentRun};
use tradeup_store::agent_settings::{self, AgentSettings};
use tradeup_store::tenants::Tenant;
use tradeup_store::{TenantId, schedules, snapshots, tenants, tiers};
use tradeup_worker::{Applied, TaskContext, TaskError};

use crate::bundle::{Bundle, Role, Task};
use crate::engine::{Agent, Means, Run};
use crate::models::Provider;

/// What is wanted of a run.
pub(crate) struct Wanted<'w> {
    /// The instant that it is about.
    pub(crate) as_of: DateTime<Utc>,
    /// What for, in words.
    pub(crate) goal: &'w str,
    /// Within so many days.
    pub(crate) timeline_days: Option<i64>,
    /// About this segment; empty for none.
    pub(crate) target_segment: Option<String>,
    /// About these members.
    pub(crate) filter: Option<Value>,
    /// What a campaign may cost at most, in minor units, besides what the settings say.
    pub(crate) budget_minor: Option<i64>,
    /// Whether campaigns are to be proposed.
    pub(crate) campaigns: bool,
}

impl<'w> Wanted<'w> {
    /// A goal, and nothing else.
    pub(crate) fn of(as_of: DateTime<Utc>, goal: &'w str) -> Self {
        Self {
            as_of,
            goal,
            timeline_days: None,
            target_segment: None,
            filter: None,
            budget_minor: None,
            campaigns: true,
        }
    }
}

/// Begins a run, or goes on with it, and ends it.
pub(crate) async fn conduct(
    context: &TaskContext,
    provider: &Provider,
    kind: &str,
    wanted: Wanted<'_>,
) -> Result<Applied, TaskError> {
    let (tenant, run_id) = (context.tenant()?.id, context.claim.run_id);
    let mut tx = context.begin().await?;
    let Some(shop) = tenants::by_id(&mut tx, tenant).await?.filter(|shop| shop.state == "active") else {
        return Ok(Applied::done(tx).with_result(json!({ "outcome": "the shop is not active" })));
    };
    let settings = agent_settings::get(&mut tx, tenant).await?;
    if !settings.enabled {
        let outcome = "the shop's settings do without agents: tradeup agents settings --enabled yes";
        return Ok(Applied::done(tx).with_result(json!({ "outcome": outcome })));
    }
    let begun = agent_runs::get(&mut tx, tenant, run_id).await?;
    let tiers: Vec<String> =
        tiers::list(&mut tx, tenant).await?.into_iter().map(|tier| tier.handle).collect();
    tx.rollback().await?;

    provider.client()?;
    // A run that goes on keeps what it began with, and needs no look at which models there are.
    let (as_of, goal, bundle) = match begun {
        Some(run) => (run.as_of, run.goal, run.bundle),
        None => {
            let bundle = bundle(provider, kind, &wanted, &shop, &settings, tiers).await?;
            (
                wanted.as_of,
                wanted.goal.to_owned(),
                serde_json::to_value(bundle).map_err(|error| unwritable(&error))?,
            )
        }
    };
    let snapshot = snapshots::ensure(&context.pool, tenant, as_of).await?;
    let now = schedules::clock(&context.pool).await?;

    let mut tx = context.begin().await?;
    let new = NewAgentRun { kind, goal: &goal, as_of, bundle: &bundle };
    let begun = agent_runs::open(&mut tx, tenant, run_id, &new).await?;
    let worker = format!("attempt {}", context.claim.attempt);
    let lease = agent_runs::lease(&mut tx, context.claim.sender(tenant), &worker).await?;
    tx.commit().await?;
    // As the database has it, so that a request is the same whether the run has just begun or goes on.
    let bundle: Bundle = serde_json::from_value(begun.bundle).map_err(|error| {
        TaskError::permanent(
            ErrorCode::AgentNoPlan,
            format!("another build began this run, and its bundle can't be read: {error}; ask anew"),
        )
    })?;
    let caps = settings.caps();
    let run = Run::new(Means { context, provider, bundle, lease, caps, snapshot, now });
    let ended = run.drive(&Agent::orchestrator()).await;
    ending::end(&run, &shop.handle, ended).await
}

async fn bundle(
    provider: &Provider,
    kind: &str,
    wanted: &Wanted<'_>,
    shop: &Tenant,
    settings: &AgentSettings,
    tiers: Vec<String>,
) -> Result<Bundle, TaskError> {
    let currency: Currency = shop.settings()?.currency;
    let limits = Limits {
        tiers: tiers.clone(),
        credit_minor_max: settings.credit_minor_max,
        campaign_cost_minor_max: wanted
            .budget_minor
            .map_or(settings.campaign_cost_minor_max, |budget| budget.min(settings.campaign_cost_minor_max)),
        timeline_days: wanted.timeline_days,
        campaigns_wanted: wanted.campaigns,
        ..Limits::of(currency.code())
    };
    let task = Task {
        kind: kind.to_owned(),
        goal: wanted.goal.trim().to_owned(),
        timeline_days: wanted.timeline_days,
        target_segment: wanted.target_segment.clone().filter(|segment| !segment.is_empty()),
        filter: wanted.filter.clone(),
        as_of: wanted.as_of,
        currency: currency.code().to_owned(),
        limits,
        tiers,
    };
    let orchestrators = provider.chain(Role::Orchestrator).await?;
    let specialists = provider.chain(Role::Insights).await?;
    Ok(scripts::bundle(task, user(shop.id), provider, (&orchestrators, &specialists)))
}

/// What stands for a shop at the provider: always the same, and says nothing.
fn user(tenant: TenantId) -> String {
    let digest = Sha256::digest(format!("tradeup shop {tenant}"));
    digest.iter().take(16).fold(String::from("shop_"), |mut user, byte| {
        // Writing to a string does not fail.
        let _written = write!(user, "{byte:02x}");
        user
    })
}

fn unwritable(error: &serde_json::Error) -> TaskError {
    TaskError::permanent(ErrorCode::AgentNoPlan, format!("what the run is made of can't be written: {error}"))
}
