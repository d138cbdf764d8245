//! `tradeup schedules`.

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use serde_json::{Value, json};
use tradeup_store::schedules::{self, FireDecision, ScheduleView};

use crate::Context;
use crate::output::{instant, instant_or_dash, table, took};

/// A fire that nobody has decided about for this long is missing: the decision takes a second.
pub(super) const ABSENT_AFTER: TimeDelta = TimeDelta::minutes(1);

/// List schedules and what was decided about their fires. Exit code 1 if a fire is due and nobody
/// decides about it.
#[derive(Args)]
pub(crate) struct Schedules {
    /// Decisions about this schedule only.
    name: Option<String>,
    /// How many decisions.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Schedules {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let listed = schedules::list(&pool).await?;
        let decisions = schedules::decisions(&pool, self.name.as_deref(), None, self.limit).await?;
        let value = json!({
            "schedules": listed.iter().map(value).collect::<Vec<Value>>(),
            "decisions": decisions.iter().map(decision_value).collect::<Vec<Value>>(),
        });
        context.output().show(&value, || text(&listed, &decisions))?;
        let absent = listed.iter().any(|schedule| schedule.is_absent(ABSENT_AFTER));
        Ok(if absent { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn text(listed: &[ScheduleView], decisions: &[FireDecision]) -> String {
    if listed.is_empty() {
        return "No schedules yet: a scheduler adds them when it starts.".to_owned();
    }
    let mut shown =
        table(&["schedule", "tenant", "cron", "zone", "missed fires", "overlap", "spread", "next fire"], &[]);
    for schedule in listed {
        shown.add_row([
            schedule.name.clone(),
            schedule.tenant_handle.clone().unwrap_or_else(|| "all".to_owned()),
            schedule.cron.clone(),
            schedule.zone.clone(),
            format!("{} for {}", schedule.missed_policy, length(schedule.missed_window_seconds)),
            schedule.overlap_policy.clone(),
            length(schedule.spread_seconds),
            next(schedule),
        ]);
    }
    if decisions.is_empty() {
        return shown.to_string();
    }
    let mut decided = table(&["schedule", "tenant", "due", "decision", "decided", "run"], &[]);
    for d in decisions {
        let due = if d.fires == 1 {
            instant(d.fire_at)
        } else {
            format!("{} to {} ({} fires)", instant(d.fire_at), instant(d.until), d.fires)
        };
        decided.add_row([
            d.schedule.clone(),
            d.tenant_handle.clone().unwrap_or_else(|| "all".to_owned()),
            due,
            d.decision.clone(),
            instant(d.decided_at),
            d.run_id.map(|id| id.to_string()).unwrap_or_default(),
        ]);
    }
    format!("{shown}\n\n{decided}")
}

/// When it fires next, or why it does not.
fn next(schedule: &ScheduleView) -> String {
    if let Some(by) = &schedule.paused_by {
        return format!("paused by {by}: {}", schedule.paused_because.as_deref().unwrap_or_default());
    }
    let at = instant_or_dash(schedule.next_fire_at);
    if schedule.is_absent(ABSENT_AFTER) {
        return format!("{at}  OVERDUE: no scheduler decides about it");
    }
    at
}

fn length(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "for people; intervals of schedules are short")]
    let length = TimeDelta::milliseconds((seconds * 1000.0) as i64);
    match length.num_days() {
        0 => took(length),
        days => format!("{days} d"),
    }
}

pub(super) fn value(s: &ScheduleView) -> Value {
    json!({ "name": s.name, "tenant": s.tenant_handle, "task": s.task, "cron": s.cron, "zone": s.zone,
        "gap_policy": s.gap_policy, "repeat_policy": s.repeat_policy, "missed_policy": s.missed_policy,
        "missed_window_s": s.missed_window_seconds, "overlap_policy": s.overlap_policy,
        "spread_s": s.spread_seconds, "paused_by": s.paused_by, "paused_because": s.paused_because,
        "next_fire_at": s.next_fire_at.map(instant), "overdue_s": s.overdue_seconds })
}

fn decision_value(d: &FireDecision) -> Value {
    json!({ "schedule": d.schedule, "tenant": d.tenant_handle, "fire_at": instant(d.fire_at),
        "until": instant(d.until), "fires": d.fires, "decision": d.decision,
        "run_id": d.run_id.map(|id| id.to_string()), "decided_at": instant(d.decided_at) })
}
