//! One tenant's part of the review of tiers: plans the members who are concerned into batches, releases the
//! first window of them.

use tradeup_domain::ErrorCode;
use tradeup_proto::job_kind::{TIER_REVIEW_BATCH, TIER_REVIEW_TENANT};
use tradeup_proto::{JobKind, Message as _, convert, v1};
use tradeup_store::batches::Members;
use tradeup_store::{schedules, tier_moves};
use tradeup_worker::TaskError;
use tradeup_worker::planning::{ACTIVE, Planned, PlansBatches, TenantRun};

/// The task.
pub(crate) struct TierReviewTenant;

impl PlansBatches for TierReviewTenant {
    const KIND: JobKind = TIER_REVIEW_TENANT;
    type Input = v1::TierReviewTenant;

    async fn plan(&self, mut run: TenantRun<'_>, input: &Self::Input) -> Result<Planned, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        run.tenant(ACTIVE).await?;
        // The clock does not say what the run is about; it only keeps tiers from being lowered early.
        if as_of > schedules::now(run.tx).await? {
            return Err(TaskError::permanent(
                ErrorCode::InvalidInput,
                format!("field as_of is {as_of}, which has not come: what is spent until then is not known"),
            ));
        }
        let since = tier_moves::raises_since(run.tx, run.tenant, as_of).await?;
        let payload =
            v1::TierReviewBatch { as_of: input.as_of, since: since.map(convert::timestamp) }.encode_to_vec();
        let members = Members::TierReview { as_of, since };
        run.in_batches(members, TIER_REVIEW_BATCH.task, payload).await
    }
}
