//! The streams, as a stranger with a NATS client sees it.

use std::time::{Duration, SystemTime};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::FromConsumer as _;
use async_nats::jetstream::{self, stream::Stream};
use futures::StreamExt as _;

/// The consumer of a month's batches.
pub const BATCHES: &str = "credits-monthly-credits-batch";
/// The consumer of its shops.
pub const SHOPS: &str = "credits-monthly-credits-tenant";

/// A look into the streams, and a hand in them.
pub struct Jobs {
    context: jetstream::Context,
}

impl Jobs {
    /// Connects; several servers of a cluster are separated by commas.
    pub async fn connect(url: &str) -> Self {
        let servers: Vec<async_nats::ServerAddr> = url.split(',').map(|one| one.parse().unwrap()).collect();
        Self { context: jetstream::new(async_nats::connect(servers).await.expect("NATS answers")) }
    }

    async fn stream(&self, name: &str) -> Stream {
        self.context.get_stream(name).await.expect("the stream is there")
    }

    /// Makes a stream refuse more than so many messages, or as many as there may come.
    pub async fn limit(&self, stream: &str, messages_max: Option<i64>) {
        let mut config = self.stream(stream).await.get_info().await.unwrap().config;
        config.max_messages = messages_max.unwrap_or(-1);
        self.context.update_stream(config).await.unwrap();
    }

    /// Number of messages in a stream.
    pub async fn count(&self, stream: &str) -> u64 {
        self.stream(stream).await.get_info().await.unwrap().state.messages
    }

    /// Takes all messages out of a stream.
    pub async fn purge(&self, stream: &str) {
        self.stream(stream).await.purge().await.unwrap();
    }

    /// Number of messages in a stream; `None` if it is not there.
    pub async fn try_count(&self, stream: &str) -> Option<u64> {
        let mut stream = self.context.get_stream(stream).await.ok()?;
        Some(stream.info().await.ok()?.state.messages)
    }

    /// Changes how many bytes a stream takes.
    pub async fn set_bytes_max(&self, stream: &str, bytes: i64) {
        let config = self.stream(stream).await.cached_info().config.clone();
        self.context.update_stream(jetstream::stream::Config { max_bytes: bytes, ..config }).await.unwrap();
    }

    /// Changes how many deliveries of a consumer of JOBS may be unanswered.
    pub async fn bound(&self, consumer: &str, unanswered_max: i64) {
        let stream = self.stream("JOBS").await;
        let mut config = stream.consumer_info(consumer).await.unwrap().config;
        config.max_ack_pending = unanswered_max;
        let config = jetstream::consumer::pull::Config::try_from_consumer_config(config).unwrap();
        stream.update_consumer(config).await.unwrap();
    }

    /// Has a consumer of JOBS deliver nothing until it is let go on: what comes is at hand then.
    pub async fn hold(&self, consumer: &str) {
        // The year 2100.
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
        let held = self.stream("JOBS").await.pause_consumer(consumer, far.into()).await.unwrap();
        assert!(held.paused, "{consumer} is held");
    }

    /// Has such a consumer deliver again.
    pub async fn let_go(&self, consumer: &str) {
        self.stream("JOBS").await.resume_consumer(consumer).await.unwrap();
    }

    /// How many deliveries a consumer of JOBS has made.
    pub async fn delivered(&self, consumer: &str) -> u64 {
        self.stream("JOBS").await.consumer_info(consumer).await.unwrap().delivered.consumer_sequence
    }

    /// Every message in JOBS: subject and body.
    pub async fn all(&self) -> Vec<(String, Vec<u8>)> {
        let stream = self.stream("JOBS").await;
        let state = stream.get_info().await.unwrap().state;
        let mut messages = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            if let Ok(message) = stream.get_raw_message(sequence).await {
                messages.push((message.subject.to_string(), message.payload.to_vec()));
            }
        }
        messages
    }

    /// Publishes a body as it is, without a message id.
    pub async fn publish(&self, subject: &str, body: Vec<u8>) {
        self.context
            .publish(subject.to_owned(), body.into())
            .await
            .unwrap()
            .await
            .expect("the stream stores it");
    }

    /// Publishes an event with these headers. Whether the stream had it already, by its message id.
    pub async fn publish_event(&self, subject: &str, headers: &[(&str, &str)], body: &[u8]) -> bool {
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| map.append(*name, *value));
        let sent = self.context.publish_with_headers(subject.to_owned(), map, body.to_vec().into());
        sent.await.unwrap().await.expect("the stream stores it").duplicate
    }

    /// Events that nobody has answered for: those to come and those under way. By their numbers: the consumer counts what is to
    /// come a moment after the stream has confirmed it.
    pub async fn events_left(&self) -> u64 {
        let mut stream = self.stream("EVENTS").await;
        let last = stream.info().await.unwrap().state.last_sequence;
        let answered = stream.consumer_info("intake").await.unwrap().ack_floor.stream_sequence;
        last.saturating_sub(answered)
    }

    /// Bodies of the messages in a stream whose subject matches, oldest first.
    pub async fn bodies(&self, stream: &str, filter: &str) -> Vec<Vec<u8>> {
        let config =
            jetstream::consumer::pull::Config { filter_subject: filter.to_owned(), ..Default::default() };
        let consumer = self.stream(stream).await.create_consumer(config).await.unwrap();
        let batch = consumer.fetch().max_messages(1000).messages().await.unwrap();
        batch.map(|message| message.unwrap().payload.to_vec()).collect().await
    }
}
