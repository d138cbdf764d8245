//! Pulling jobs and answering for them.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Stream;
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tradeup_proto::JobKind;
use tradeup_proto::subject::Lane;

use crate::{Broker, topology};

/// The server says it is there this often while nothing is to be delivered.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A pull request lives this long before it is renewed.
const EXPIRES: Duration = Duration::from_secs(30);

/// The stream of deliveries of one job kind.
pub struct Pull {
    messages: Stream,
}

/// Why nothing can be pulled.
#[derive(Debug, thiserror::Error)]
#[error("pulling {task}: {reason}")]
pub struct PullError {
    task: &'static str,
    reason: String,
}

/// A message that was delivered to us, to be answered for.
#[derive(Debug)]
pub struct Delivery {
    message: async_nats::jetstream::Message,
}

/// An answer that could not be sent; the message comes again after the consumer's wait.
#[derive(Debug, thiserror::Error)]
#[error("answering for a delivery: {0}")]
pub struct AckError(String);

impl Broker {
    /// Opens the consumer of `kind` and `lane`, asking for at most `messages_max` at a time.
    ///
    /// # Errors
    /// [`PullError`] when the consumer does not exist or NATS can't be reached.
    pub async fn pull(&self, kind: JobKind, lane: Lane, messages_max: usize) -> Result<Pull, PullError> {
        let fail = |reason: String| PullError { task: kind.task, reason };
        let consumer: PullConsumer = self
            .jetstream
            .get_consumer_from_stream(topology::consumer_name(kind, lane), topology::JOBS)
            .await
            .map_err(|error| fail(error.to_string()))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(messages_max)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages()
            .await
            .map_err(|error| fail(error.to_string()))?;
        Ok(Pull { messages })
    }

    /// Whether the consumer of `kind` and `lane`, or its stream, is known not to exist. `false` when nobody
    /// answers.
    pub async fn lacks_consumer(&self, kind: JobKind, lane: Lane) -> bool {
        let Ok(stream) = self.jetstream.get_stream_no_info(topology::JOBS).await else { return false };
        match stream.consumer_info(topology::consumer_name(kind, lane)).await {
            Ok(_) => false,
            Err(error) => topology::is_absent(&error),
        }
    }
}

impl Pull {
    /// The next delivery. `None` when the consumer is gone and has to be opened again.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.messages.next().await? {
                Ok(message) => return Some(Delivery { message }),
                // The iterator recovers by itself.
                Err(error) => tracing::debug!(%error, "pulling"),
            }
        }
    }

    /// A delivery that is here already, without waiting.
    pub fn next_at_hand(&mut self) -> Option<Delivery> {
        self.next().now_or_never().flatten()
    }
}

impl Delivery {
    /// The message's subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// The message's body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.message.payload
    }

    /// How often the message was delivered, this time included.
    #[must_use]
    pub fn delivered(&self) -> i64 {
        self.message.info().map_or(1, |info| info.delivered)
    }

    /// It is done: remove it.
    ///
    /// # Errors
    /// [`AckError`].
    pub async fn ack(&self) -> Result<(), AckError> {
        self.answer(AckKind::Ack).await
    }

    /// Deliver it again after `wait`.
    ///
    /// # Errors
    /// [`AckError`].
    pub async fn nak(&self, wait: Duration) -> Result<(), AckError> {
        self.answer(AckKind::Nak(Some(wait))).await
    }

    /// Still at it: do not deliver it to others yet.
    ///
    /// # Errors
    /// [`AckError`].
    pub async fn progress(&self) -> Result<(), AckError> {
        self.answer(AckKind::Progress).await
    }

    async fn answer(&self, kind: AckKind) -> Result<(), AckError> {
        self.message.ack_with(kind).await.map_err(|error| AckError(error.to_string()))
    }
}
