//! `tradeup agents plans`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradeup_store::RunId;
use tradeup_store::plans::{self, PlanFilter, PlanLine};

use super::super::tenant_by_handle;
use super::words::short;
use crate::Context;
use crate::output::{instant, table};

/// Characters of a goal in the list.
const GOAL_CHARS: usize = 60;

/// List plans, newest first.
#[derive(Args)]
pub(crate) struct Plans {
    /// The shop's handle; all shops, if it is not said.
    tenant: Option<String>,
    /// In this state.
    #[arg(long, value_parser = ["validated", "awaiting_approval", "approved", "rejected", "expired"])]
    state: Option<String>,
    /// The next page: older than that of this run.
    #[arg(long, value_name = "RUN")]
    before: Option<RunId>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
}

fn value(plan: &PlanLine) -> Value {
    json!({ "run_id": plan.run_id.to_string(), "tenant": plan.tenant, "task": plan.kind, "goal": plan.goal,
        "state": plan.state, "complete": plan.complete, "offline": plan.offline, "campaigns": plan.items,
        "undecided": plan.undecided, "created_at": instant(plan.created_at) })
}

impl Plans {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        let pool = context.pool().await?;
        if let Some(handle) = &self.tenant {
            tenant_by_handle(&pool, handle).await?;
        }
        let filter =
            PlanFilter { tenant: self.tenant.as_deref(), state: self.state.as_deref(), before: self.before };
        let listed = plans::list(&pool, &filter, self.limit).await?;
        context.output().show(&listed.iter().map(value).collect(), || {
            if listed.is_empty() {
                return "No plans. Ask for one: tradeup agents goal SHOP --goal WHAT".to_owned();
            }
            let mut shown = table(&["run", "shop", "task", "made", "state", "undecided", "goal"], &[5]);
            for plan in &listed {
                let mut state = plan.state.replace('_', " ");
                if plan.offline {
                    state.push_str(", offline");
                }
                if !plan.complete {
                    state.push_str(", not complete");
                }
                shown.add_row([
                    plan.run_id.to_string(),
                    plan.tenant.clone(),
                    plan.kind.clone(),
                    instant(plan.created_at),
                    state,
                    format!("{} of {}", plan.undecided, plan.items),
                    short(&plan.goal, GOAL_CHARS),
                ]);
            }
            match listed.last().filter(|_| i64::try_from(listed.len()) == Ok(self.limit)) {
                Some(last) => format!("{shown}\nOlder: --before {}", last.run_id),
                None => shown.to_string(),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
