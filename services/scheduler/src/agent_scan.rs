//! From a scan by agents to one for each tenant.

use chrono::TimeDelta;
use serde_json::json;
use tradeup_proto::{Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_store::workers;
use tradeup_worker::planning::ACTIVE;
use tradeup_worker::trigger::AgentScan;
use tradeup_worker::{Applied, TaskContext, TaskError};

use crate::fan_out;

/// Ends a scan over all tenants: one child run for each active one.
///
/// Where no `agents` is run, nobody wants plans: their runs would wait for ever, and `doctor` would name them day by day.
/// One that was seen within a week is down and will be back: then they wait.
pub(crate) async fn to_tenants(
    context: &TaskContext,
    input: v1::AgentScan,
    scan: &AgentScan,
) -> Result<Applied, TaskError> {
    let service = scan.of_tenant.service;
    if !workers::list(&context.pool).await?.iter().any(|worker| worker.service == service) {
        tracing::info!(run_id = %context.claim.run_id, "{}: no {service} was seen for a week", scan.schedule);
        let because =
            format!("no {service} was seen for a week; start one, and this is done when it fires next");
        return Ok(Applied::done(context.begin().await?).with_result(json!({ "skipped": because })));
    }
    let payload = v1::AgentScanTenant { as_of: input.as_of };
    let spawn = Spawn {
        task: scan.of_tenant.task,
        key: &context.claim.key,
        payload: &payload.encode_to_vec(),
        states: ACTIVE,
        schedule: scan.schedule,
        spread: TimeDelta::milliseconds(input.spread_ms),
    };
    fan_out::to_tenants(context, &spawn).await
}
