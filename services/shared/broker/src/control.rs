//! What the broker remembers for the engine: the latest message on each subject of CONTROL.

use std::future::IntoFuture as _;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use tradeup_proto::header;
use uuid::Uuid;

use crate::Broker;
use crate::topology::CONTROL;

/// What is remembered on a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The body.
    pub body: Bytes,
    /// Its place in the stream, by which it is replaced.
    pub sequence: u64,
    /// When it was stored, by the broker's clock: milliseconds since 1970.
    pub stored_ms: i64,
}

/// What became of a message that was to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is what is remembered now.
    Yes,
    /// What was to be replaced is not the latest any more: somebody else was quicker.
    Overtaken,
}

/// NATS could not be asked, or its answer did not come: for what was to be kept, the outcome is unknown.
#[derive(Debug, thiserror::Error)]
#[error("the stream {CONTROL}: {reason}")]
pub struct ControlError {
    reason: String,
}

fn fail(error: impl std::fmt::Display) -> ControlError {
    ControlError { reason: error.to_string() }
}

impl Broker {
    /// What is remembered on a subject; `None` if nothing is, or the stream is gone.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn remembered(&self, subject: &str) -> Result<Option<Remembered>, ControlError> {
        let stream = self.jetstream.get_stream_no_info(CONTROL).await.map_err(fail)?;
        // By the stream's leader: a follower may lag behind.
        match stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(Remembered {
                sequence: message.sequence,
                stored_ms: message.time.unix_timestamp() * 1000 + i64::from(message.time.millisecond()),
                body: message.payload,
            })),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(fail(error)),
            },
        }
    }

    /// Remembers `body` in the place of `replaces`, if that is still the latest; `None` if nothing was
    /// remembered. Returns when it is stored.
    ///
    /// # Errors
    /// [`ControlError`]; the outcome is unknown.
    pub async fn remember(
        &self,
        subject: &str,
        body: Bytes,
        message_id: Uuid,
        replaces: Option<&Remembered>,
    ) -> Result<Kept, ControlError> {
        let publish = PublishMessage::build()
            .payload(body)
            .message_id(message_id.to_string())
            .header(header::CONTENT_TYPE, header::PROTOBUF)
            .expected_last_subject_sequence(replaces.map_or(0, |remembered| remembered.sequence));
        let sent = self.jetstream.send_publish(subject.to_owned(), publish).await.map_err(fail)?;
        match sent.into_future().await {
            Ok(_stored) => Ok(Kept::Yes),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Kept::Overtaken),
            Err(error) => Err(fail(error)),
        }
    }
}
