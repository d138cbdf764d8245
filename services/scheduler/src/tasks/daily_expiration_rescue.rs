//! The daily plan against expiring credit over all tenants: one child run for each active one.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages. What they propose waits for a person.

use std::time::Duration;

use tradeup_proto::job_kind::DAILY_EXPIRATION_RESCUE;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::trigger::EXPIRATION_RESCUE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::agent_scan;

/// The task.
pub(crate) struct DailyExpirationRescue;

impl Task for DailyExpirationRescue {
    const KIND: JobKind = DAILY_EXPIRATION_RESCUE;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::AgentScan;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        agent_scan::to_tenants(context, input, &EXPIRATION_RESCUE).await
    }
}
