//! Ends a service that can do nothing any more, so that its supervisor starts it anew.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_store::{Pool, pool};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(10);
/// So many looks in a row.
const WEDGED_MAX: u32 = 12;

/// Returns when the pool has been wedged for two minutes, or at shutdown: whether it was the former.
///
/// Connections that a network device has forgotten are not noticed by TCP for a quarter of an hour, and
/// each keeps its place in the pool for as long. A database that is down is another matter: it is waited
/// for.
pub(crate) async fn until_wedged(connections: Pool, shutdown: CancellationToken) -> bool {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wedged = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return false,
            _ = every.tick() => {}
        }
        wedged = if pool::is_wedged(&connections).await { wedged + 1 } else { 0 };
        if wedged >= WEDGED_MAX {
            tracing::error!("connections to PostgreSQL hang although it answers; ending");
            shutdown.cancel();
            return true;
        }
    }
}
