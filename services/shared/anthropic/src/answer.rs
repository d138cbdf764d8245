//! Answers, whole.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits::RateLimits;

/// One whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The message's id.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// The content array as it goes back with the next request: every field of every block, in the order and the
    /// writing in which it came, also of kinds that are not known here. Texts without any word are left out, since the
    /// API refuses to take them back.
    pub content: Box<RawValue>,
    /// The same, read.
    pub blocks: Vec<Block>,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What it took.
    pub usage: Usage,
    /// The provider's id of the request, for its support.
    pub request_id: Option<String>,
    /// What is left of the account's limits.
    pub limits: RateLimits,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Words.
    Text(String),
    /// A call.
    ToolUse {
        /// What its result refers to.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments; what came of them, if that is no JSON object.
        input: Result<Value, String>,
    },
    /// What the model thought, readable or not.
    Thinking,
    /// A kind that is not known here.
    Other(String),
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It is complete.
    EndTurn,
    /// Its calls are to be made.
    ToolUse,
    /// It was cut at `max_tokens`: none of its calls may be made.
    MaxTokens,
    /// It came to a sequence that was to end it.
    StopSequence,
    /// It is to be sent back as it is, to be gone on with.
    PauseTurn,
    /// The model will not.
    Refusal {
        /// The kind of refusal, if it says.
        category: Option<String>,
    },
    /// It was cut, since the conversation fills the model's window.
    ContextWindowExceeded,
    /// Something else.
    Unknown(String),
}

impl StopReason {
    pub(crate) fn of(reason: &str, category: Option<String>) -> Self {
        match reason {
            "end_turn" => Self::EndTurn,
            "tool_use" => Self::ToolUse,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal { category },
            "model_context_window_exceeded" => Self::ContextWindowExceeded,
            other => Self::Unknown(other.chars().take(80).collect()),
        }
    }

    /// As on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::ToolUse => "tool_use",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::PauseTurn => "pause_turn",
            Self::Refusal { .. } => "refusal",
            Self::ContextWindowExceeded => "model_context_window_exceeded",
            Self::Unknown(reason) => reason,
        }
    }
}

/// Tokens that an answer took. What was read is the sum of the three kinds of input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read, and in no cache.
    pub input_tokens: u64,
    /// Written to the cache, of both kinds.
    pub cache_creation_input_tokens: u64,
    /// Of those, what is kept for an hour.
    pub cache_1h_input_tokens: u64,
    /// Read from the cache.
    pub cache_read_input_tokens: u64,
    /// Written, thoughts included.
    pub output_tokens: u64,
}

impl Usage {
    /// Takes what is told, which is cumulative: what is not told stays.
    pub(crate) fn overwrite(&mut self, told: &Value) {
        let take = |field: &mut u64, told: &Value| *field = told.as_u64().unwrap_or(*field);
        take(&mut self.input_tokens, &told["input_tokens"]);
        take(&mut self.cache_creation_input_tokens, &told["cache_creation_input_tokens"]);
        take(&mut self.cache_read_input_tokens, &told["cache_read_input_tokens"]);
        take(&mut self.output_tokens, &told["output_tokens"]);
        take(&mut self.cache_1h_input_tokens, &told["cache_creation"]["ephemeral_1h_input_tokens"]);
    }
}
