//! An answer put together from the events of its stream. What is unknown is kept, and what is cut is no answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Block, StopReason, Usage, UsageWire};
use crate::error::CallError;
use crate::limits::RateLimits;

#[derive(Deserialize)]
struct ErrorWire {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
}

/// What an error says, wherever it is: in a body or within a stream.
#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    error: ErrorWire,
    request_id: Option<String>,
}

impl ErrorBody {
    pub(crate) fn into_parts(self) -> (String, String, Option<String>) {
        (self.error.kind, self.error.message, self.request_id)
    }
}

/// A block that is being told.
#[derive(Debug, Default)]
struct Open {
    fields: Map<String, Value>,
    /// The pieces of a call's arguments: together they are JSON, each alone is none.
    input: String,
}

/// The answer so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    id: String,
    model: String,
    usage: Usage,
    blocks: BTreeMap<u64, Open>,
    stop_reason: Option<StopReason>,
    stopped: bool,
}

impl Assembly {
    /// Takes the data of an event. `true` once the answer is whole.
    pub(crate) fn take(&mut self, data: &str) -> Result<bool, CallError> {
        let unreadable = |why: &str| CallError::Unreadable { what: why.to_owned(), request_id: None };
        let event: Value = serde_json::from_str(data).map_err(|_why| unreadable("an event is no JSON"))?;
        let index =
            || event["index"].as_u64().ok_or_else(|| unreadable("an event of a block does not say which"));
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.start(&event["message"]),
            "content_block_start" => {
                let fields = event["content_block"].as_object().cloned().unwrap_or_default();
                self.blocks.insert(index()?, Open { fields, input: String::new() });
            }
            "content_block_delta" => {
                let block = self.blocks.get_mut(&index()?);
                block
                    .ok_or_else(|| unreadable("a piece of a block that has not begun"))?
                    .take(&event["delta"]);
            }
            "message_delta" => {
                if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                    let category = event["delta"]["stop_details"]["category"].as_str().map(str::to_owned);
                    self.stop_reason = Some(StopReason::of(reason, category));
                }
                self.overwrite(&event["usage"]);
            }
            "message_stop" => self.stopped = true,
            "error" => {
                let (kind, message, request_id) = match serde_json::from_value::<ErrorBody>(event) {
                    Ok(body) => body.into_parts(),
                    Err(_unlike) => (String::new(), String::new(), None),
                };
                return Err(CallError::InStream { kind, message, request_id });
            }
            // `content_block_stop` may be missing, `ping` says nothing, and there may be events that nobody knows yet.
            _ => {}
        }
        Ok(self.stopped)
    }

    /// Takes an answer that came in one piece.
    pub(crate) fn take_whole(&mut self, body: &str) -> Result<(), CallError> {
        let unreadable =
            || CallError::Unreadable { what: "the answer is no message".to_owned(), request_id: None };
        let message: Value = serde_json::from_str(body).map_err(|_why| unreadable())?;
        let content = message["content"].as_array().ok_or_else(unreadable)?;
        self.start(&message);
        for (index, block) in (0..).zip(content) {
            let fields = block.as_object().cloned().unwrap_or_default();
            self.blocks.insert(index, Open { fields, input: String::new() });
        }
        let category = message["stop_details"]["category"].as_str().map(str::to_owned);
        self.stop_reason = message["stop_reason"].as_str().map(|reason| StopReason::of(reason, category));
        self.stopped = true;
        Ok(())
    }

    fn start(&mut self, message: &Value) {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        (self.id, self.model) = (text("id"), text("model"));
        self.overwrite(&message["usage"]);
    }

    fn overwrite(&mut self, usage: &Value) {
        if let Ok(told) = serde_json::from_value::<UsageWire>(usage.clone()) {
            self.usage.overwrite(&told);
        }
    }

    /// The whole answer.
    pub(crate) fn finish(self, request_id: Option<String>, limits: RateLimits) -> Result<Answer, CallError> {
        if !self.stopped {
            return Err(CallError::Cut { request_id });
        }
        let Some(stop_reason) = self.stop_reason else {
            return Err(CallError::Unreadable {
                what: "the answer does not say why it ended".to_owned(),
                request_id,
            });
        };
        let mut kept = Vec::new();
        let mut blocks = Vec::new();
        for open in self.blocks.into_values() {
            let (block, value) = open.close();
            if !matches!(&block, Block::Text(text) if text.trim().is_empty()) {
                kept.push(value);
                blocks.push(block);
            }
        }
        let content = serde_json::value::to_raw_value(&kept).map_err(|_never| CallError::Unreadable {
            what: "the answer can't be written".to_owned(),
            request_id: request_id.clone(),
        })?;
        let (id, model, usage) = (self.id, self.model, self.usage);
        Ok(Answer { id, model, content, blocks, stop_reason, usage, request_id, limits })
    }
}

impl Open {
    fn take(&mut self, delta: &Value) {
        let append = |fields: &mut Map<String, Value>, name: &str, more: &Value| {
            let mut text = fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            text.push_str(more.as_str().unwrap_or_default());
            fields.insert(name.to_owned(), Value::String(text));
        };
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => append(&mut self.fields, "text", &delta["text"]),
            "thinking_delta" => append(&mut self.fields, "thinking", &delta["thinking"]),
            "signature_delta" => append(&mut self.fields, "signature", &delta["signature"]),
            "input_json_delta" => self.input.push_str(delta["partial_json"].as_str().unwrap_or_default()),
            "citations_delta" => {
                let citations = self.fields.entry("citations").or_insert_with(|| json!([]));
                if let Some(list) = citations.as_array_mut() {
                    list.push(delta["citation"].clone());
                } else {
                    *citations = json!([delta["citation"]]);
                }
            }
            _ => {}
        }
    }

    /// The block, read, and as it goes back.
    fn close(mut self) -> (Block, Value) {
        let text = |fields: &Map<String, Value>, name: &str| {
            fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let kind = text(&self.fields, "type");
        let block = match kind.as_str() {
            "text" => Block::Text(text(&self.fields, "text")),
            "tool_use" => {
                let input = self.arguments();
                // It goes back as an object whatever came: the API takes nothing else.
                let sent = input.clone().unwrap_or_else(|_broken| json!({}));
                self.fields.insert("input".to_owned(), sent);
                Block::ToolUse { id: text(&self.fields, "id"), name: text(&self.fields, "name"), input }
            }
            "thinking" | "redacted_thinking" => Block::Thinking,
            _ => Block::Other(kind),
        };
        (block, Value::Object(self.fields))
    }

    /// A call's arguments: told in pieces, or at once; none at all are an empty object.
    fn arguments(&self) -> Result<Value, String> {
        if self.input.is_empty() {
            return Ok(self
                .fields
                .get("input")
                .filter(|input| input.is_object())
                .cloned()
                .unwrap_or_else(|| json!({})));
        }
        match serde_json::from_str::<Value>(&self.input) {
            Ok(input) if input.is_object() => Ok(input),
            _ => Err(self.input.clone()),
        }
    }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
