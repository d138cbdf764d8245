//! What was asked, what of it is paid for, and what was refused.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{Fault, Point};

/// What the stand-in has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Requests for messages that have come.
    pub arrived: u64,
    /// Requests that were accepted, and so are paid for, whatever became of their answers; in order.
    pub accepted: Vec<Entry>,
    /// Requests that were not.
    pub refused: Vec<Refused>,
    /// Requests that no brain knew an answer to.
    pub unmatched: Vec<Unmatched>,
    /// Requests that stay where they are until they are released.
    pub held: Vec<Held>,
    /// Requests to count tokens.
    pub counted: u64,
    /// Requests about models.
    pub looked: u64,
}

/// A request that is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; 0 is the first.
    pub seq: u64,
    /// `request-id`.
    pub request_id: String,
    /// The id of the answer.
    pub message_id: String,
    /// The model's id.
    pub model: String,
    /// Which agent asks: `orchestrator`, `insights`, `engagement`, or `other`.
    pub role: String,
    /// Which answer of its conversation it asks for; 0 is the first.
    pub turn: usize,
    /// The tools it offers.
    pub tools: Vec<String>,
    /// SHA-256 of the first message, in hexadecimal digits: what goes on in one conversation has it in common.
    pub conversation: String,
    /// SHA-256 of the body as it came, in hexadecimal digits.
    pub body_sha256: String,
    /// What it costs.
    pub usage: Usage,
    /// Why the answer ends.
    pub stop_reason: String,
    /// Whether its history is what was asked and answered before, with something added. It need not be for the API, but
    /// every cache is lost where it is not.
    pub is_continued: bool,
    /// What went wrong as it was told to.
    pub faults: Vec<Fault>,
    /// What became of the answer.
    pub end: End,
}

/// What a request costs, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read anew.
    pub input_tokens: u64,
    /// Written to the cache for 5 minutes or an hour.
    pub cache_creation_input_tokens: u64,
    /// Of that for an hour.
    pub cache_creation_1h_input_tokens: u64,
    /// Read from the cache.
    pub cache_read_input_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It is on its way.
    Open,
    /// All of it was handed to the network.
    Whole,
    /// The stand-in broke it, as it was told to.
    Broken,
    /// The client went away.
    Abandoned,
}

/// A request that is not paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// `request-id`.
    pub request_id: String,
    /// The HTTP status; 0 if the connection was closed.
    pub status: u16,
    /// `error.type`.
    pub kind: String,
    /// `error.message`.
    pub message: String,
    /// Which agent asked.
    pub role: String,
    /// SHA-256 of the body, in hexadecimal digits.
    pub body_sha256: String,
    /// Whether it was refused because a test had said so, and not because of what it is.
    pub is_told: bool,
}

/// A request that no brain knew an answer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Why.
    pub why: String,
    /// Its body.
    pub body: Value,
}

/// A request that stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its number among those that were held; 0 is the first.
    pub id: u64,
    /// Where.
    pub at: Point,
    /// Which agent asked.
    pub role: String,
    /// Which answer of its conversation it asks for.
    pub turn: usize,
}

impl Ledger {
    /// How many requests are paid for.
    #[must_use]
    pub fn billed(&self) -> usize {
        self.accepted.len()
    }

    /// The paid requests of an agent.
    #[must_use]
    pub fn of_role(&self, role: &str) -> Vec<&Entry> {
        self.accepted.iter().filter(|entry| entry.role == role).collect()
    }

    /// All that is paid for, in tokens.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.accepted.iter().fold(Usage::default(), |sum, entry| sum.plus(entry.usage))
    }

    /// How often something was paid for twice: accepted requests with a body that was accepted before.
    #[must_use]
    pub fn repeated(&self) -> usize {
        let mut bodies: Vec<&str> = self.accepted.iter().map(|entry| entry.body_sha256.as_str()).collect();
        bodies.sort_unstable();
        let all = bodies.len();
        bodies.dedup();
        all - bodies.len()
    }

    /// What should make a test fail: requests that broke a rule, or that no brain knew.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let broken = self.refused.iter().filter(|refused| !refused.is_told);
        let mut lines: Vec<String> = broken
            .map(|refused| {
                format!("{}: {} {}: {}", refused.role, refused.status, refused.kind, refused.message)
            })
            .collect();
        lines.extend(self.unmatched.iter().map(|unmatched| format!("unmatched: {}", unmatched.why)));
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens + other.input_tokens,
            cache_creation_input_tokens: self.cache_creation_input_tokens + other.cache_creation_input_tokens,
            cache_creation_1h_input_tokens: self.cache_creation_1h_input_tokens
                + other.cache_creation_1h_input_tokens,
            cache_read_input_tokens: self.cache_read_input_tokens + other.cache_read_input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
        }
    }

    /// The size of the prompt.
    #[must_use]
    pub fn prompt(self) -> u64 {
        self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens
    }
}
