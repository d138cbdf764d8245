//! The daily search for what shops never told, over all tenants: one child run for each that has the app.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_proto::job_kind::{GAP_SEARCH, GAP_SEARCH_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::NOT_UNINSTALLED;
use tradeup_worker::trigger::GAP_SEARCH_SCHEDULE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct GapSearch;

impl Task for GapSearch {
    const KIND: JobKind = GAP_SEARCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::GapSearch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let payload = v1::GapSearchTenant { as_of: input.as_of, order: String::new() };
        let spawn = Spawn {
            task: GAP_SEARCH_TENANT.task,
            key: &context.claim.key,
            payload: &payload.encode_to_vec(),
            states: NOT_UNINSTALLED,
            schedule: GAP_SEARCH_SCHEDULE,
            spread: TimeDelta::milliseconds(input.spread_ms),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
