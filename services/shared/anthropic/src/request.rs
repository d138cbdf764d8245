//! Requests. Their bytes are a function of what is in them, since they are the key of the provider's cache.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// One request: the whole conversation so far.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model's id.
    pub model: String,
    /// The most tokens that the answer may have.
    pub max_tokens: u32,
    /// What the model is told of itself.
    pub system: Vec<SystemBlock>,
    /// What it may call. Sent in the order of their names.
    pub tools: Vec<ToolSpec>,
    /// The conversation, beginning and ending with the user.
    pub messages: Vec<Turn>,
    /// An opaque id of whom it is for; never personal data.
    pub user: Option<String>,
}

/// A part of what the model is told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemBlock {
    /// The text.
    pub text: String,
    /// Whether the provider is to cache everything up to here: it takes two such marks besides those of messages.
    pub cached: bool,
}

/// A tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it is for, for the model.
    pub description: String,
    /// JSON schema of its arguments.
    pub input_schema: Value,
    /// Whether the provider is to keep the model to the schema.
    pub strict: bool,
}

/// A message.
#[derive(Clone, Debug)]
pub enum Turn {
    /// What the host says.
    User(Vec<UserBlock>),
    /// An answer, as it came: its content array byte for byte.
    Assistant(Box<RawValue>),
}

/// A part of what the host says. Results come before texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserBlock {
    /// A text, not empty.
    Text(String),
    /// What a call came to.
    ToolResult {
        /// The call.
        tool_use_id: String,
        /// The result.
        content: String,
        /// Whether it says what was wrong.
        is_error: bool,
    },
}

#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
}

const EPHEMERAL: CacheControl = CacheControl { r#type: "ephemeral" };

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Text<'a>>,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Message<'a> {
    User { role: &'static str, content: Vec<Content<'a>> },
    Assistant { role: &'static str, content: &'a RawValue },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Text<'a>),
    Result(ToolResult<'a>),
}

#[derive(Serialize)]
struct ToolResult<'a> {
    r#type: &'static str,
    tool_use_id: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl Request {
    /// The body, as it is sent.
    ///
    /// # Errors
    /// None in practice: everything in it can be written as JSON.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Body {
            max_tokens: Some(self.max_tokens),
            stream: Some(true),
            metadata: self.user.as_deref().map(|user_id| Metadata { user_id }),
            ..self.counted()
        })
    }

    /// The body that asks how many tokens it has.
    pub(crate) fn counting_body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.counted())
    }

    /// SHA-256 of the body: what was asked, without what it says.
    ///
    /// # Errors
    /// As [`Self::body`].
    pub fn sha256(&self) -> Result<[u8; 32], serde_json::Error> {
        Ok(Sha256::digest(self.body()?).into())
    }

    fn counted(&self) -> Body<'_> {
        let mut tools: Vec<Tool<'_>> = self.tools.iter().map(tool).collect();
        tools.sort_by(|a, b| a.name.cmp(b.name));
        let system = self.system.iter().map(|block| Text {
            r#type: "text",
            text: &block.text,
            cache_control: block.cached.then_some(EPHEMERAL),
        });
        let mut messages: Vec<Message<'_>> = self.messages.iter().map(message).collect();
        // The next request begins with all of this one. It looks for what was cached no more than 20 blocks back, which a
        // turn with many calls has: so the end of the request before is marked, too.
        let of_user = messages.iter_mut().rev().filter_map(|message| match message {
            Message::User { content, .. } => content.last_mut(),
            Message::Assistant { .. } => None,
        });
        for last in of_user.take(2) {
            match last {
                // The API refuses a mark on nothing.
                Content::Text(text) => {
                    text.cache_control = (!text.text.trim().is_empty()).then_some(EPHEMERAL);
                }
                Content::Result(result) => result.cache_control = Some(EPHEMERAL),
            }
        }
        Body {
            model: &self.model,
            max_tokens: None,
            stream: None,
            metadata: None,
            tools,
            system: system.collect(),
            messages,
        }
    }
}

fn tool(spec: &ToolSpec) -> Tool<'_> {
    let ToolSpec { name, description, input_schema, strict } = spec;
    Tool { name, description, input_schema, strict: *strict }
}

fn message(turn: &Turn) -> Message<'_> {
    match turn {
        Turn::Assistant(content) => Message::Assistant { role: "assistant", content },
        Turn::User(blocks) => Message::User { role: "user", content: blocks.iter().map(content).collect() },
    }
}

fn content(block: &UserBlock) -> Content<'_> {
    match block {
        UserBlock::Text(text) => Content::Text(Text { r#type: "text", text, cache_control: None }),
        UserBlock::ToolResult { tool_use_id, content, is_error } => Content::Result(ToolResult {
            r#type: "tool_result",
            tool_use_id,
            content,
            is_error: *is_error,
            cache_control: None,
        }),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
