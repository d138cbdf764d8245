//! Warns up to 100 members of credit that is about to end: claims the warnings and writes down one mail for
//! each member, commits that, sends the mails, and counts what became of them.
//!
//! Released by the tenant's run through its window. Effect: rows of `warnings` and `digests`, mails, the
//! batch's counts, the next batch of the tenant. No money moves. An attempt that is not the first goes on
//! with the mails that are left.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::EXPIRATION_WARNING_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::warnings::WarningBatch;
use tradeup_store::{batches, digests};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::batch;
use crate::mail::{ATTEMPT_WITHIN, Delivery, Letterhead, Post};

/// The task.
pub(crate) struct ExpirationWarningBatch {
    pub(crate) post: Post,
}

/// What is left after an interruption is soon taken up again.
const GO_ON_AFTER: Duration = Duration::from_secs(1);

impl Task for ExpirationWarningBatch {
    const KIND: JobKind = EXPIRATION_WARNING_BATCH;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = ATTEMPT_WITHIN;
    const NEEDS: &'static [Dependency] = &[Dependency::Mail];
    type Input = v1::ExpirationWarningBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let (range, parent) = batch::of(claim)?;
        let tenant = context.tenant()?.id;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        // Amounts are fixed at the claim: none is claimed that can't be written or sent.
        self.post.check()?;
        let mut tx = context.begin().await?;
        let head = Letterhead::read(&mut tx, tenant).await?;
        digests::give_up_lost(&mut tx, claim.sender(tenant)).await?;
        tx.commit().await?;

        // Committed apart from the end of the run, since mails follow from it; done again it claims what is due by then.
        batch::apply_apart(context, &WarningBatch { tenant, run_id: claim.run_id, as_of, range }).await?;
        let mut tx = context.begin().await?;
        let letters = digests::pending(&mut tx, tenant, Some(claim.run_id), None).await?;
        tx.rollback().await?;
        let delivered = self.post.deliver(context, &head, &letters).await?;

        let mut tx = context.begin().await?;
        if delivered == Delivery::Interrupted {
            return Ok(Applied::snoozed(tx, GO_ON_AFTER));
        }
        let counts = digests::tally(&mut tx, tenant, claim.run_id, range.members).await?;
        let next = batches::complete(&mut tx, claim, parent, &counts).await?;
        Ok(Applied::ended(tx).publishing(next))
    }
}
