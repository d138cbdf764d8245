//! A batch of members: its money, its counts, the next batch of its tenant, in one transaction.

use std::ops::ControlFlow;
use std::time::Duration;

use tradeup_domain::{Currency, ErrorCode};
use tradeup_store::batches::BatchCounts;
use tradeup_store::credits::{MemberBatch, apply_singly};
use tradeup_store::runs::{BatchRange, Claim};
use tradeup_store::{ErrorKind, Tx, digests, shadow};
use tradeup_worker::{Applied, Each, RunGroup, TaskContext, TaskError, faultpoint};

use crate::mail::{Delivery, Letterhead, Post};

/// Most batches that share a transaction. A tenant's release window holds eight times as many, so that a large shop has all
/// eight places of a worker.
pub(crate) const TOGETHER_MAX: usize = 8;
/// What is left after an interruption is soon taken up again.
const GO_ON_AFTER: Duration = Duration::from_secs(1);

/// The members of the run's batch.
pub(crate) fn of(claim: &Claim) -> Result<BatchRange, TaskError> {
    claim
        .batch
        // Without a parent there is nobody whose batch would be ended with the run.
        .filter(|_| claim.parent_id.is_some())
        .ok_or_else(|| TaskError::permanent(ErrorCode::InvalidInput, "the run has no batch to execute"))
}

/// Applies the batch, which ends with its run. In shadow it is reckoned, and nothing is booked.
pub(crate) async fn execute<B: MemberBatch>(
    context: &TaskContext,
    batch: &B,
    in_shadow: bool,
) -> Result<Applied, TaskError> {
    let (tx, counts) = if in_shadow {
        let mut tx = context.begin().await?;
        let counts = shadow::reckon(&mut tx, batch).await?;
        (tx, counts)
    } else {
        apply(context, batch).await?
    };
    Ok(Applied::batch(tx, counts))
}

/// Applies batches of one tenant in a transaction of theirs and maybe others', each with its own counts: those that can
/// be read. Whatever hits one of them is found by executing each by itself.
pub(crate) async fn execute_together<I, B: MemberBatch>(
    tx: &mut Tx,
    group: &RunGroup<I>,
    read: impl Fn(&Claim, &I) -> Option<B>,
) -> Result<Vec<Each>, TaskError> {
    let mut batches: Vec<(usize, B)> = Vec::with_capacity(group.runs.len());
    for (place, (claim, input)) in group.runs.iter().enumerate() {
        batches.extend(read(claim, input).map(|batch| (place, batch)));
    }
    // In the order of members, as everybody locks them: what overlaps with another comes by itself.
    batches.sort_by_key(|(_, batch)| batch.scope().range.first);
    let mut last = None;
    batches.retain(|(_, batch)| {
        let range = batch.scope().range;
        let is_behind = last.is_none_or(|last| range.first > last);
        if is_behind {
            last = Some(range.last);
        }
        is_behind
    });
    let (places, batches): (Vec<usize>, Vec<B>) = batches.into_iter().unzip();
    let mut each: Vec<Each> = group.runs.iter().map(|_| Each::Alone).collect();
    let counts = B::apply_together(tx, &batches).await?;
    for (place, counts) in places.into_iter().zip(counts) {
        count::<B>(tx, &counts);
        if let Some(of_this) = each.get_mut(place) {
            *of_this = Each::Batch(counts);
        }
    }
    Ok(each)
}

/// Applies a batch that writes mails down, commits that, since mails follow from it, and sends what its run has not sent yet:
/// the transaction in which to count what became of it, or an end for now, from which another attempt goes on. Done again it
/// does nothing twice.
pub(crate) async fn apply_and_send<B: MemberBatch>(
    context: &TaskContext,
    post: &Post,
    batch: &B,
) -> Result<ControlFlow<Applied, Tx>, TaskError> {
    let (tenant, claim) = (batch.scope().tenant, &context.claim);
    // Nobody gets what they can't be told of, and amounts are fixed once they are written down.
    post.check()?;
    let mut tx = context.begin().await?;
    let head = Letterhead::read(&mut tx, tenant).await?;
    digests::give_up_lost(&mut tx, claim.sender(tenant)).await?;
    tx.commit().await?;

    let (tx, _counts) = apply(context, batch).await?;
    tx.commit().await?;
    faultpoint::reached("batch.applied").await;
    let mut tx = context.begin().await?;
    let letters = digests::pending(&mut tx, tenant, Some(claim.run_id), None).await?;
    tx.rollback().await?;
    let delivered = post.deliver(context, &head, &letters).await?;

    let tx = context.begin().await?;
    Ok(match delivered {
        Delivery::Interrupted => ControlFlow::Break(Applied::snoozed(tx, GO_ON_AFTER)),
        Delivery::Complete => ControlFlow::Continue(tx),
    })
}

/// Applies the batch, in a transaction that is still open.
async fn apply<B: MemberBatch>(context: &TaskContext, batch: &B) -> Result<(Tx, BatchCounts), TaskError> {
    let mut tx = context.begin().await?;
    let counts = match batch.apply(&mut tx, batch.scope().range).await {
        Ok(counts) => counts,
        Err(error) if error.kind() == ErrorKind::Refused => {
            // Somebody's data was refused, and with it the whole statement: find out whose.
            drop(tx);
            tx = context.begin().await?;
            apply_singly(&mut tx, batch).await?
        }
        Err(error) => return Err(error.into()),
    };
    count::<B>(&mut tx, &counts);
    Ok((tx, counts))
}

/// Has the money counted that a batch moves, if it does.
pub(crate) fn count<B: MemberBatch>(tx: &mut Tx, counts: &BatchCounts) {
    let currency = counts.currency.as_deref().and_then(|code| code.parse::<Currency>().ok());
    if let (Some(kind), Some(currency)) = (B::MOVES, currency) {
        let affected = counts.affected.unsigned_abs().into();
        tx.moved(kind, currency.code(), affected, counts.affected_minor.unsigned_abs());
    }
}
