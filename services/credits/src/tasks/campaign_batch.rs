//! Carries a campaign out for up to 100 of its members: gives or extends credit and writes down their mails, commits that, sends
//! the mails, and counts what became of them.
//!
//! Released by the campaign's run through its window. Effect: lots and entries, or later ends of lots, within the campaign's
//! limit; mails; the batch's counts; the next batch. An attempt that is not the first goes on with what is left.

use std::ops::ControlFlow;
use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::CAMPAIGN_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::campaigns::{self, CampaignBatch as Batch, CampaignId};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::batch;
use crate::mail::{ATTEMPT_WITHIN, Post};

/// The task.
pub(crate) struct CampaignBatch {
    pub(crate) post: Post,
}

impl Task for CampaignBatch {
    const KIND: JobKind = CAMPAIGN_BATCH;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = ATTEMPT_WITHIN;
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger, Dependency::Mail];
    type Input = v1::CampaignBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let range = batch::of(claim)?;
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
        let mut tx = match batch::apply_and_send(context, &self.post, &batch).await? {
            ControlFlow::Continue(tx) => tx,
            ControlFlow::Break(interrupted) => return Ok(interrupted),
        };
        let counts = campaigns::tally(&mut tx, &batch).await?;
        Ok(Applied::batch(tx, counts))
    }
}
