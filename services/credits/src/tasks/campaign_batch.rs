//! Carries a campaign out for up to 100 of its members: gives or extends credit and writes down their mails, commits that, sends
//! the mails, and counts what became of them.
//!
//! Released by the campaign's run through its window. Effect: lots and entries, or later ends of lots, within the campaign's
//! limit; mails; the batch's counts; the next batch. An attempt that is not the first goes on with what is left.

use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::CAMPAIGN_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::campaigns::{self, CampaignBatch as Batch, CampaignId};
use tradeup_store::{batches, digests};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError, faultpoint};

use super::OUTSIDE_RETRY;
use crate::batch;
use crate::mail::{ATTEMPT_WITHIN, Delivery, Letterhead, Post};

/// The task.
pub(crate) struct CampaignBatch {
    pub(crate) post: Post,
}

/// What is left after an interruption is soon taken up again.
const GO_ON_AFTER: Duration = Duration::from_secs(1);

impl Task for CampaignBatch {
    const KIND: JobKind = CAMPAIGN_BATCH;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = ATTEMPT_WITHIN;
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger, Dependency::Mail];
    type Input = v1::CampaignBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let (range, parent) = batch::of(claim)?;
        let tenant = context.tenant()?.id;
        let invalid = |text: &str| TaskError::permanent(ErrorCode::InvalidInput, text);
        let campaign = CampaignId::from_bytes(&input.campaign_id)
            .ok_or_else(|| invalid("field campaign_id is no id of a campaign; it has 16 bytes"))?;
        let acts_at = convert::instant("acts_at", input.acts_at.as_ref())?;
        let expires_at = convert::optional_instant("expires_at", input.expires_at.as_ref())?;
        let ends_at = convert::optional_instant("ends_at", input.ends_at.as_ref())?;
        if expires_at.is_some() != ends_at.is_some() || ends_at < expires_at {
            return Err(invalid(
                "field ends_at is before expires_at, or stands alone; give the same instant or a later one",
            ));
        }
        let batch = Batch { tenant, run_id: claim.run_id, campaign, acts_at, expires_at, ends_at, range };
        // Nobody gets what they can't be told of.
        self.post.check()?;
        let mut tx = context.begin().await?;
        let head = Letterhead::read(&mut tx, tenant).await?;
        digests::give_up_lost(&mut tx, claim.sender(tenant)).await?;
        tx.commit().await?;

        batch::apply_apart(context, &batch).await?;
        faultpoint::reached("campaign.applied").await;
        let mut tx = context.begin().await?;
        let letters = digests::pending(&mut tx, tenant, Some(claim.run_id), None).await?;
        tx.rollback().await?;
        let delivered = self.post.deliver(context, &head, &letters).await?;

        let mut tx = context.begin().await?;
        if delivered == Delivery::Interrupted {
            return Ok(Applied::snoozed(tx, GO_ON_AFTER));
        }
        let counts = campaigns::tally(&mut tx, &batch).await?;
        let next = batches::complete(&mut tx, claim, parent, &counts).await?;
        Ok(Applied::ended(tx).publishing(next))
    }
}
