//! Keeping what comes by HTTP before it is answered: in the stream, or while NATS is down as the event's row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;
use tracing::Instrument as _;
use tradeup_signals::trace;
use tradeup_store::StoreError;
use tradeup_worker::intake::{Received, Taken, take_now};
use tradeup_worker::{Outgoing, Worker};

use uuid::Uuid;

use crate::events::Events;

/// The stream has this long to say that it has an event; then the event's row is written.
const STREAM_WITHIN: Duration = Duration::from_millis(1_500);
/// The database has this long.
const ROW_WITHIN: Duration = Duration::from_secs(2);
/// After the stream did not answer, nobody else waits for it for this long.
const AVOID_STREAM: Duration = Duration::from_secs(2);
/// Larger bodies do not fit into the stream with their headers; its messages have 256 KiB at most.
const STREAM_BYTES_MAX: usize = 240 * 1024;
/// Keeps message ids of events apart from any other use of such ids.
const EVENT_IDS: Uuid = Uuid::from_u128(0x5f0b_8f1e_52d6_4a0b_9a53_1c0c_6f7f_2d11);

/// Where an event is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// In the stream, which knew it already or not.
    Stream,
    /// As its row.
    Row,
    /// As a dead letter, which says why.
    SetAside,
}

/// Keeps events.
#[derive(Clone)]
pub(super) struct Keeper {
    worker: Worker,
    events: Events,
    begun: Instant,
    /// Milliseconds since `begun` until which the stream is avoided.
    avoid_until_ms: Arc<AtomicU64>,
}

impl Keeper {
    pub(super) fn new(worker: Worker, events: Events) -> Self {
        Self { worker, events, begun: Instant::now(), avoid_until_ms: Arc::default() }
    }

    /// Keeps an event, once for each `identity` as far as the stream remembers; the database does for ever.
    ///
    /// # Errors
    /// [`StoreError`] if it is kept nowhere; or nobody knows: whoever sent it sends it again.
    pub(super) async fn keep(&self, event: Received, identity: &str) -> Result<Kept, StoreError> {
        if event.body.len() <= STREAM_BYTES_MAX && self.stream_is_there() {
            if self.publish(&event, identity).await {
                return Ok(Kept::Stream);
            }
            let until = self.begun.elapsed() + AVOID_STREAM;
            let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
            self.avoid_until_ms.store(until, Ordering::Relaxed);
        }
        match take_now(&self.worker, &self.events, &event, ROW_WITHIN).await? {
            Taken::Recorded => Ok(Kept::Row),
            Taken::SetAside(_said) => Ok(Kept::SetAside),
        }
    }

    fn stream_is_there(&self) -> bool {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.worker.broker().is_connected() && now >= self.avoid_until_ms.load(Ordering::Relaxed)
    }

    async fn publish(&self, event: &Received, identity: &str) -> bool {
        let outgoing = Outgoing {
            subject: event.subject.clone(),
            message_id: Uuid::new_v5(&EVENT_IDS, identity.as_bytes()),
            run_id: None,
            error_code: None,
            headers: Some(event.headers.clone()),
            traceparent: None,
            body: Bytes::copy_from_slice(&event.body),
        };
        let stored = async { self.worker.broker().publish(outgoing).await?.stored().await };
        let stored = stored.instrument(trace::sending("EVENTS"));
        match timeout(STREAM_WITHIN, stored).await {
            Ok(Ok(_duplicate)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "an event is written to the database, since the stream did not take it");
                false
            }
            Err(_elapsed) => {
                tracing::warn!("an event is written to the database, since the stream does not answer");
                false
            }
        }
    }
}
