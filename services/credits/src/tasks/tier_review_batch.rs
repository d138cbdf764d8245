//! Looks at the tiers of up to 100 members: one transaction.
//!
//! Released by the tenant's run through its window. Effect: notices, memberships that end and begin, each
//! with its decision; the batch's counts; the next batch of the tenant. Nothing on money.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::TIER_REVIEW_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::tier_moves::TierReviewBatch;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::batch;

/// The task.
pub(crate) struct ReviewTiers;

impl Task for ReviewTiers {
    const KIND: JobKind = TIER_REVIEW_BATCH;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    // A tier decides what a member gets: who stops a shop's money stops this, too.
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::TierReviewBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let range = batch::of(&context.claim)?;
        let batch = TierReviewBatch {
            tenant: context.tenant()?.id,
            run_id: context.claim.run_id,
            as_of: convert::instant("as_of", input.as_of.as_ref())?,
            since: convert::optional_instant("since", input.since.as_ref())?,
            range,
        };
        batch::execute(context, &batch, false).await
    }
}
