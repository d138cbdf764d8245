//! Takes back what a run has granted to up to 100 members: one transaction.
//!
//! Released by the tenant's run through its window. Effect: an adjustment of what is left of each lot, the
//! new balances, and a debt for what was used, if that was asked for. Amounts are minor units of the batch's
//! currency.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::REVERSAL_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::RunId;
use tradeup_store::credits::ReversalBatch;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::batch;

/// The task.
pub(crate) struct Reverse;

impl Task for Reverse {
    const KIND: JobKind = REVERSAL_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::Reversal;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let range = batch::of(&context.claim)?;
        let batch = ReversalBatch {
            tenant: context.tenant()?.id,
            run_id: context.claim.run_id,
            granting: RunId(convert::uuid("run_id", &input.run_id)?),
            owe_used: input.owe_used,
            range,
        };
        batch::execute(context, &batch, false).await
    }
}
