//! The daily expiration over all tenants: one child run for each one that is not uninstalled.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages, nothing on money.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_proto::job_kind::{CREDIT_EXPIRATION, CREDIT_EXPIRATION_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::NOT_UNINSTALLED;
use tradeup_worker::trigger::CREDIT_EXPIRATION_SCHEDULE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct CreditExpiration;

impl Task for CreditExpiration {
    const KIND: JobKind = CREDIT_EXPIRATION;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::CreditExpiration;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let payload = v1::CreditExpirationTenant { as_of: input.as_of };
        let spawn = Spawn {
            task: CREDIT_EXPIRATION_TENANT.task,
            key: &context.claim.key,
            payload: &payload.encode_to_vec(),
            states: NOT_UNINSTALLED,
            schedule: CREDIT_EXPIRATION_SCHEDULE,
            spread: TimeDelta::milliseconds(input.spread_ms),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
