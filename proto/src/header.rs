//! Names of the headers that every message carries.

/// De-duplication id: the outbox row's id.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Id of the run that the message belongs to.
pub const RUN: &str = "Tradeup-Run";
/// Media type of the body; protobuf unless it says otherwise.
pub const CONTENT_TYPE: &str = "Content-Type";
/// [`CONTENT_TYPE`] of our own messages.
pub const PROTOBUF: &str = "application/protobuf";
/// Stable error code of a dead letter.
pub const ERROR_CODE: &str = "Tradeup-Error-Code";
