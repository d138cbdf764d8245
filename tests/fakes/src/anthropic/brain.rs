//! Who thinks of the answers. The server keeps the wire; a [`Brain`] only says what is in an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;

/// Says what the model answers.
///
/// It is asked only about requests that the server has found right: a brain need not look for orphaned results, unknown
/// models or empty texts. It must be a pure function of the request as far as it can: a request that is sent again after
/// a lost answer should be answered alike, since that is what lets tests compare a disturbed run with a quiet one. The
/// server mints the ids of messages and calls, counts tokens and cuts what is longer than `max_tokens`.
pub trait Brain: Send + Sync + 'static {
    /// The answer to the body of a `POST /v1/messages`. [`Asked`] helps to read it.
    fn answer(&self, request: &Value) -> Reply;

    /// Ids of models that only this brain has, which the server then lists and serves besides the real ones
    /// (`offline-script-1`).
    fn models(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<F: Fn(&Value) -> Reply + Send + Sync + 'static> Brain for F {
    fn answer(&self, request: &Value) -> Reply {
        self(request)
    }
}

/// An answer: its content, why it ends, and what goes wrong with it on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The content, in order.
    #[serde(default)]
    pub content: Vec<Content>,
    /// The stop reason as it is sent. `None`: `tool_use` if there is a call among the content, or else `end_turn`.
    #[serde(default)]
    pub stop_reason: Option<String>,
    /// What goes wrong, besides what the server was told itself.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Set when nobody knows an answer: the server answers 500 and keeps this text, so that a test can fail by it.
    #[serde(default)]
    pub unmatched: Option<String>,
}

/// A block of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Text.
    Text {
        /// It.
        text: String,
    },
    /// A call of a tool.
    ToolUse {
        /// The tool's name.
        name: String,
        /// The arguments; an object.
        input: Value,
        /// `None`: the server makes one up. Set it only to do something wrong.
        #[serde(default)]
        id: Option<String>,
    },
    /// Thinking, with a signature that the server makes.
    Thinking {
        /// The text; it is empty where the model hides what it thinks.
        thinking: String,
    },
    /// Any other block, sent as it is in `content_block_start` (`redacted_thinking`, a type nobody knows).
    Other {
        /// The whole block with its `type`.
        block: Value,
    },
}

impl Reply {
    /// One text; the turn ends.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and_text(text)
    }

    /// One call of a tool.
    #[must_use]
    pub fn call(name: impl Into<String>, input: Value) -> Self {
        Self::default().and_call(name, input)
    }

    /// Some calls in parallel.
    #[must_use]
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Value)>) -> Self {
        calls.into_iter().fold(Self::default(), |reply, (name, input)| reply.and_call(name, input))
    }

    /// Nobody knows an answer; the text says why.
    #[must_use]
    pub fn unmatched(why: impl Into<String>) -> Self {
        Self { unmatched: Some(why.into()), ..Self::default() }
    }

    /// With a text at the end.
    #[must_use]
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.and(Content::Text { text: text.into() })
    }

    /// With a call at the end.
    #[must_use]
    pub fn and_call(self, name: impl Into<String>, input: Value) -> Self {
        self.and(Content::ToolUse { name: name.into(), input, id: None })
    }

    /// With a thinking block at the end.
    #[must_use]
    pub fn and_thinking(self, thinking: impl Into<String>) -> Self {
        self.and(Content::Thinking { thinking: thinking.into() })
    }

    /// With any block at the end.
    #[must_use]
    pub fn and(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }

    /// Ends for another reason than its content would have it.
    #[must_use]
    pub fn stopping(mut self, reason: impl Into<String>) -> Self {
        self.stop_reason = Some(reason.into());
        self
    }

    /// With something that goes wrong.
    #[must_use]
    pub fn faulty(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}

/// A request's body, as a brain reads it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a>(pub &'a Value);

/// A result that the newest message brings.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call's id.
    pub tool_use_id: String,
    /// The name of the tool that was called.
    pub name: String,
    /// The arguments it was called with.
    pub input: Value,
    /// What the tool said; text blocks are joined.
    pub content: String,
    /// Whether it failed.
    pub is_error: bool,
}

impl<'a> Asked<'a> {
    /// The model's id.
    #[must_use]
    pub fn model(self) -> &'a str {
        self.0["model"].as_str().unwrap_or_default()
    }

    /// The system prompt; blocks are joined by line ends.
    #[must_use]
    pub fn system(self) -> String {
        text_of(&self.0["system"])
    }

    /// The names of the tools that are offered, in order.
    #[must_use]
    pub fn tools(self) -> Vec<&'a str> {
        items(&self.0["tools"]).iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    /// Whether this tool is offered.
    #[must_use]
    pub fn offers(self, name: &str) -> bool {
        self.tools().contains(&name)
    }

    /// Which answer of the conversation is asked for: 0 is the first.
    #[must_use]
    pub fn turn(self) -> usize {
        self.messages().iter().filter(|message| message["role"] == "assistant").count()
    }

    /// All messages.
    #[must_use]
    pub fn messages(self) -> &'a [Value] {
        items(&self.0["messages"])
    }

    /// The text of the first message: the task.
    #[must_use]
    pub fn task(self) -> String {
        self.messages().first().map(|message| text_of(&message["content"])).unwrap_or_default()
    }

    /// The text of the newest message, without results.
    #[must_use]
    pub fn newest_text(self) -> String {
        self.messages().last().map(|message| text_of(&message["content"])).unwrap_or_default()
    }

    /// The results in the newest message, with the calls they answer.
    #[must_use]
    pub fn newest_results(self) -> Vec<ToolResult> {
        let messages = self.messages();
        results_at(messages, messages.len().saturating_sub(1))
    }

    /// All results of the conversation, oldest first.
    #[must_use]
    pub fn results(self) -> Vec<ToolResult> {
        let messages = self.messages();
        (0..messages.len()).flat_map(|at| results_at(messages, at)).collect()
    }
}

fn results_at(messages: &[Value], at: usize) -> Vec<ToolResult> {
    let Some(message) = messages.get(at) else { return Vec::new() };
    let calls = at.checked_sub(1).and_then(|before| messages.get(before)).map(|before| &before["content"]);
    let result = |block: &Value| {
        let id = block["tool_use_id"].as_str()?;
        let call = calls.into_iter().flat_map(items).find(|call| call["id"] == id)?;
        Some(ToolResult {
            tool_use_id: id.to_owned(),
            name: call["name"].as_str()?.to_owned(),
            input: call["input"].clone(),
            content: text_of(&block["content"]),
            is_error: block["is_error"] == true,
        })
    };
    items(&message["content"])
        .iter()
        .filter(|block| block["type"] == "tool_result")
        .filter_map(result)
        .collect()
}

/// The elements of an array; none of anything else.
fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text, or the texts among blocks.
fn text_of(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let texts: Vec<&str> = items(value).iter().filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}
