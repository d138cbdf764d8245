//! Connections that are kept for the next mail.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::session::Session;

/// Servers end a connection that says nothing after 5 minutes (RFC 5321 §4.5.3.2.7), some sooner.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Mails on one connection; some servers allow no more than 100.
const MAILS_MAX: u32 = 50;

/// At most so many connections, in use and kept together.
pub(super) struct Pool {
    places: Semaphore,
    kept: Mutex<Vec<(Session, Instant)>>,
}

/// The right to have one connection.
pub(super) struct Place<'a> {
    pool: &'a Pool,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self { places: Semaphore::new(connections), kept: Mutex::new(Vec::new()) }
    }

    /// Waits until a connection may be had.
    pub(super) async fn place(&self) -> Place<'_> {
        // The semaphore is never closed.
        Place { pool: self, _permit: self.places.acquire().await.ok() }
    }

    /// The connection that was kept last, if it is young enough.
    pub(super) fn take(&self) -> Option<Session> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        kept.pop().map(|(session, _)| session)
    }
}

impl Place<'_> {
    /// Keeps a connection for the next mail, if it may have another one.
    pub(super) fn put_back(&self, session: Session) {
        if session.mails() < MAILS_MAX {
            let mut kept = self.pool.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((session, Instant::now()));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.places.available_permits()).finish_non_exhaustive()
    }
}
