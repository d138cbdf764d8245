//! An answer put together from the events of its stream. What is unknown is kept, and what is cut is no answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answer::{Answer, Block, StopReason, Usage};
use crate::error::{CallError, Told};
use crate::limits::RateLimits;
use crate::raw::{Fields, inside, mended, said};

/// An event. All but its kind is read only once it is known what it is.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// A block that is being told.
#[derive(Debug, Default)]
struct Open {
    fields: Fields,
    /// Texts that come in pieces, by the field: the insides of their strings, joined. The pieces of a call's arguments are
    /// JSON together, each alone is none.
    pieces: BTreeMap<String, String>,
    citations: Vec<String>,
}

/// The answer so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    begun: bool,
    id: String,
    model: String,
    usage: Usage,
    /// Whether it was told how much was read, and how much was written.
    counted: (bool, bool),
    blocks: BTreeMap<u64, Open>,
    stop_reason: Option<StopReason>,
    stopped: bool,
}

/// The name of the pieces of a call's arguments.
const INPUT: &str = "input";

impl Assembly {
    /// Takes the data of an event. `true` once the answer is whole.
    pub(crate) fn take(&mut self, data: &str) -> Result<bool, CallError> {
        let event: Event<'_> =
            serde_json::from_str(data).map_err(|_why| unreadable("an event can't be read"))?;
        match event.kind.as_str() {
            "message_start" => {
                let message: Value = value(event.message);
                self.start(&message)?;
            }
            "content_block_start" => {
                self.has_begun()?;
                let open = Open::of(event.content_block)?;
                if self.blocks.insert(event.index()?, open).is_some() {
                    return Err(unreadable("a block begins twice"));
                }
            }
            "content_block_delta" => {
                let block = self.blocks.get_mut(&event.index()?);
                let block = block.ok_or_else(|| unreadable("a piece of a block that has not begun"))?;
                block.take(fields(event.delta)?);
            }
            "message_delta" => {
                self.has_begun()?;
                self.ends(&value(event.delta));
                self.overwrite(&value(event.usage));
            }
            "message_stop" => {
                self.has_begun()?;
                self.stopped = true;
            }
            "error" => return Err(in_stream(data)),
            // `content_block_stop` may be missing, `ping` says nothing, and there may be events that nobody knows yet.
            _ => {}
        }
        Ok(self.stopped)
    }

    /// Takes an answer that came in one piece.
    pub(crate) fn take_whole(&mut self, body: &str) -> Result<(), CallError> {
        let unlike = || unreadable("the answer is no message");
        let message: Value = serde_json::from_str(&mended(body)).map_err(|_why| unlike())?;
        if message["type"] == "error" {
            return Err(in_stream(body));
        }
        let fields: Fields = serde_json::from_str(body).map_err(|_why| unlike())?;
        let content: Vec<&RawValue> = fields
            .get("content")
            .and_then(|content| serde_json::from_str(content).ok())
            .ok_or_else(unlike)?;
        self.start(&message)?;
        for (index, block) in (0..).zip(content) {
            self.blocks.insert(index, Open::of(Some(block))?);
        }
        self.ends(&message);
        self.stopped = true;
        Ok(())
    }

    /// A second beginning would mix two answers.
    fn start(&mut self, message: &Value) -> Result<(), CallError> {
        if self.begun {
            return Err(unreadable("the answer begins twice"));
        }
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        (self.id, self.model) = (text("id"), text("model"));
        self.begun = true;
        self.overwrite(&message["usage"]);
        Ok(())
    }

    fn has_begun(&self) -> Result<(), CallError> {
        if self.begun { Ok(()) } else { Err(unreadable("the answer has no beginning")) }
    }

    fn ends(&mut self, why: &Value) {
        if let Some(reason) = why["stop_reason"].as_str() {
            let category = why["stop_details"]["category"].as_str().map(str::to_owned);
            self.stop_reason = Some(StopReason::of(reason, category));
        }
    }

    fn overwrite(&mut self, usage: &Value) {
        self.usage.overwrite(usage);
        self.counted.0 |= usage["input_tokens"].is_u64();
        self.counted.1 |= usage["output_tokens"].is_u64();
    }

    /// The whole answer.
    pub(crate) fn finish(self, request_id: Option<String>, limits: RateLimits) -> Result<Answer, CallError> {
        if !self.stopped {
            return Err(CallError::Cut { request_id });
        }
        let stop_reason =
            self.stop_reason.ok_or_else(|| unreadable("the answer does not say why it ended"))?;
        // Without its counts it would seem to cost nothing.
        if self.counted != (true, true) {
            return Err(unreadable("the answer does not say what it took"));
        }
        let mut kept = Vec::new();
        let mut blocks = Vec::new();
        for open in self.blocks.into_values() {
            let (block, json) = open.close();
            match &block {
                Block::Text(text) if text.trim().is_empty() => continue,
                Block::ToolUse { id, name, .. } if id.is_empty() || name.is_empty() => {
                    return Err(unreadable("a call has no id or no name"));
                }
                _ => {}
            }
            kept.push(json);
            blocks.push(block);
        }
        let content = RawValue::from_string(format!("[{}]", kept.join(",")))
            .map_err(|_never| unreadable("the answer can't be written"))?;
        let (id, model, usage) = (self.id, self.model, self.usage);
        Ok(Answer { id, model, content, blocks, stop_reason, usage, request_id, limits })
    }
}

impl Event<'_> {
    fn index(&self) -> Result<u64, CallError> {
        self.index
            .and_then(|index| index.get().parse().ok())
            .ok_or_else(|| unreadable("an event of a block does not say which"))
    }
}

impl Open {
    fn of(block: Option<&RawValue>) -> Result<Self, CallError> {
        Ok(Self { fields: fields(block)?, ..Self::default() })
    }

    /// Takes a piece. One of a kind that is not known is taken like those that are: texts are joined, all else is set.
    fn take(&mut self, delta: Fields) {
        let kind = delta.words("type");
        for (name, text) in delta.into_pairs() {
            match (kind.as_str(), name.as_str(), inside(&text)) {
                (_, "type", _) => {}
                ("input_json_delta", "partial_json", piece) => self.append(INPUT, piece.unwrap_or_default()),
                ("citations_delta", "citation", _) => self.citations.push(text),
                // Comes as a whole.
                ("signature_delta", "signature", _) => self.fields.set(&name, text),
                (_, _, Some(piece)) => self.append(&name, piece),
                (_, _, None) => self.fields.set(&name, text),
            }
        }
    }

    fn append(&mut self, field: &str, piece: &str) {
        match self.pieces.get_mut(field) {
            Some(pieces) => pieces.push_str(piece),
            None => {
                // A text goes on; arguments begin anew, after an empty object that stands for them.
                let begun = self.fields.get(field).filter(|_| field != INPUT).and_then(inside);
                let joined = format!("{}{piece}", begun.unwrap_or_default());
                self.pieces.insert(field.to_owned(), joined);
            }
        }
    }

    /// The block, read, and as it goes back.
    fn close(mut self) -> (Block, String) {
        let input = self.pieces.remove(INPUT).map(|pieces| string(&pieces));
        for (name, pieces) in std::mem::take(&mut self.pieces) {
            self.fields.set(&name, format!("\"{pieces}\""));
        }
        self.cite();
        let kind = self.fields.words("type");
        let block = match kind.as_str() {
            "text" => Block::Text(self.fields.words("text")),
            "tool_use" => {
                let (read, text) = arguments(input, self.fields.get(INPUT));
                self.fields.set(INPUT, text);
                Block::ToolUse { id: self.fields.words("id"), name: self.fields.words("name"), input: read }
            }
            "thinking" | "redacted_thinking" => Block::Thinking,
            _ => {
                if input.is_some() {
                    let (_, text) = arguments(input, self.fields.get(INPUT));
                    self.fields.set(INPUT, text);
                }
                Block::Other(kind)
            }
        };
        (block, self.fields.write())
    }

    fn cite(&mut self) {
        if self.citations.is_empty() {
            return;
        }
        let before: Option<Vec<Box<RawValue>>> =
            self.fields.get("citations").and_then(|told| serde_json::from_str(told).ok());
        let before = before.unwrap_or_default();
        let all: Vec<&str> =
            before.iter().map(|told| told.get()).chain(self.citations.iter().map(String::as_str)).collect();
        let all = format!("[{}]", all.join(","));
        self.fields.set("citations", all);
    }
}

/// A call's arguments, read, and as they go back: told in pieces, or at once; none at all are an empty object. They go back
/// as an object whatever came: the API takes nothing else.
fn arguments(pieces: Option<String>, field: Option<&str>) -> (Result<Value, String>, String) {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let none = || (Value::Object(serde_json::Map::new()), "{}".to_owned());
    match pieces.filter(|text| !text.is_empty()) {
        Some(text) => match read(&text) {
            Some(input) => (Ok(input), text),
            None => (Err(text), none().1),
        },
        None => {
            let told = field.map(mended).and_then(|text| Some((read(&text)?, text)));
            let (input, text) = told.unwrap_or_else(none);
            (Ok(input), text)
        }
    }
}

/// What joined pieces say. Half of a pair of escapes may stand alone in a piece, and not in the whole.
fn string(pieces: &str) -> String {
    said(&format!("\"{pieces}\"")).unwrap_or_default()
}

fn fields(object: Option<&RawValue>) -> Result<Fields, CallError> {
    let read = object.map(|object| serde_json::from_str(object.get()));
    read.and_then(Result::ok).ok_or_else(|| unreadable("a block or a piece of it is no object"))
}

/// What is of no use as text, read.
fn value(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(&mended(raw.get())).ok()).unwrap_or_default()
}

fn unreadable(why: &str) -> CallError {
    CallError::Unreadable { what: why.to_owned(), request_id: None }
}

/// An error that comes where an answer should.
fn in_stream(body: &str) -> CallError {
    let Told { kind, message, request_id } = Told::read(body.as_bytes()).unwrap_or_default();
    CallError::InStream { kind, message, request_id }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
