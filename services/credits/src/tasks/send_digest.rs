//! Sends one mail once more, since a person has decided so.
//!
//! Triggered by `tradeup mail resolve --send-again`. Effect: at most one mail, and what became of it.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::SEND_DIGEST;
use tradeup_proto::{JobKind, v1};
use tradeup_store::digests;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};
use uuid::Uuid;

use super::OUTSIDE_RETRY;
use crate::mail::{ATTEMPT_WITHIN, Delivery, Letterhead, Post};

/// The task.
pub(crate) struct SendDigest {
    pub(crate) post: Post,
}

/// What is left after an interruption is soon taken up again.
const GO_ON_AFTER: Duration = Duration::from_secs(1);

impl Task for SendDigest {
    const KIND: JobKind = SEND_DIGEST;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    const TIME_LIMIT: Duration = ATTEMPT_WITHIN;
    const NEEDS: &'static [Dependency] = &[Dependency::Mail];
    type Input = v1::SendDigest;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let invalid = |text: &str| TaskError::permanent(ErrorCode::InvalidInput, text);
        let digest: Uuid = input.digest_id.parse().map_err(|_malformed| {
            invalid("field digest_id is no id of a mail; give one that `tradeup mail list` shows")
        })?;
        let claim = &context.claim;
        let tenant = context.tenant()?.id;
        self.post.check()?;
        let mut tx = context.begin().await?;
        digests::give_up_lost(&mut tx, claim.sender(tenant)).await?;
        let letters = digests::pending(&mut tx, tenant, None, Some(digest)).await?;
        let head = Letterhead::read(&mut tx, tenant).await?;
        tx.commit().await?;
        let delivered = self.post.deliver(context, &head, &letters).await?;

        let mut tx = context.begin().await?;
        if delivered == Delivery::Interrupted {
            return Ok(Applied::snoozed(tx, GO_ON_AFTER));
        }
        let Some(state) = digests::state(&mut tx, tenant, digest).await? else {
            return Err(invalid("field digest_id names a mail that the tenant does not have"));
        };
        Ok(Applied::done(tx).with_result(json!({ "digest_id": digest.to_string(), "outcome": state })))
    }
}
