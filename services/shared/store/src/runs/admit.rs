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
        Err(held) => {
            // What was taken on the way here is given back.
            tx.rollback().await?;
            let mut tx = Tx::of_engine(pool).await?;
            outbox::hold(&mut tx, run_id, held.by, &held.because, held.wait).await?;
            tx.commit().await?;
            return Ok(ClaimOutcome::Held { because: held.because });
        }
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
        return Ok(Err(Held { by: HeldBy::Pause, because, wait }));
    }
    // Longest one first in line: a place is taken before the one trial of a breaker.
    let mut limited = false;
    if let Some(tenant) = tenant {
        match limits::admit(tx, tenant, task).await? {
            Admission::Unlimited => {}
            Admission::Admitted => limited = true,
            Admission::Held(because, wait) => {
                return Ok(Err(Held { by: HeldBy::Limit, because, wait: Some(wait) }));
            }
        }
    }
    if let Some((because, wait)) = breakers::admit(tx, tenant, claimant.needs, claimant.lease).await? {
        return Ok(Err(Held { by: HeldBy::Breaker, because, wait: Some(wait) }));
    }
    Ok(Ok(limited))
}
