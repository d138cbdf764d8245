//! The daily warnings over all tenants: one child run for each active one.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_proto::job_kind::{EXPIRATION_WARNING, EXPIRATION_WARNING_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::ACTIVE;
use tradeup_worker::trigger::EXPIRATION_WARNING_SCHEDULE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct ExpirationWarning;

impl Task for ExpirationWarning {
    const KIND: JobKind = EXPIRATION_WARNING;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::ExpirationWarning;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let payload = v1::ExpirationWarningTenant { as_of: input.as_of };
        let spawn = Spawn {
            task: EXPIRATION_WARNING_TENANT.task,
            key: &context.claim.key,
            payload: &payload.encode_to_vec(),
            states: ACTIVE,
            schedule: EXPIRATION_WARNING_SCHEDULE,
            spread: TimeDelta::milliseconds(input.spread_ms),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
