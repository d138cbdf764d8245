//! Names of the headers that every message carries.

/// De-duplication id: the outbox row's id.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Id of the run that the message belongs to.
pub const RUN: &str = "Tradeup-Run";
/// Media type of the body; protobuf unless it says otherwise.
pub const CONTENT_TYPE: &str = "Content-Type";
/// [`CONTENT_TYPE`] of our own messages.
pub const PROTOBUF: &str = "application/protobuf";
/// [`CONTENT_TYPE`] of an event's body; what it is if an event does not say.
pub const JSON: &str = "application/json";
/// Id of an event, as CloudEvents name it. It goes before [`MESSAGE_ID`], which a publisher may need
/// for each try anew.
pub const EVENT_ID: &str = "ce-id";
/// When an event happened (RFC 3339), as CloudEvents name it.
pub const EVENT_TIME: &str = "ce-time";
/// Stable error code of a dead letter.
pub const ERROR_CODE: &str = "Tradeup-Error-Code";
/// The publisher's id of the act that led to an event, which others may share.
pub const ACTION_ID: &str = "Tradeup-Action-Id";
/// Which version of the publisher's API wrote an event's body.
pub const API_VERSION: &str = "Tradeup-Api-Version";
/// [`CONTENT_TYPE`] of an event whose envelope is the body, too (CloudEvents, structured mode).
pub const CLOUD_EVENT: &str = "application/cloudevents+json";
