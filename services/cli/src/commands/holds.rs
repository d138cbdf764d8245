//! `tradeup holds`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_store::breakers::{self, Breaker};
use tradeup_store::limits::{self, LimitView};
use tradeup_store::outbox::{self, HeldCount};
use tradeup_store::pauses::{self, Pause};

use crate::Context;
use crate::output::{instant, instant_or_dash, table};

/// Show what holds runs back: pauses that people placed, breakers that tripped, limits; and how many
/// runs wait for each shop.
#[derive(Args)]
pub(crate) struct Holds {}

impl Holds {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let pauses = pauses::list(&pool).await?;
        let breakers = breakers::list(&pool).await?;
        let limits = limits::list(&pool).await?;
        let held = outbox::held(&pool).await?;
        let value = json!({
            "pauses": pauses.iter().map(pause_value).collect::<Vec<_>>(),
            "breakers": breakers.iter().map(breaker_value).collect::<Vec<_>>(),
            "limits": limits.iter().map(limit_value).collect::<Vec<_>>(),
            "held": held.iter().map(held_value).collect::<Vec<_>>(),
        });
        context.output().show(&value, || {
            let parts =
                [pauses_text(&pauses), breakers_text(&breakers), limits_text(&limits), held_text(&held)];
            let shown: Vec<String> = parts.into_iter().flatten().collect();
            if shown.is_empty() { "Nothing holds runs back.".to_owned() } else { shown.join("\n\n") }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn all(text: Option<&String>) -> String {
    text.map_or_else(|| "all".to_owned(), Clone::clone)
}

fn number(n: Option<i32>) -> String {
    n.map_or_else(|| "-".to_owned(), |n| n.to_string())
}

fn pauses_text(pauses: &[Pause]) -> Option<String> {
    let mut shown = table(&["paused: tenant", "task", "needing", "by", "since", "until", "reason"], &[]);
    for pause in pauses {
        shown.add_row([
            all(pause.tenant_handle.as_ref()),
            all(pause.task.as_ref()),
            all(pause.dependency.as_ref()),
            pause.placed_by.clone(),
            instant(pause.placed_at),
            instant_or_dash(pause.until),
            pause.reason.clone(),
        ]);
    }
    (!pauses.is_empty()).then(|| shown.to_string())
}

fn breakers_text(breakers: &[Breaker]) -> Option<String> {
    let mut shown =
        table(&["breaker", "tenant", "failures", "nothing tried until", "last failed", "error"], &[2]);
    for breaker in breakers {
        shown.add_row([
            breaker.dependency.clone(),
            all(breaker.tenant_handle.as_ref()),
            breaker.failures.to_string(),
            instant_or_dash(breaker.open_until),
            instant(breaker.failed_at),
            format!("{} {}", breaker.error_code, breaker.error),
        ]);
    }
    (!breakers.is_empty()).then(|| shown.to_string())
}

fn limits_text(limits: &[LimitView]) -> Option<String> {
    let mut shown = table(&["limited: task", "tenant", "at once", "a minute", "set by", "set"], &[2, 3]);
    for limit in limits {
        shown.add_row([
            limit.task.clone(),
            limit.tenant_handle.clone().unwrap_or_else(|| "each".to_owned()),
            number(limit.running_max),
            number(limit.per_minute),
            limit.set_by.clone(),
            instant(limit.set_at),
        ]);
    }
    (!limits.is_empty()).then(|| shown.to_string())
}

fn held_text(held: &[HeldCount]) -> Option<String> {
    let mut shown = table(&["waiting: tenant", "task", "held by", "runs", "since"], &[3]);
    for group in held {
        shown.add_row([
            group.tenant_handle.clone().unwrap_or_else(|| "-".to_owned()),
            group.task.clone(),
            group.held_by.clone(),
            group.runs.to_string(),
            instant(group.since),
        ]);
    }
    (!held.is_empty()).then(|| shown.to_string())
}

fn pause_value(pause: &Pause) -> Value {
    json!({ "pause_id": pause.id.to_string(), "tenant": pause.tenant_handle, "task": pause.task,
        "dependency": pause.dependency, "reason": pause.reason, "placed_by": pause.placed_by,
        "placed_at": instant(pause.placed_at), "until": pause.until.map(instant) })
}

fn breaker_value(breaker: &Breaker) -> Value {
    json!({ "dependency": breaker.dependency, "tenant": breaker.tenant_handle, "failures": breaker.failures,
        "open_until": breaker.open_until.map(instant), "error_code": breaker.error_code, "error": breaker.error,
        "failed_at": instant(breaker.failed_at) })
}

fn limit_value(limit: &LimitView) -> Value {
    json!({ "task": limit.task, "tenant": limit.tenant_handle, "running_max": limit.running_max,
        "per_minute": limit.per_minute, "set_by": limit.set_by, "set_at": instant(limit.set_at) })
}

fn held_value(group: &HeldCount) -> Value {
    json!({ "tenant": group.tenant_handle, "task": group.task, "held_by": group.held_by, "runs": group.runs,
        "since": instant(group.since) })
}
