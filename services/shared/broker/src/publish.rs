//! Publishing, with an acknowledgement that counts.

use std::future::IntoFuture;
use std::time::Instant;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use tradeup_proto::header;
use tradeup_signals::metrics::messages::PUBLISH_SECONDS;
use tradeup_signals::trace;
use uuid::Uuid;

use crate::Broker;

/// A message to be published.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Subject.
    pub subject: String,
    /// De-duplication id.
    pub message_id: Uuid,
    /// Run that it belongs to.
    pub run_id: Option<Uuid>,
    /// Error code, for dead letters.
    pub error_code: Option<String>,
    /// Headers of a message that is sent again as it was received, in the place of ours.
    pub headers: Option<Vec<(String, String)>>,
    /// The trace that it belongs to, if it is not the one in which it is published.
    pub traceparent: Option<String>,
    /// Body, protobuf if headers do not say otherwise.
    pub body: Bytes,
}

/// A message that is on its way; resolves when the stream has stored it.
pub struct Published {
    ack: PublishAckFuture,
    sent: Instant,
}

/// Why a message is not known to be stored. It may be all the same, or will be when it is sent again.
#[derive(Debug, thiserror::Error)]
#[error("publishing: {reason}")]
pub struct PublishError {
    reason: String,
}

fn error(source: &async_nats::jetstream::context::PublishError) -> PublishError {
    PublishError { reason: source.to_string() }
}

impl Broker {
    /// Sends a message. It is stored when the returned [`Published`] says so; many may be under way.
    ///
    /// # Errors
    /// [`PublishError`]; the outcome is unknown: send it again under its id.
    pub async fn publish(&self, message: Outgoing) -> Result<Published, PublishError> {
        let sent = Instant::now();
        let headers = header_map(message.headers);
        let is_untraced = headers.get(trace::TRACEPARENT).is_none();
        let mut publish = PublishMessage::build()
            .payload(message.body)
            .headers(headers)
            .message_id(message.message_id.to_string());
        if let Some(run_id) = message.run_id {
            publish = publish.header(header::RUN, run_id.to_string().as_str());
        }
        // Header values with a line break would panic as plain text.
        if let Some(code) = message.error_code.and_then(|code| code.parse::<HeaderValue>().ok()) {
            publish = publish.header(header::ERROR_CODE, code);
        }
        // What is sent again as it was received has its own.
        if let Some(parent) = message.traceparent.or_else(trace::current)
            && is_untraced
        {
            publish = publish.header(trace::TRACEPARENT, parent.as_str());
        }
        match self.jetstream.send_publish(message.subject, publish).await {
            Ok(ack) => Ok(Published { ack, sent }),
            Err(source) => {
                PUBLISH_SECONDS.took(sent.elapsed(), ["failed"]);
                Err(error(&source))
            }
        }
    }
}

impl Broker {
    /// Tells whoever listens; nobody has to. Not awaited, not kept if it can't be sent.
    pub async fn publish_live(&self, subject: String, body: Bytes) {
        if let Err(error) = self.jetstream.client().publish(subject, body).await {
            tracing::debug!(%error, "nobody is told");
        }
    }
}

/// The headers of a message: those that it had, or ours. What can't stand in a header is left out.
fn header_map(headers: Option<Vec<(String, String)>>) -> HeaderMap {
    let mut map = HeaderMap::new();
    let Some(headers) = headers else {
        map.insert(header::CONTENT_TYPE, header::PROTOBUF);
        return map;
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            map.append(name, value);
        }
    }
    map
}

impl Published {
    /// Waits until the stream has stored the message. `true` if it had it already.
    ///
    /// # Errors
    /// [`PublishError`]; the outcome is unknown.
    pub async fn stored(self) -> Result<bool, PublishError> {
        let answer = self.ack.into_future().await;
        let outcome = match &answer {
            Ok(ack) if ack.duplicate => "duplicate",
            Ok(_stored) => "stored",
            Err(_unknown) => "failed",
        };
        PUBLISH_SECONDS.took(self.sent.elapsed(), [outcome]);
        answer.map(|ack| ack.duplicate).map_err(|source| error(&source))
    }
}
