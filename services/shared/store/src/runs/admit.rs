//! Admission: what happens to a run that could be claimed but for a pause, a breaker or a limit. Rare,
//! and one at a time; everything else is claimed in groups without coming here.

use std::time::Duration;

use super::claim::{ClaimOutcome, Claimant, claim_rows};
use crate::error::StoreError;
use crate::limits::Admission;
use crate::outbox::{self, HeldBy};
use crate::{Pool, RunId, TenantId, Tx, breakers, limits, pauses};

/// When somebody else was quicker.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What holds a run back.
struct Held {
    by: HeldBy,
    because: String,
    /// For how long; `None` until somebody lets it go.
    wait: Option<Duration>,
    /// Whether a place or a token was taken before it turned out.
    has_taken: bool,
}

async fn hold(mut tx: Tx, run_id: RunId, held: Held) -> Result<ClaimOutcome, StoreError> {
    outbox::hold(&mut tx, run_id, held.by, &held.because, held.wait).await?;
    tx.commit().await?;
    Ok(ClaimOutcome::Held { because: held.because })
}

/// Claims a run if nothing holds it back, or puts its message into the outbox until that is over.
pub(super) async fn admit(
    pool: &Pool,
    run_id: RunId,
    tenant: Option<TenantId>,
    task: &str,
    claimant: &Claimant<'_>,
) -> Result<ClaimOutcome, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    let limited = match ask(&mut tx, tenant, task, claimant).await? {
        Ok(limited) => limited,
        Err(held) if held.has_taken => {
            // What was taken on the way is given back, and it is asked again by itself: whatever holds the
            // run stays locked until the run is noted as held, so that whoever lifts it sees the run.
            tx.rollback().await?;
            let mut tx = Tx::of_engine(pool).await?;
            let down = breakers::admit(&mut tx, tenant, claimant.needs, claimant.lease).await?;
            let Some((because, wait)) = down else {
                tx.rollback().await?;
                return Ok(ClaimOutcome::Busy { free_in: LOOK_AGAIN });
            };
            return hold(
                tx,
                run_id,
                Held { by: HeldBy::Breaker, because, wait: Some(wait), has_taken: false },
            )
            .await;
        }
        Err(held) => return hold(tx, run_id, held).await,
    };
    let Some(mut claim) = claim_rows(&mut tx, &[run_id.0], claimant, true).await?.pop() else {
        tx.rollback().await?;
        return Ok(ClaimOutcome::Busy { free_in: LOOK_AGAIN });
    };
    if limited && let Some(tenant) = tenant {
        limits::occupy(&mut tx, run_id, tenant, task, claim.attempt).await?;
        claim.limited = true;
    }
    tx.commit().await?;
    Ok(ClaimOutcome::Claimed(Box::new(claim)))
}

/// Whether it is limited, if nothing holds it back.
async fn ask(
    tx: &mut Tx,
    tenant: Option<TenantId>,
    task: &str,
    claimant: &Claimant<'_>,
) -> Result<Result<bool, Held>, StoreError> {
    if let Some((because, wait)) = pauses::holding(tx, tenant, task, claimant.needs).await? {
        return Ok(Err(Held { by: HeldBy::Pause, because, wait, has_taken: false }));
    }
    // Longest one first in line: a place is taken before the one trial of a breaker.
    let mut limited = false;
    if let Some(tenant) = tenant {
        match limits::admit(tx, tenant, task).await? {
            Admission::Unlimited => {}
            Admission::Admitted => limited = true,
            Admission::Held(because, wait) => {
                return Ok(Err(Held { by: HeldBy::Limit, because, wait: Some(wait), has_taken: false }));
            }
        }
    }
    if let Some((because, wait)) = breakers::admit(tx, tenant, claimant.needs, claimant.lease).await? {
        return Ok(Err(Held { by: HeldBy::Breaker, because, wait: Some(wait), has_taken: limited }));
    }
    Ok(Ok(limited))
}
