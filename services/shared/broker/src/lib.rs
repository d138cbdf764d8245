//! JetStream, the transport: streams and consumers, publishing, pulling, acknowledging.
//!
//! The only crate that knows the NATS client. It carries bytes; what they mean is in `tradeup-proto`
//! and what becomes of them in `tradeup-worker`. A stream can be lost and rebuilt from the database,
//! so nothing here is the record of anything.

mod backlog;
mod connect;
mod control;
mod look;
mod publish;
mod pull;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]
mod rights;
mod topology;

pub use backlog::{Backlog, ConsumerBacklog, StreamFill};
pub use connect::{Broker, ConnectError, endpoints};
pub use control::{ControlError, Kept, Remembered};
pub use look::{ConsumerLook, JobsLook, Look, StreamLook};
pub use publish::{Outgoing, PublishError, Published};
pub use pull::{AckError, Delivery, Pull, PullError};
pub use topology::{Change, Topology, TopologyError};
