//! Client of the Anthropic Messages API: a request in, one whole answer out, or an error that says whether it may have been
//! billed. Answers are streamed and count only once the last event has come.
//!
//! The API has no idempotency key: nothing here repeats a request whose answer may have been made. Wire format:
//! <https://docs.anthropic.com/en/api/messages>.

mod answer;
mod assemble;
mod client;
mod error;
mod limits;
pub mod pace;
pub mod price;
mod raw;
mod request;
mod sse;
mod traced;

pub use answer::{Answer, Block, StopReason, Usage};
pub use client::{Client, ClientOptions, ModelInfo};
pub use error::{Billed, CallError, ClientError};
pub use limits::{Left, RateLimits};
pub use request::{Request, SystemBlock, ToolSpec, Turn, UserBlock};
