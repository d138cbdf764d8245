//! How runs end: with a plan, with what there is, or with an error that says why there is none.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_plan::{Meta, Settlement, settle};
use tradeup_store::agent_runs::{self, Cap, Journal};
use tradeup_store::campaigns::Terms;
use tradeup_store::plans::{self, NewPlan};
use tradeup_worker::{Applied, TaskError, faultpoint};

use super::proposed::{items, kpis, proposals, terms};
use crate::bundle::Role;
use crate::engine::{Ended, Failure, Halt, Run, handed_in, last_readable, read_plan};

/// A run that this service leaves since it stops goes on after so long.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// Ends an attempt; the run, too, unless it is to be tried again.
pub(super) async fn end(run: &Run<'_>, shop: &str, ended: Result<Ended, Halt>) -> Result<Applied, TaskError> {
    let journal = run.journal().await?;
    let found = last_readable(&journal, &run.bundle.task.limits).map(str::to_owned);
    match (ended, found) {
        (Ok(Ended::Submitted { path, tool_use_id }), _) => {
            let input = handed_in(&journal, &path, &tool_use_id).to_owned();
            put(run, shop, &journal, &input, None).await
        }
        (Ok(Ended::Failed(failure)), Some(input)) => {
            put(run, shop, &journal, &input, Some(failure.words())).await
        }
        (Ok(Ended::Failed(failure)), None) => {
            Err(fail(run, TaskError::permanent(failure.code(), failure.words())).await)
        }
        (Err(Halt::Over(cap)), Some(input)) => {
            put(run, shop, &journal, &input, Some(format!("budget_exhausted: {}", cap.words()))).await
        }
        (Err(Halt::Over(cap)), None) if was_asked(&journal) => stop(run, &journal, cap).await,
        (Err(Halt::Over(cap)), None) => {
            let words = format!("{} is reached before anything was asked", cap.words());
            Err(fail(run, TaskError::permanent(ErrorCode::AgentBudgetExhausted, words)).await)
        }
        (Err(Halt::Deadline), Some(input)) => put(run, shop, &journal, &input, Some(late(run))).await,
        (Err(Halt::Deadline), None) => {
            Err(fail(run, TaskError::permanent(ErrorCode::AgentNoPlan, late(run))).await)
        }
        (Err(Halt::Cancelled), _) => {
            // If it is another worker's by now, that one's word counts.
            note_end(run, "stopped", "cancelled").await;
            Err(TaskError::permanent(ErrorCode::Superseded, "the run was cancelled, or is another worker's"))
        }
        // It goes on elsewhere, and uses up no attempt.
        (Err(Halt::Stopping), _) => Ok(Applied::snoozed(run.context.begin().await?, ELSEWHERE)),
        (Err(Halt::Task(error)), _) => Err(fail(run, error).await),
    }
}

fn late(run: &Run<'_>) -> String {
    format!("deadline: it has worked for {} minutes", run.bundle.bounds.active_minutes)
}

/// Whether anything was sent that may be paid for.
fn was_asked(journal: &Journal) -> bool {
    !journal.turns.is_empty() || journal.attempts.iter().any(|attempt| attempt.state == "unknown")
}

/// Notes that the run has failed, if it has: one that is tried again goes on.
async fn fail(run: &Run<'_>, error: TaskError) -> TaskError {
    let claim = &run.context.claim;
    let is_last = claim.attempt >= claim.max_attempts;
    if error.code() != ErrorCode::Superseded && (is_last || error.class() == Class::Permanent) {
        note_end(run, "failed", &format!("{}: {error}", error.code())).await;
    }
    error
}

async fn note_end(run: &Run<'_>, state: &str, outcome: &str) {
    let noted = async {
        let mut tx = run.begin().await?;
        agent_runs::finish(&mut tx, &run.lease, state, outcome).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        tracing::warn!("how the agents' run ended is not noted: {error}");
    }
}

/// Keeps the plan, and ends the run, in one.
async fn put(
    run: &Run<'_>,
    shop: &str,
    journal: &Journal,
    input: &str,
    incomplete_because: Option<String>,
) -> Result<Applied, TaskError> {
    let task = &run.bundle.task;
    let (document, facts, unproven) = match read_plan(input, &journal.facts, &task.limits) {
        Ok(read) => read,
        Err(_unreadable) => {
            let failure = Failure::Unreadable;
            return Err(fail(run, TaskError::permanent(failure.code(), failure.words())).await);
        }
    };
    let mut tx = run.context.begin().await?;
    let begun = agent_runs::get(&mut tx, run.lease.tenant, run.lease.run_id).await?;
    let cost_nano_usd = begun.map_or(0, |begun| begun.spent_nano);
    let models: BTreeSet<&str> = journal.turns.iter().map(|turn| turn.model.as_str()).collect();
    let offline = models.iter().all(|model| run.provider.is_offline(model));
    let state = if incomplete_because.is_some() { "stopped" } else { "done" };
    let plan = settle(Settlement {
        meta: Meta {
            kind: task.kind.clone(),
            goal: task.goal.clone(),
            timeline_days: task.timeline_days,
            target_segment: task.target_segment.clone(),
            as_of: task.as_of,
            currency: task.currency.clone(),
            tenant: shop.to_owned(),
            generated_by: models.into_iter().map(str::to_owned).collect(),
            offline,
            cost_nano_usd,
        },
        document,
        facts,
        limits: &task.limits,
        unproven,
        incomplete_because,
    });
    let complete = plan.complete && plan.unproven.is_empty();
    let stored = serde_json::to_value(&plan).map(storable).map_err(|error| {
        TaskError::permanent(ErrorCode::AgentNoPlan, format!("the plan can't be written: {error}"))
    })?;
    let proposals = proposals(&plan);
    let terms: Vec<Terms> = proposals.iter().map(|proposal| terms(&plan, proposal, run.snapshot)).collect();
    let items = items(&proposals, &terms);
    let new = NewPlan {
        kind: &task.kind,
        goal: &task.goal,
        document: &stored,
        complete,
        offline,
        items: &items,
        kpis: &kpis(&plan),
    };
    plans::put(&mut tx, &run.lease, &new).await?;
    let outcome = match (&plan.incomplete_because, plan.unproven.len()) {
        (Some(words), _) => format!("a plan that is not complete: {words}"),
        (None, 0) => "a plan".to_owned(),
        (None, unproven) => format!("a plan of which {unproven} things are unproven"),
    };
    agent_runs::finish(&mut tx, &run.lease, state, &outcome).await?;
    tracing::info!(
        campaigns = items.len(),
        unproven = plan.unproven.len(),
        complete,
        cost_nano_usd,
        "{outcome}, with {} campaigns",
        items.len()
    );
    faultpoint::reached("agents.plan").await;
    Ok(Applied::done(tx).with_result(json!({
        "plan": run.lease.run_id.to_string(),
        "complete": complete,
        "campaigns": items.len(),
        "cost_nano_usd": cost_nano_usd,
    })))
}

/// JSON as PostgreSQL takes it: without NUL in texts.
fn storable(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "")),
        Value::Array(list) => Value::Array(list.into_iter().map(storable).collect()),
        Value::Object(map) => {
            let fields = map.into_iter().map(|(key, value)| (key.replace('\0', ""), storable(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        plain => plain,
    }
}

/// The next call does not fit the limit, and there is no plan: what was found is shown, and nothing is proposed.
async fn stop(run: &Run<'_>, journal: &Journal, cap: Cap) -> Result<Applied, TaskError> {
    let mut tx = run.context.begin().await?;
    let begun = agent_runs::get(&mut tx, run.lease.tenant, run.lease.run_id).await?;
    let words = cap.words();
    agent_runs::finish(&mut tx, &run.lease, "stopped", &format!("budget_exhausted: {words}")).await?;
    tracing::warn!(cap = words, "{words} is reached: the run stops with what it has");
    Ok(Applied::done(tx).with_result(json!({
        "outcome": "budget_exhausted",
        "cap": words,
        "findings": found(journal),
        "facts": journal.facts.len(),
        "cost_nano_usd": begun.map_or(0, |begun| begun.spent_nano),
    })))
}

/// What specialists have found, for people: with figures where facts are cited.
fn found(journal: &Journal) -> Vec<String> {
    let mut found = Vec::new();
    for call in &journal.calls {
        let delegated = Role::delegated_by(&call.name).is_some() && !call.is_error;
        let Some(content) = call.content.as_deref().filter(|_| delegated) else { continue };
        let told: Value = serde_json::from_str(content).unwrap_or_default();
        let statements = told["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        found.extend(statements.iter().filter_map(|one| one["statement"].as_str()).map(str::to_owned));
    }
    for text in &mut found {
        for fact in &journal.facts {
            let placeholder = format!("{{{{F{}}}}}", fact.id);
            if text.contains(&placeholder) {
                *text = text.replace(&placeholder, &fact.figure.shown());
            }
        }
    }
    found
}
