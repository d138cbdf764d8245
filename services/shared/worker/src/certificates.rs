//! Until when trust in the servers holds that this process speaks to: looked at now and then, and told as a metric.
//!
//! What a server shows is what counts: a certificate that was renewed and not read again by the server still ends.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_signals::metrics::outside::CERTIFICATE_ENDS;
pub use tradeup_tls::{Endpoint, Ends, LookError};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(3600);
/// When is looked again, if a server did not say.
const AGAIN: Duration = Duration::from_secs(60);

/// A server by the name that metrics have for it, and where it is; a cluster is several of one name.
pub(crate) type Watched = (&'static str, Endpoint);

/// Asks a server when trust in it ends.
///
/// # Errors
/// [`LookError`].
pub async fn look(server: &Endpoint) -> Result<Ends, LookError> {
    let server = server.clone();
    let looked = tokio::task::spawn_blocking(move || server.look()).await;
    looked.unwrap_or_else(|gone| Err(LookError::Unreached(io::Error::other(gone.to_string()))))
}

/// Looks until it is time to stop.
pub(crate) async fn watch(servers: Vec<Watched>, shutdown: CancellationToken) {
    let mut next = Duration::ZERO;
    while timeout(next, shutdown.cancelled()).await.is_err() {
        next = tokio::select! {
            () = shutdown.cancelled() => return,
            is_known = tell(&servers) => if is_known { EVERY } else { AGAIN },
        };
    }
}

/// Whether every server has said it. What one has said before goes on to be told: it is true until somebody renews it.
async fn tell(servers: &[Watched]) -> bool {
    let mut first: BTreeMap<_, DateTime<Utc>> = BTreeMap::new();
    let mut is_known = true;
    for (server, endpoint) in servers {
        match look(endpoint).await {
            Ok(ends) => {
                for (certificate, at) in [("shown", Some(ends.shown)), ("authority", ends.authority)] {
                    let Some(at) = at else { continue };
                    first
                        .entry([*server, certificate])
                        .and_modify(|known| *known = at.min(*known))
                        .or_insert(at);
                }
            }
            Err(error) => {
                is_known = false;
                tracing::debug!(server, "it is not known until when its certificate holds: {error}");
            }
        }
    }
    for (labels, at) in first {
        CERTIFICATE_ENDS.count(u64::try_from(at.timestamp()).unwrap_or(0), labels);
    }
    is_known
}
