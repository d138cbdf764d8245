//! Pulling jobs and events, and answering for them.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::{StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use tradeup_proto::JobKind;
use tradeup_proto::subject::Lane;

use crate::{Broker, topology};

/// The server says that it knows of a request this often while nothing is to be delivered.
const HEARTBEAT: Duration = Duration::from_millis(2500);
/// After this long without a word the server knows of no request of ours: two heartbeats are missing.
const SILENCE: Duration = Duration::from_secs(5);
/// A pull request lives this long before the server ends it and it is made anew.
const EXPIRES: Duration = Duration::from_secs(30);

/// Says with a status how many messages of a request were not delivered.
const UNDELIVERED: &str = "Nats-Pending-Messages";

/// The deliveries of one consumer, as they are asked for.
///
/// More is asked for as soon as half of what was asked is here, so that the next is on its way while this is worked on. The
/// client's own stream (async-nats 0.51) is not used: its clock for missing heartbeats goes on while nobody looks, so that a worker
/// whose places are all taken for a while would open it anew for nothing; and it counts what it has asked for when it is told that its
/// request was sent, not when it asks.
pub struct Pull {
    broker: Broker,
    consumer: PullConsumer,
    name: String,
    messages_max: usize,
    messages: Subscriber,
    inbox: Subject,
    /// What the server owes us: asked for, and neither here nor ended.
    owed: usize,
    /// Changes with each connection: what was asked goes with the one before.
    connections: watch::Receiver<()>,
    /// Why nothing more will come, as it was heard between two waits.
    ended: Option<String>,
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

/// What the server says of a pull.
#[expect(clippy::large_enum_variant, reason = "passed on at once and never kept")]
enum Told {
    /// A message.
    Delivery(Delivery),
    /// That it is there, or that a request is over.
    Nothing,
    /// That nothing more will come.
    End(String),
}

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
        // Before the first word to the server: a connection that comes after that is seen.
        let connections = self.connections();
        let consumer: PullConsumer = self
            .jetstream
            .get_consumer_from_stream(name.as_str(), stream)
            .await
            .map_err(|error| fail(error.to_string()))?;
        let client = self.jetstream.client();
        let inbox = Subject::from(client.new_inbox());
        let messages = client.subscribe(inbox.clone()).await.map_err(|error| fail(error.to_string()))?;
        let broker = self.clone();
        Ok(Pull { broker, consumer, name, messages_max, messages, inbox, owed: 0, connections, ended: None })
    }
}

impl Pull {
    /// The next delivery. `None` when it has to be opened again: the consumer, or its stream, is gone, or the server knows
    /// nothing of what was asked.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.wait().await {
                Told::Delivery(delivery) => return Some(delivery),
                Told::Nothing => {}
                Told::End(reason) => {
                    tracing::warn!(consumer = self.name, reason, "consumer {} is opened again", self.name);
                    return None;
                }
            }
        }
    }

    /// A delivery that is here already, without waiting.
    pub fn next_at_hand(&mut self) -> Option<Delivery> {
        loop {
            // What can't be sent now is sent by whoever waits next, who hears what is wrong too.
            let _asked = self.ask().now_or_never();
            match self.at_hand()? {
                Told::Delivery(delivery) => return Some(delivery),
                Told::Nothing => {}
                Told::End(reason) => {
                    self.ended = Some(reason);
                    return None;
                }
            }
        }
    }

    /// Ends it. What is here and was not taken, to be handed back.
    #[must_use]
    pub fn close(mut self) -> Vec<Delivery> {
        let mut left = Vec::new();
        while let Some(told) = self.at_hand() {
            if let Told::Delivery(delivery) = told {
                left.push(delivery);
            }
        }
        left
    }

    /// Waits for what the server says next.
    async fn wait(&mut self) -> Told {
        if let Some(reason) = self.ended.take() {
            return Told::End(reason);
        }
        if let Err(reason) = self.ask().await {
            return Told::End(reason);
        }
        let message = tokio::select! {
            biased;
            message = timeout(SILENCE, self.messages.next()) => message,
            // If the server still knows of what was asked, more than is counted comes: never less, for which nobody would ask.
            Ok(()) = self.connections.changed() => {
                self.owed = 0;
                return Told::Nothing;
            }
        };
        match message {
            Ok(Some(message)) => self.told(message),
            Ok(None) => Told::End("the connection is closed".to_owned()),
            // A new connection is waited for.
            Err(_silence) if !self.broker.is_connected() => Told::Nothing,
            Err(_silence) => Told::End(format!("nothing was heard of it for {} s", SILENCE.as_secs())),
        }
    }

    /// Asks for more once half of what was asked is here.
    async fn ask(&mut self) -> Result<(), String> {
        if self.owed > self.messages_max / 2 {
            return Ok(());
        }
        let batch = self.messages_max;
        let request =
            BatchConfig { batch, expires: Some(EXPIRES), idle_heartbeat: HEARTBEAT, ..Default::default() };
        let asked = self.consumer.request_batch(request, self.inbox.clone()).await;
        asked.map_err(|error| error.to_string())?;
        // Nothing of it was read before this: only we read.
        self.owed += batch;
        Ok(())
    }

    fn at_hand(&mut self) -> Option<Told> {
        let message = self.messages.next().now_or_never().flatten()?;
        Some(self.told(message))
    }

    /// Reads what the server says, and counts it.
    fn told(&mut self, message: async_nats::Message) -> Told {
        let undelivered = || {
            let headers = message.headers.as_ref()?;
            headers.get(UNDELIVERED)?.as_str().parse::<usize>().ok()
        };
        match message.status {
            None | Some(StatusCode::OK) => {
                self.owed = self.owed.saturating_sub(1);
                let context = self.broker.jetstream.clone();
                Told::Delivery(Delivery { message: async_nats::jetstream::Message { message, context } })
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Told::Nothing,
            // Expired, or ended by the server, with what is left of it.
            Some(status) => match undelivered() {
                Some(left) => {
                    self.owed = self.owed.saturating_sub(left);
                    Told::Nothing
                }
                None => Told::End(match message.description {
                    Some(description) => format!("NATS says {status}, {description}"),
                    None => format!("NATS says {status}"),
                }),
            },
        }
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

    /// A header's value, the first of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.message.headers.as_ref()?.get(name).map(ToString::to_string)
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
