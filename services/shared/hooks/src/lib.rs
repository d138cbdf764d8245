//! Webhooks that we send: a shop's own endpoints are told what happens to its members' credit.
//!
//! [`body`] makes what is told; [`Sender::send`] signs and posts it to an [`EndpointUrl`], as often as
//! [`schedule`] says, under one id. Signatures, headers and body are those of Standard Webhooks 1.0.0. Whoever
//! calls keeps the messages and counts the tries.
//!
//! The address is a stranger's, and this process stands within a private network: nothing is ever sent to an
//! address that is not public ([`address`]), whatever its name resolves to, now or later.

pub mod address;
mod endpoint;
mod event;
pub mod schedule;
mod send;

pub use endpoint::{EndpointUrl, InvalidEndpointUrl, Reach, URL_LEN_MAX};
pub use event::{EventType, UnknownEventType, body};
pub use send::{
    ANSWER_LEN_MAX, Accepted, Lookup, LookupFuture, Outgoing, SendError, Sender, Settings, SetupError, Step,
    SystemLookup,
};
