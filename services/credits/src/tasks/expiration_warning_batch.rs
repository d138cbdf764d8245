//! Warns up to 100 members of credit that is about to end: claims the warnings and writes down one mail for
//! each member, commits that, sends the mails, and counts what became of them.
//!
//! Released by the tenant's run through its window. Effect: rows of `warnings` and `digests`, mails, the
//! batch's counts, the next batch of the tenant. No money moves. An attempt that is not the first goes on
//! with the mails that are left.

use std::ops::ControlFlow;
use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::EXPIRATION_WARNING_BATCH;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::digests;
use tradeup_store::warnings::WarningBatch;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::batch;
use crate::mail::{ATTEMPT_WITHIN, Post};

/// The task.
pub(crate) struct ExpirationWarningBatch {
    pub(crate) post: Post,
}

impl Task for ExpirationWarningBatch {
    const KIND: JobKind = EXPIRATION_WARNING_BATCH;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = ATTEMPT_WITHIN;
    const NEEDS: &'static [Dependency] = &[Dependency::Mail];
    type Input = v1::ExpirationWarningBatch;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let claim = &context.claim;
        let range = batch::of(claim)?;
        let tenant = context.tenant()?.id;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let batch = WarningBatch { tenant, run_id: claim.run_id, as_of, range };
        if input.shadow {
            return batch::execute(context, &batch, true).await;
        }
        let mut tx = match batch::apply_and_send(context, &self.post, &batch).await? {
            ControlFlow::Continue(tx) => tx,
            ControlFlow::Break(interrupted) => return Ok(interrupted),
        };
        let counts = digests::tally(&mut tx, tenant, claim.run_id, range.members).await?;
        Ok(Applied::batch(tx, counts))
    }
}
