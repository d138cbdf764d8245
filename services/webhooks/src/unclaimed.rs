//! Events of shops that no tenant had when they came: taken once one has, or set aside after a while.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_domain::ErrorCode;
use tradeup_store::{StoreError, Tx, events};
use tradeup_worker::Worker;
use tradeup_worker::intake::{Received, set_aside_now, take_now};

use crate::events::Events;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a shop may take until it is known, in minutes (Shopify reference §9.1).
const KEPT_MINUTES: i32 = 15;
/// For taking one.
const TAKE_WITHIN: Duration = Duration::from_secs(15);

/// Looks until `shutdown`.
pub(crate) async fn claim(worker: Worker, events: Events, shutdown: CancellationToken) {
    while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
        loop {
            match claim_next(&worker, &events).await {
                Ok(true) if !shutdown.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!("events whose shop is not known yet can't be looked at: {error}");
                    break;
                }
            }
        }
    }
}

/// Takes the next one or sets it aside. `false` if there is none.
async fn claim_next(worker: &Worker, intake: &Events) -> Result<bool, StoreError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let Some(kept) = events::next_unclaimed(&mut tx, KEPT_MINUTES).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    let event =
        Received { subject: kept.subject, headers: kept.headers, body: kept.body, stored_at: kept.stored_at };
    // In transactions of their own: after a crash in between, the event's row knows that it was taken.
    if kept.is_claimed {
        take_now(worker, intake, &event, TAKE_WITHIN).await?;
    } else {
        let error = "no tenant has this shop: its domain is not known; link it with `tradeup tenant set HANDLE --shop \
                     DOMAIN`, then replay";
        set_aside_now(worker, &event, None, ErrorCode::UnknownShop, error).await?;
    }
    events::remove_unclaimed(&mut tx, kept.id).await?;
    tx.commit().await?;
    Ok(true)
}
