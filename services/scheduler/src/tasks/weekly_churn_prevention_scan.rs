//! The weekly plan against churn over all tenants: one child run for each active one.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages. What they propose waits for a person.

use std::time::Duration;

use tradeup_proto::job_kind::WEEKLY_CHURN_PREVENTION_SCAN;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::trigger::CHURN_SCAN;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::agent_scan;

/// The task.
pub(crate) struct WeeklyChurnPreventionScan;

impl Task for WeeklyChurnPreventionScan {
    const KIND: JobKind = WEEKLY_CHURN_PREVENTION_SCAN;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::AgentScan;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        agent_scan::to_tenants(context, input, &CHURN_SCAN).await
    }
}
