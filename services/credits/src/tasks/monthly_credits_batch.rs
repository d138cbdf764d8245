//! Issues the monthly credits of one batch: up to 100 members, one statement, one transaction.
//!
//! Released by the tenant's run through its window. Effect: a lot, a grant entry and the new
//! balance for each member who has a tier with an amount as of the run; the batch's counts; the
//! next batch of the tenant. Amounts are minor units of the tenant's currency.

use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode, Period};
use tradeup_proto::job_kind::MONTHLY_CREDITS_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::credits::{self, MonthlyBatch};
use tradeup_store::{ErrorKind, batches};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct MonthlyCreditsBatch;

impl Task for MonthlyCreditsBatch {
    const KIND: JobKind = MONTHLY_CREDITS_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::MonthlyCreditsBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let period: Period = convert::period(&input.period)?;
        let (Some(range), Some(parent)) = (context.claim.batch, context.claim.parent_id) else {
            return Err(TaskError::permanent(ErrorCode::InvalidInput, "the run has no batch to execute"));
        };
        let batch = MonthlyBatch {
            tenant: context.tenant()?.id,
            run_id: context.claim.run_id,
            period,
            as_of: convert::instant("as_of", input.as_of.as_ref())?,
            expires_at: convert::optional_instant("expires_at", input.expires_at.as_ref())?,
            range,
        };

        let mut tx = context.begin().await?;
        let counts = match credits::issue_monthly(&mut tx, &batch).await {
            Ok(counts) => counts,
            Err(error) if error.kind() == ErrorKind::Refused => {
                // Somebody's data was refused, and with it the whole statement: find out whose.
                drop(tx);
                tx = context.begin().await?;
                credits::issue_monthly_singly(&mut tx, &batch).await?
            }
            Err(error) => return Err(error.into()),
        };
        let next = batches::complete(&mut tx, &context.claim, parent, &counts).await?;
        Ok(Applied::ended(tx).publishing(next))
    }
}
