//! `tradeup schedules`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_store::schedules;

use crate::Context;
use crate::output::{instant, table};

/// List schedules and what was decided about their fires.
#[derive(Args)]
pub(crate) struct Schedules {
    /// How many decisions.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

impl Schedules {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        let listed = schedules::list(&pool).await?;
        let decisions = schedules::decisions(&pool, self.limit).await?;
        let value = json!({
            "schedules": listed.iter().map(|s| json!({ "name": s.name, "task": s.task, "cron": s.cron, "zone": s.zone,
                "missed_policy": s.missed_policy, "paused": s.paused, "next_fire_at": instant(s.next_fire_at) })).collect::<Vec<Value>>(),
            "decisions": decisions.iter().map(|d| json!({ "schedule": d.schedule, "fire_at": instant(d.fire_at), "decision": d.decision,
                "run_id": d.run_id.map(|id| id.to_string()), "decided_at": instant(d.decided_at) })).collect::<Vec<Value>>(),
        });
        context.output().show(&value, || {
            if listed.is_empty() {
                return "No schedules yet: a scheduler adds them when it starts.".to_owned();
            }
            let mut shown = table(&["schedule", "cron", "zone", "missed fires", "next fire"], &[]);
            for s in &listed {
                let next = if s.paused { "paused".to_owned() } else { instant(s.next_fire_at) };
                shown.add_row([&s.name, &s.cron, &s.zone, &s.missed_policy, &next]);
            }
            if decisions.is_empty() {
                return shown.to_string();
            }
            let mut decided = table(&["schedule", "due", "decision", "decided", "run"], &[]);
            for d in &decisions {
                let run = d.run_id.map(|id| id.to_string()).unwrap_or_default();
                decided.add_row([
                    &d.schedule,
                    &instant(d.fire_at),
                    &d.decision,
                    &instant(d.decided_at),
                    &run,
                ]);
            }
            format!("{shown}\n\n{decided}")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
