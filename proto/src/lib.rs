//! The messages of TradeUp Jobs: protobuf types, subjects, headers, and the conversions between
//! messages and domain types.
//!
//! Generated types stop at decode: tasks get them from the runner and turn them into domain types
//! with [`convert`]. The `.proto` files change by addition only.

pub mod convert;
pub mod header;
pub mod job_kind;
pub mod json;
pub mod schema;
pub mod subject;

/// Types generated from `proto/tradeup/v1/*.proto`.
#[expect(missing_docs, reason = "the documentation of these types is in the .proto files")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tradeup.v1.rs"));
}

/// The compiled `FileDescriptorSet` of all messages, for tools that show payloads by name.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

pub use convert::ConvertError;
pub use job_kind::JobKind;
pub use prost::{Message, Name};
pub use prost_types::Timestamp;
