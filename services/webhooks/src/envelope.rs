//! What an event says of itself: in headers, or in a CloudEvents envelope around its body.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use tradeup_domain::ErrorCode;
use tradeup_proto::header;
use tradeup_proto::subject::event::EventSubject;
use tradeup_store::TenantRef;
use tradeup_worker::intake::Received;
use uuid::Uuid;

use crate::routes::body::{self, BodyError};
use crate::routes::{Content, Event};

/// Longest id of an event, in characters.
const EVENT_ID_MAX: usize = 200;
/// Longest media type, in characters.
const CONTENT_TYPE_MAX: usize = 200;

/// An event with its envelope opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) event_id: Cow<'a, str>,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) content_type: Cow<'a, str>,
    /// How the body is written, if that is known to us.
    content: Result<Content, String>,
    pub(crate) body: Cow<'a, [u8]>,
    /// The act that led to it, by the publisher's id.
    pub(crate) action_id: Option<&'a str>,
}

/// What is wrong with an envelope. Each names the header or field and the fix, and repeats nothing that was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    /// A header.
    #[error("{0}")]
    Header(String),
    /// A field of an envelope.
    #[error("{0}")]
    Field(String),
}

impl EnvelopeError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Header(_) => ErrorCode::EventHeader,
            Self::Field(_) => ErrorCode::EventBody,
        }
    }
}

impl From<BodyError> for EnvelopeError {
    fn from(error: BodyError) -> Self {
        Self::Field(error.to_string())
    }
}

/// An event without an id.
pub(crate) fn no_id() -> String {
    format!(
        "header {} is missing; give each event an id that stays the same when it is sent again (or {}, which goes before it)",
        header::MESSAGE_ID,
        header::EVENT_ID
    )
}

/// CloudEvents 1.0 in JSON, "structured mode". Attributes of others' extensions are passed over.
#[derive(Deserialize)]
#[serde(expecting = "a CloudEvents envelope: an object with specversion, id, source, type and data")]
struct Envelope<'a> {
    specversion: Cow<'a, str>,
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(rename = "source")]
    _source: Cow<'a, str>,
    time: Option<Cow<'a, str>>,
    datacontenttype: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<Cow<'a, str>>,
}

impl<'a> Opened<'a> {
    /// Reads headers and envelope of an event of this topic.
    pub(crate) fn of(received: &'a Received, topic: &str) -> Result<Self, EnvelopeError> {
        let media_type = received.header(header::CONTENT_TYPE).unwrap_or(header::JSON);
        if !short(media_type, CONTENT_TYPE_MAX) {
            return Err(EnvelopeError::Header(format!(
                "header {} is no media type; give {} or {}",
                header::CONTENT_TYPE,
                header::JSON,
                header::PROTOBUF
            )));
        }
        let name = media_type.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case(header::CLOUD_EVENT) {
            return Self::of_envelope(received, topic);
        }
        let event_id = received
            .event_id()
            .filter(|id| !id.trim().is_empty())
            .ok_or_else(|| EnvelopeError::Header(no_id()))?;
        if !short(event_id, EVENT_ID_MAX) {
            return Err(EnvelopeError::Header(format!(
                "the id in header {} or {} is too long or has control characters; give 1 to {EVENT_ID_MAX} characters",
                header::EVENT_ID,
                header::MESSAGE_ID
            )));
        }
        let occurred_at = match received.header(header::EVENT_TIME) {
            None => received.stored_at,
            Some(text) => instant(text).ok_or_else(|| {
                EnvelopeError::Header(format!(
                    "header {} is no instant; write it like 2026-11-01T06:00:00Z, or leave it out",
                    header::EVENT_TIME
                ))
            })?,
        };
        Ok(Self {
            event_id: event_id.into(),
            occurred_at,
            content_type: media_type.into(),
            content: Content::of(media_type),
            body: Cow::Borrowed(&received.body),
            action_id: received.header(header::ACTION_ID).filter(|id| short(id, EVENT_ID_MAX)),
        })
    }

    fn of_envelope(received: &'a Received, topic: &str) -> Result<Self, EnvelopeError> {
        let envelope: Envelope<'a> = body::json(&received.body)?;
        let wrong = |text: &str| Err(EnvelopeError::Field(text.to_owned()));
        if envelope.specversion != "1.0" {
            return wrong("field specversion is not 1.0, the version of CloudEvents that is understood");
        }
        if !short(&envelope.id, EVENT_ID_MAX) || envelope.id.trim().is_empty() {
            return wrong(
                "field id is no id; give 1 to 200 characters that stay the same when it is sent again",
            );
        }
        if envelope.kind != topic {
            return wrong(
                "field type is another topic than the subject or path names; let both say the same",
            );
        }
        let occurred_at = match envelope.time.as_deref() {
            None => received.stored_at,
            Some(text) => match instant(text) {
                Some(at) => at,
                None => {
                    return wrong(
                        "field time is no instant; write it like 2026-11-01T06:00:00Z, or leave it out",
                    );
                }
            },
        };
        let content_type = envelope.datacontenttype.unwrap_or(Cow::Borrowed(header::JSON));
        if !short(&content_type, CONTENT_TYPE_MAX) {
            return wrong(
                "field datacontenttype is no media type; give application/json or application/protobuf",
            );
        }
        let body = match (envelope.data, envelope.data_base64) {
            (Some(data), None) => Cow::Borrowed(data.get().as_bytes()),
            (None, Some(packed)) => match STANDARD.decode(packed.as_bytes()) {
                Ok(bytes) => Cow::Owned(bytes),
                Err(_given) => return wrong("field data_base64 is not base64"),
            },
            (None, None) => return wrong("field data is missing; give the event's body, or data_base64"),
            (Some(_), Some(_)) => {
                return wrong("fields data and data_base64 are both there; give one of them");
            }
        };
        let content = Content::of(&content_type);
        Ok(Self { event_id: envelope.id, occurred_at, content_type, content, body, action_id: None })
    }

    /// The event, for the route of its topic.
    pub(crate) fn event<'e>(
        &'e self,
        tenant: &'e TenantRef,
        subject: &'e EventSubject,
        stored_at: DateTime<Utc>,
    ) -> Event<'e> {
        Event {
            row: Uuid::now_v7(),
            tenant,
            source: &subject.source,
            topic: &subject.topic,
            id: &self.event_id,
            // What is said to happen later than it was said happens now.
            due: self.occurred_at.min(stored_at),
            content: self.content.clone(),
            body: &self.body,
        }
    }
}

fn short(text: &str, max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests;
