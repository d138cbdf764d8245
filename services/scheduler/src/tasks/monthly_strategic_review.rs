//! The monthly strategic review over all tenants: one child run for each active one.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages. What they propose waits for a person.

use std::time::Duration;

use tradeup_proto::job_kind::MONTHLY_STRATEGIC_REVIEW;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::trigger::STRATEGIC_REVIEW;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::agent_scan;

/// The task.
pub(crate) struct MonthlyStrategicReview;

impl Task for MonthlyStrategicReview {
    const KIND: JobKind = MONTHLY_STRATEGIC_REVIEW;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::AgentScan;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        agent_scan::to_tenants(context, input, &STRATEGIC_REVIEW).await
    }
}
