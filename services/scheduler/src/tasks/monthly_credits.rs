//! The monthly run over all tenants: one child run for each active one, so that each succeeds or
//! fails alone.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages, nothing on money.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_domain::monthly;
use tradeup_proto::job_kind::{MONTHLY_CREDITS, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::ACTIVE;
use tradeup_worker::trigger::MONTHLY_CREDITS_SCHEDULE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct MonthlyCredits;

impl Task for MonthlyCredits {
    const KIND: JobKind = MONTHLY_CREDITS;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::MonthlyCredits;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let period = convert::period(&input.period)?;
        let payload =
            v1::MonthlyCreditsTenant { period: input.period, as_of: input.as_of, issued_at: input.issued_at };

        let spawn = Spawn {
            task: MONTHLY_CREDITS_TENANT.task,
            key: &monthly::run_key(period),
            payload: &payload.encode_to_vec(),
            states: ACTIVE,
            schedule: MONTHLY_CREDITS_SCHEDULE,
            spread: TimeDelta::milliseconds(input.spread_ms),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
