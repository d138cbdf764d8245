//! A batch of members: its money, its counts, the next batch of its tenant, in one transaction.

use tradeup_domain::ErrorCode;
use tradeup_store::batches::{self, BatchCounts};
use tradeup_store::credits::{MemberBatch, apply_singly};
use tradeup_store::runs::{BatchRange, Claim};
use tradeup_store::{ErrorKind, RunId, Tx};
use tradeup_worker::{Applied, TaskContext, TaskError};

/// The members of the run's batch, and its parent.
pub(crate) fn of(claim: &Claim) -> Result<(BatchRange, RunId), TaskError> {
    claim
        .batch
        .zip(claim.parent_id)
        .ok_or_else(|| TaskError::permanent(ErrorCode::InvalidInput, "the run has no batch to execute"))
}

/// Applies the batch and ends its run.
pub(crate) async fn execute<B: MemberBatch>(
    context: &TaskContext,
    parent: RunId,
    batch: &B,
) -> Result<Applied, TaskError> {
    let (mut tx, counts) = apply(context, batch).await?;
    let next = batches::complete(&mut tx, &context.claim, parent, &counts).await?;
    Ok(Applied::ended(tx).publishing(next))
}

/// Applies the batch and commits. Apart from the end of its run, for what has to be committed before something else follows
/// from it; done again it does nothing twice.
pub(crate) async fn apply_apart<B: MemberBatch>(context: &TaskContext, batch: &B) -> Result<(), TaskError> {
    let (tx, _counts) = apply(context, batch).await?;
    Ok(tx.commit().await?)
}

/// Applies the batch, in a transaction that is still open.
async fn apply<B: MemberBatch>(context: &TaskContext, batch: &B) -> Result<(Tx, BatchCounts), TaskError> {
    let mut tx = context.begin().await?;
    match batch.apply(&mut tx, batch.scope().range).await {
        Ok(counts) => Ok((tx, counts)),
        Err(error) if error.kind() == ErrorKind::Refused => {
            // Somebody's data was refused, and with it the whole statement: find out whose.
            drop(tx);
            let mut tx = context.begin().await?;
            let counts = apply_singly(&mut tx, batch).await?;
            Ok((tx, counts))
        }
        Err(error) => Err(error.into()),
    }
}
