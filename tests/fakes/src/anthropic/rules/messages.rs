//! Messages: who speaks, and what is in them.

use serde_json::{Map, Value};

use super::{Checked, Known, blocks, invalid, only, require};
use crate::anthropic::profile::Profile;

/// The most messages of a request.
const MESSAGES_MAX: usize = 100_000;

pub(super) fn check(body: &Map<String, Value>, profile: &Profile, known: &Known<'_>) -> Checked {
    let Some(value) = body.get("messages") else { return Err(invalid("messages: Field required")) };
    let Some(messages) = value.as_array() else {
        return Err(invalid("messages: Input should be a valid list"));
    };
    require(!messages.is_empty(), || "messages: at least one message is required".to_owned())?;
    require(messages.len() <= MESSAGES_MAX, || "messages: too many messages".to_owned())?;
    let mut before = None;
    for (at, message) in messages.iter().enumerate() {
        let path = format!("messages.{at}");
        let Some(fields) = message.as_object() else {
            return Err(invalid(format!("{path}: Input should be a valid dictionary")));
        };
        only(fields, &["role", "content"], &path)?;
        let role = role(fields, &path)?;
        if at == 0 {
            require(role == "user", || "messages: first message must use the \"user\" role".to_owned())?;
        }
        require(before != Some(role), || {
            format!(
                "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"{role}\" \
                 roles in a row"
            )
        })?;
        before = Some(role);
        let is_last = at + 1 == messages.len();
        content(&message["content"], role, at, is_last && role == "assistant", known)?;
    }
    if let Some(last) = messages.last().filter(|last| last["role"] == "assistant") {
        prefill(&last["content"], profile)?;
    }
    thinking_first(body, messages)
}

fn role<'a>(fields: &'a Map<String, Value>, path: &str) -> Result<&'a str, super::Refusal> {
    match fields.get("role").and_then(Value::as_str) {
        Some(role @ ("user" | "assistant")) => Ok(role),
        Some("system") => Err(invalid(
            "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
             \"system\" as an input message role.",
        )),
        _ => Err(invalid(format!("{path}.role: Input should be 'user' or 'assistant'"))),
    }
}

fn content(content: &Value, role: &str, at: usize, may_be_empty: bool, known: &Known<'_>) -> Checked {
    let path = format!("messages.{at}");
    let nothing = || {
        format!(
            "{path}: all messages must have non-empty content except for the optional final assistant message"
        )
    };
    let found = match content {
        Value::String(text) => {
            require(!text.is_empty() || may_be_empty, nothing)?;
            return require(text.is_empty() || !text.trim().is_empty(), || {
                "messages: text content blocks must contain non-whitespace text".to_owned()
            });
        }
        Value::Array(found) => found,
        Value::Null => return Err(invalid(format!("{path}.content: Field required"))),
        _ => return Err(invalid(format!("{path}.content: Input should be a valid string or list"))),
    };
    require(!found.is_empty() || may_be_empty, nothing)?;
    let is_known = role == "assistant" && known(content);
    for (number, block) in found.iter().enumerate() {
        let path = format!("{path}.content.{number}");
        require(block.is_object(), || format!("{path}: Input should be a valid dictionary"))?;
        let kind = block["type"].as_str().unwrap_or_default();
        match (role, kind) {
            (_, "text") => blocks::text(block, &path, "messages", is_known)?,
            ("user", "tool_result") => blocks::tool_result(block, &path)?,
            ("assistant", "tool_use") => blocks::tool_use(block, &path, is_known)?,
            ("assistant", "thinking" | "redacted_thinking") => blocks::thinking(block, &path, is_known)?,
            (_, "tool_use") => {
                return Err(invalid(format!(
                    "{path}: `tool_use` blocks can only be in `assistant` messages"
                )));
            }
            (_, "tool_result") => {
                return Err(invalid(format!("{path}: `tool_result` blocks can only be in `user` messages")));
            }
            // What the model itself has said in a kind of block that is newer than its client.
            ("assistant", _) if is_known => {}
            _ => {
                return Err(invalid(format!(
                    "{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
                )));
            }
        }
    }
    Ok(())
}

/// The last message is the assistant's: its text is to be continued.
fn prefill(content: &Value, profile: &Profile) -> Checked {
    require(!profile.is_modern, || {
        "This model does not support assistant message prefill. The conversation must end with a user message.".to_owned()
    })?;
    let text = match content {
        Value::Array(blocks) => blocks.last().and_then(|block| block["text"].as_str()),
        content => content.as_str(),
    };
    require(text.is_none_or(|text| text.trim_end() == text), || {
        "messages: final assistant content cannot end with trailing whitespace".to_owned()
    })
}

/// Within a loop of tools, an assistant that thinks by a budget has its thoughts first.
fn thinking_first(body: &Map<String, Value>, messages: &[Value]) -> Checked {
    if body.get("thinking").is_none_or(|thinking| thinking["type"] != "enabled") {
        return Ok(());
    }
    let last = messages.iter().rposition(|message| message["role"] == "assistant");
    let Some(first) = last.and_then(|at| messages[at]["content"].as_array()?.first()) else { return Ok(()) };
    let kind = first["type"].as_str().unwrap_or_default();
    require(kind == "thinking" || kind == "redacted_thinking", || {
        format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When \
             `thinking` is enabled, a final `assistant` message must start with a thinking block.",
            last.unwrap_or_default()
        )
    })
}
