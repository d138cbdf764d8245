//! Pulling jobs and events, and answering for them.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{MessagesErrorKind, Stream};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;
use tradeup_proto::JobKind;
use tradeup_proto::subject::Lane;

use crate::{Broker, topology};

/// The server says it is there this often while nothing is to be delivered.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A pull request lives this long before it is renewed.
const EXPIRES: Duration = Duration::from_secs(30);

/// After this long without a delivery the consumer is looked for: a pull whose consumer is gone waits
/// without an error.
const SILENCE: Duration = Duration::from_secs(5);

/// The stream of deliveries of one consumer.
pub struct Pull {
    messages: Stream,
    broker: Broker,
    stream: &'static str,
    consumer: String,
    /// The server knows of no request of ours, while the client takes one to be open.
    is_forgotten: bool,
}

/// Why nothing can be pulled.
#[derive(Debug, thiserror::Error)]
#[error("pulling {consumer}: {reason}")]
pub struct PullError {
    consumer: String,
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
        self.open(topology::JOBS, topology::consumer_name(kind, lane), messages_max).await
    }

    /// Opens the consumer of events, asking for at most `messages_max` at a time.
    ///
    /// # Errors
    /// [`PullError`] when the consumer does not exist or NATS can't be reached.
    pub async fn pull_events(&self, messages_max: usize) -> Result<Pull, PullError> {
        self.open(topology::EVENTS, topology::INTAKE.to_owned(), messages_max).await
    }

    async fn open(&self, stream: &'static str, name: String, messages_max: usize) -> Result<Pull, PullError> {
        let fail = |reason: String| PullError { consumer: name.clone(), reason };
        let consumer: PullConsumer = self
            .jetstream
            .get_consumer_from_stream(name.as_str(), stream)
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
        Ok(Pull { messages, broker: self.clone(), stream, consumer: name, is_forgotten: false })
    }
}

impl Pull {
    /// The next delivery. `None` when it has to be opened again: the consumer, or its stream, is gone, or the server does not
    /// know any more that something was asked of it.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match timeout(SILENCE, self.next_told()).await {
                Ok(next) => {
                    if self.is_forgotten {
                        tracing::info!(consumer = self.consumer, "consumer {} is asked anew", self.consumer);
                    }
                    return next;
                }
                Err(_silence) if self.is_gone().await => {
                    tracing::warn!(consumer = self.consumer, "consumer {} is gone", self.consumer);
                    return None;
                }
                Err(_silence) => {}
            }
        }
    }

    /// The next delivery. `None` when NATS says that the consumer is gone, or nothing of what was asked.
    async fn next_told(&mut self) -> Option<Delivery> {
        while !self.is_forgotten {
            match self.messages.next().await? {
                Ok(message) => return Some(Delivery { message }),
                // An open request is answered by heartbeats. The client counts what it has asked for and not got, and counts too much
                // when messages come before it knows that its request was sent: it may wait, for half a minute, for what
                // nobody owes it. Without a connection it asks anew by itself.
                Err(error)
                    if error.kind() == MessagesErrorKind::MissingHeartbeat && self.broker.is_connected() =>
                {
                    self.is_forgotten = true;
                }
                // The iterator recovers by itself.
                Err(error) => tracing::debug!(%error, "pulling"),
            }
        }
        None
    }

    /// Whether the consumer, or its stream, is known not to exist. `false` when nobody answers.
    async fn is_gone(&self) -> bool {
        let stream = self.broker.jetstream.get_stream_no_info(self.stream).await;
        let Ok(stream) = stream else { return false };
        stream.consumer_info(&self.consumer).await.is_err_and(|error| topology::is_absent(&error))
    }

    /// A delivery that is here already, without waiting.
    pub fn next_at_hand(&mut self) -> Option<Delivery> {
        self.next_told().now_or_never().flatten()
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

    /// The message's headers: name and value, in the order of their names.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = self
            .message
            .headers
            .iter()
            .flat_map(|headers| headers.iter())
            .flat_map(|(name, values)| values.iter().map(move |value| (name.to_string(), value.to_string())))
            .collect();
        headers.sort();
        headers
    }

    /// When the stream stored the message: the same at each delivery.
    #[must_use]
    pub fn stored_at(&self) -> Option<SystemTime> {
        self.message.info().ok().map(|info| SystemTime::from(info.published))
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
