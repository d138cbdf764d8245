//! One tenant's part of the review of tiers: plans the members who are concerned into batches, releases the
//! first window of them.

use std::time::Duration;

use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{TIER_REVIEW_BATCH, TIER_REVIEW_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::{schedules, tier_moves};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out::{self, ACTIVE};

/// The task.
pub(crate) struct TierReviewTenant;

impl Task for TierReviewTenant {
    const KIND: JobKind = TIER_REVIEW_TENANT;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::TierReviewTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        fan_out::tenant(&mut tx, tenant, ACTIVE).await?;
        // The clock does not say what the run is about; it only keeps tiers from being lowered early.
        if as_of > schedules::now(&mut tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: what is spent until then is not known"),
            ));
        }
        let since = tier_moves::raises_since(&mut tx, tenant, as_of).await?;
        let payload =
            v1::TierReviewBatch { as_of: input.as_of, since: since.map(convert::timestamp) }.encode_to_vec();
        let members = Members::TierReview { as_of, since };
        fan_out::to_batches(context, tx, members, TIER_REVIEW_BATCH.task, &payload).await
    }
}
