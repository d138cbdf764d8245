//! The runs of an evaluation: begun, waited for, read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;
use tradeup_plan::{Plan, score};
use tradeup_store::agent_runs::{self, AgentRun, Journal};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, NewRun, RunFilter, RunOptions, RunView, Trigger};
use tradeup_store::tenants::Tenant;
use tradeup_store::{Pool, RunId, TenantId, TenantRef, Tx, plans};
use tradeup_worker::Relay;

use super::super::super::run;
use super::super::words::plain;
use super::goals::{Goal, Goals, short_digest};
use super::report::OneRun;
use crate::Context;

/// How often is looked which have ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What all of them are found by.
const TAG: &str = "eval";
/// The agent that hands in the plan, and how it does.
const ORCHESTRATOR: &str = "orchestrator";
const SUBMITS: &str = "submit_";

/// How goals are asked for.
pub(super) struct Asking<'a> {
    pub(super) prefix: &'a str,
    pub(super) repeat: u32,
    pub(super) by: &'a str,
    pub(super) at: DateTime<Utc>,
}

/// A run that answers a goal.
pub(super) struct Begun {
    /// Which goal, by its place.
    pub(super) goal: usize,
    /// Which of its runs, from 1.
    pub(super) n: u32,
    tenant: TenantId,
    run_id: RunId,
    is_new: bool,
}

/// Begins the runs that there are not yet: all, or none if anything is wrong.
pub(super) async fn begin(
    context: &Context,
    pool: &Pool,
    goals: &Goals,
    asking: &Asking<'_>,
) -> anyhow::Result<Vec<Begun>> {
    let shops = goals.shops(pool).await?;
    let mut new = Vec::new();
    for (at, (goal, shop)) in goals.goals.iter().zip(&shops).enumerate() {
        for n in 1..=asking.repeat {
            let run = new_run(goal, shop, n, goals.as_of, asking)?;
            not_of_another_goal(pool, goal, shop, &run, goals.as_of).await?;
            new.push((at, n, shop.id, run));
        }
    }
    let mut begun = Vec::new();
    let mut messages = Vec::new();
    let mut tx = Tx::of_engine(pool).await?;
    for (goal, n, tenant, run) in new {
        let created = runs::create(&mut tx, run).await?;
        messages.extend(created.message);
        begun.push(Begun { goal, n, tenant, run_id: created.run_id, is_new: created.is_new });
    }
    tx.commit().await?;
    publish(context, &messages).await;
    if !context.json {
        let asked = begun.iter().filter(|one| one.is_new).count();
        eprintln!("{asked} asked for, {} there already ({})", begun.len() - asked, asking.prefix);
    }
    Ok(begun)
}

fn new_run(
    goal: &Goal,
    shop: &Tenant,
    n: u32,
    as_of: Option<DateTime<Utc>>,
    asking: &Asking<'_>,
) -> anyhow::Result<NewRun> {
    let tenant = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let key = format!("eval:{}:{}:{n}", asking.prefix, goal.id);
    let by = Trigger::Manual(asking.by.to_owned());
    let run = goal.asked.clone().run(tenant, key, as_of.unwrap_or(asking.at), by);
    let mut run = run.with_context(|| format!("goal {}", goal.id))?;
    run.options = RunOptions { tags: vec![TAG.to_owned()], ..RunOptions::default() };
    Ok(run)
}

/// A run of this key that was asked something else would be scored as if it had answered this.
async fn not_of_another_goal(
    pool: &Pool,
    goal: &Goal,
    shop: &Tenant,
    new: &NewRun,
    as_of: Option<DateTime<Utc>>,
) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await.context("looking for a run of this key")?;
    let known =
        runs::known(&mut connection, &new.task, Some(shop.id), std::slice::from_ref(&new.key)).await?;
    drop(connection);
    let Some((_, run_id)) = known.first() else { return Ok(()) };
    let there = runs::payload(pool, *run_id).await?.unwrap_or_default();
    let is_same = if as_of.is_some() { there == new.payload } else { goal.asked.is_asked_by(&there) };
    if !is_same {
        bail!(
            "goal {}, field goal or as_of: run {run_id} has the key {} already, and was asked something else; nothing was \
             asked for. Give another --prefix",
            goal.id,
            new.key
        );
    }
    Ok(())
}

/// Publishes what is committed; what is not stored, a scheduler publishes.
async fn publish(context: &Context, messages: &[JobMessage]) {
    if messages.is_empty() {
        return;
    }
    match context.broker.connect("tradeup").await {
        Ok(broker) => {
            let published = Relay::new(broker.clone()).publish_jobs(messages).await;
            broker.close().await;
            if published < messages.len() {
                eprintln!(
                    "tradeup: {} are queued; a scheduler will publish them",
                    messages.len() - published
                );
            }
        }
        Err(error) => eprintln!("tradeup: {error}; a scheduler will publish them once NATS answers"),
    }
}

/// Waits until all have ended, or for as long as is said.
pub(super) async fn wait(
    context: &Context,
    pool: &Pool,
    begun: &[Begun],
    prefix: &str,
    limit: Duration,
) -> anyhow::Result<()> {
    let bar = if context.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(u64::try_from(begun.len()).unwrap_or(0))
    };
    if let Ok(style) = ProgressStyle::with_template("{msg:10} {wide_bar} {pos}/{len} plans {elapsed}") {
        bar.set_style(style);
    }
    let ours: BTreeSet<RunId> = begun.iter().map(|one| one.run_id).collect();
    let filter = RunFilter {
        key_prefix: Some(format!("eval:{prefix}:")),
        with_children: true,
        unfinished: true,
        ..RunFilter::default()
    };
    let most = i64::try_from(begun.len()).unwrap_or(i64::MAX).saturating_mul(2).saturating_add(1_000);
    let since = Instant::now();
    loop {
        match runs::list(pool, &filter, most).await {
            Ok(unfinished) => {
                let open: Vec<&RunView> =
                    unfinished.iter().filter(|run| ours.contains(&run.run_id)).collect();
                bar.set_position(u64::try_from(ours.len() - open.len()).unwrap_or(0));
                bar.set_message(if open.iter().any(|run| run.held_because.is_some()) {
                    "held"
                } else {
                    "waiting"
                });
                if open.is_empty() {
                    break;
                }
            }
            // Runs do not end because we can't see them.
            Err(error) => {
                bar.set_message("no answer");
                tracing::debug!("looking at the runs: {error:#}");
            }
        }
        if since.elapsed() >= limit {
            eprintln!("tradeup: not all have ended after {} s; what there is is shown", limit.as_secs());
            break;
        }
        sleep(LOOK_EVERY.min(limit)).await;
    }
    bar.finish_and_clear();
    Ok(())
}

/// How a run ended, what it cost and what its plan scores.
pub(super) async fn read(pool: &Pool, goal: &Goal, begun: &Begun) -> anyhow::Result<OneRun> {
    let ended = run::read(pool, begun.run_id).await?;
    let mut tx = Tx::snapshot_of_tenant(pool, begun.tenant).await?;
    let agents = agent_runs::get(&mut tx, begun.tenant, begun.run_id).await?;
    let journal = agent_runs::journal(&mut tx, begun.tenant, begun.run_id).await?;
    let kept = plans::get(&mut tx, begun.tenant, begun.run_id).await?;
    tx.rollback().await?;
    let mut one = counted(begun, &ended, agents.as_ref(), &journal);
    if let Some(row) = kept {
        match serde_json::from_value::<Plan>(row.document) {
            Ok(plan) => {
                one.score = Some(score(&plan, &goal.truth));
                one.said = said(&plan, &goal.never);
                one.unproven = plan.unproven.len();
                one.offline = plan.meta.offline;
                one.why = plan.incomplete_because.as_deref().map(plain);
            }
            Err(error) => one.why = Some(format!("the plan was written by another build: {error}")),
        }
    }
    Ok(one)
}

/// What rows tell of a run, but for its plan.
fn counted(begun: &Begun, ended: &RunView, agents: Option<&AgentRun>, journal: &Journal) -> OneRun {
    let mut models: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for turn in &journal.turns {
        let is_orchestrator = turn.agent.split('.').next() == Some(ORCHESTRATOR);
        let role = if is_orchestrator { ORCHESTRATOR } else { "specialists" };
        models.entry(role.to_owned()).or_default().insert(plain(&turn.model));
    }
    let (handed_in, asked): (Vec<_>, Vec<_>) =
        journal.calls.iter().partition(|call| call.name.starts_with(SUBMITS));
    let result = ended.result.as_ref().and_then(|result| result["outcome"].as_str());
    let why = ended
        .error
        .as_deref()
        .or_else(|| agents.and_then(|run| run.outcome.as_deref()))
        .or(result)
        .or(ended.held_because.as_deref());
    let took = ended.started_at.zip(ended.finished_at).map(|(from, to)| (to - from).num_milliseconds());
    OneRun {
        run_id: begun.run_id.to_string(),
        n: begun.n,
        state: ended.state.clone(),
        ended: ended.finished_at.is_some(),
        score: None,
        said: Vec::new(),
        unproven: 0,
        offline: false,
        why: why.map(plain),
        cost_nano_usd: agents.map_or(0, |run| run.spent_nano),
        unknown_nano_usd: agents.map_or(0, |run| run.unknown_nano),
        turns: journal.turns.len(),
        lost_tries: journal.attempts.iter().filter(|attempt| attempt.state == "unknown").count(),
        repairs: handed_in.iter().filter(|call| call.is_error).count(),
        tool_calls: asked.len(),
        refused_calls: asked.iter().filter(|call| call.is_error).count(),
        took_ms: took.unwrap_or(0),
        models,
        script: agents.map(|run| script(&run.bundle)).unwrap_or_default(),
    }
}

/// What prompts, tools and bounds a run was made of: a few characters that are others for others.
fn script(bundle: &serde_json::Value) -> String {
    let parts = ["orchestrator", "insights", "engagement", "bounds", "first"];
    short_digest(&parts.map(|part| bundle[part].to_string()).concat())
}

/// Which of what no plan may say this one says, in whatever people or members would read.
fn said(plan: &Plan, never: &[String]) -> Vec<String> {
    let mut text = serde_json::to_string(&plan.document).unwrap_or_default();
    text.push_str(&serde_json::to_string(&plan.campaigns).unwrap_or_default());
    let text = text.to_lowercase();
    never.iter().filter(|word| text.contains(&in_json(&word.to_lowercase()))).cloned().collect()
}

/// A text as JSON has it between its quotes.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}
