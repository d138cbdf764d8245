//! The monthly run over all tenants: one child run for each active one, so that each succeeds or
//! fails alone.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages, nothing on money.

use std::time::Duration;

use tradeup_domain::monthly;
use tradeup_proto::job_kind::{MONTHLY_CREDITS, MONTHLY_CREDITS_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::runs;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

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

        let mut tx = context.begin().await?;
        let spawned = runs::spawn_for_tenants(
            &mut tx,
            &context.claim,
            MONTHLY_CREDITS_TENANT.task,
            &monthly::run_key(period),
            &payload.encode_to_vec(),
        )
        .await?;
        tracing::info!(run_id = %context.claim.run_id, tenants = spawned.len(), "monthly credits {period}: {} tenants", spawned.len());
        Ok(Applied::waiting(tx).publishing(spawned))
    }
}
