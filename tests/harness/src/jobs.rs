//! The JOBS stream, as a stranger with a NATS client sees it.

use async_nats::jetstream::{self, stream::Stream};
use futures::StreamExt as _;

/// A look into JOBS, and a hand in it.
pub struct Jobs {
    context: jetstream::Context,
}

impl Jobs {
    /// Connects.
    pub async fn connect(url: &str) -> Self {
        Self { context: jetstream::new(async_nats::connect(url).await.expect("NATS answers")) }
    }

    async fn stream(&self, name: &str) -> Stream {
        self.context.get_stream(name).await.expect("the stream is there")
    }

    /// Number of messages in a stream.
    pub async fn count(&self, stream: &str) -> u64 {
        self.stream(stream).await.get_info().await.unwrap().state.messages
    }

    /// Changes how many bytes a stream takes.
    pub async fn set_bytes_max(&self, stream: &str, bytes: i64) {
        let config = self.stream(stream).await.cached_info().config.clone();
        self.context.update_stream(jetstream::stream::Config { max_bytes: bytes, ..config }).await.unwrap();
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

    /// Bodies of the messages in a stream whose subject matches, oldest first.
    pub async fn bodies(&self, stream: &str, filter: &str) -> Vec<Vec<u8>> {
        let config =
            jetstream::consumer::pull::Config { filter_subject: filter.to_owned(), ..Default::default() };
        let consumer = self.stream(stream).await.create_consumer(config).await.unwrap();
        let batch = consumer.fetch().max_messages(1000).messages().await.unwrap();
        batch.map(|message| message.unwrap().payload.to_vec()).collect().await
    }
}
