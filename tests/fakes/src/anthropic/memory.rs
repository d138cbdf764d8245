//! What was answered, to know it again when it is sent back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ids::{Hash, canonical, hash};
use super::profile::Profile;
use super::rules::{Checked, invalid};

/// All answers so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What an assistant has said, and in which conversation.
    contents: BTreeSet<Hash>,
    /// The models whose thoughts these are.
    thoughts: BTreeMap<Hash, String>,
    calls: BTreeSet<String>,
    /// What was asked, with the answer.
    histories: BTreeSet<Hash>,
    /// How often bodies came.
    bodies: BTreeMap<Hash, u64>,
}

impl Memory {
    /// How often this body was accepted before; counts it.
    pub(super) fn occurrence(&mut self, body: &[u8]) -> u64 {
        let count = self.bodies.entry(hash(&[body])).or_default();
        *count += 1;
        *count - 1
    }

    /// Keeps what is answered to a request. Content that can't be sent back is not kept.
    pub(super) fn keep(&mut self, request: &Value, model: &str, content: &Value) {
        let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
        self.contents.insert(said(request, content));
        for block in blocks {
            if is_thought(block) {
                self.thoughts.insert(hash(&[canonical(block).as_bytes()]), model.to_owned());
            }
            if let Some(id) = block["id"].as_str() {
                self.calls.insert(id.to_owned());
            }
        }
        let answer = json!({ "role": "assistant", "content": content });
        self.histories.insert(history(request, messages(request).iter().chain([&answer])));
    }

    /// Whether this content was said in the conversation of this request.
    pub(super) fn has_said(&self, request: &Value, content: &Value) -> bool {
        self.contents.contains(&said(request, content))
    }

    /// Whether a request adds to what was asked and answered before, and changes nothing of it.
    pub(super) fn is_continued(&self, request: &Value) -> bool {
        let messages = messages(request);
        let Some(last) = messages.iter().rposition(|message| message["role"] == "assistant") else {
            return true;
        };
        self.histories.contains(&history(request, messages.iter().take(last + 1)))
    }

    /// Whether all that the assistant is said to have said was said, unchanged.
    pub(super) fn check(&self, request: &Value, profile: &Profile) -> Checked {
        for (at, message) in messages(request).iter().enumerate() {
            if message["role"] != "assistant" {
                continue;
            }
            let content = &message["content"];
            let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
            for (number, block) in blocks.iter().enumerate() {
                self.check_block(block, &format!("messages.{at}.content.{number}"), profile)?;
            }
            if !self.has_said(request, content) {
                return Err(invalid(format!(
                    "messages.{at}: this is not what was answered in this conversation, or it was changed"
                )));
            }
        }
        Ok(())
    }

    fn check_block(&self, block: &Value, path: &str, profile: &Profile) -> Checked {
        if is_thought(block) {
            let Some(model) = self.thoughts.get(&hash(&[canonical(block).as_bytes()])) else {
                return Err(invalid(format!(
                    "{path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be \
                     modified. These blocks must remain as they were in the original response."
                )));
            };
            if profile.is_modern && *model != profile.id {
                return Err(invalid(format!("{path}: Invalid `signature` in `thinking` block")));
            }
        }
        match block["id"].as_str() {
            Some(id) if block["type"] == "tool_use" && !self.calls.contains(id) => {
                Err(invalid(format!("{path}.tool_use.id: no answer had a call with the id {id}")))
            }
            _ => Ok(()),
        }
    }
}

fn is_thought(block: &Value) -> bool {
    block["type"] == "thinking" || block["type"] == "redacted_thinking"
}

fn messages(request: &Value) -> &[Value] {
    request["messages"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The first message of a conversation, which all its requests have in common.
pub(super) fn conversation(request: &Value) -> Hash {
    hash(&[normal(messages(request).first().unwrap_or(&Value::Null)).as_bytes()])
}

fn said(request: &Value, content: &Value) -> Hash {
    let message = json!({ "role": "assistant", "content": content });
    hash(&[&conversation(request), normal(&message).as_bytes()])
}

fn history<'a>(request: &Value, messages: impl Iterator<Item = &'a Value>) -> Hash {
    let mut parts =
        vec![canonical(&request["model"]), canonical(&request["tools"]), canonical(&request["system"])];
    parts.extend(messages.map(normal));
    hash(&parts.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// A message as text: a text alone is the same as a block of it, and what an assistant has said without a word counts for
/// nothing, since it is not taken back.
fn normal(message: &Value) -> String {
    let alone = message["content"].as_str().map(|text| vec![json!({ "type": "text", "text": text })]);
    let mut blocks = alone.or_else(|| message["content"].as_array().cloned()).unwrap_or_default();
    if message["role"] == "assistant" {
        blocks.retain(|block| {
            block["type"] != "text" || block["text"].as_str().is_none_or(|text| !text.trim().is_empty())
        });
    }
    canonical(&json!({ "role": message["role"], "content": blocks }))
}
