//! Takes back what a run over all tenants has granted: one child run for each tenant.
//!
//! Triggered by `tradeup reverse`. Effect: child runs and their messages, nothing on money.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_proto::job_kind::{REVERSAL, REVERSAL_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::NOT_UNINSTALLED;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct Reversal;

impl Task for Reversal {
    const KIND: JobKind = REVERSAL;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::Reversal;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let spawn = Spawn {
            task: REVERSAL_TENANT.task,
            key: &context.claim.key,
            payload: &input.encode_to_vec(),
            states: NOT_UNINSTALLED,
            // No schedule has this name, so no tenant is left to its own.
            schedule: REVERSAL.task,
            spread: TimeDelta::zero(),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
