//! What a brain has said, with what goes wrong with it, as a message.

use serde_json::{Map, Value, json};

use super::brain::{Content, Reply};
use super::cache::tokens;
use super::fault::Fault;
use super::ids::{hash, hex, id};

/// An answer's content and its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) blocks: Vec<Block>,
    pub(super) stop_reason: String,
    pub(super) stop_details: Option<Value>,
    pub(super) output_tokens: u64,
}

/// A block as it is streamed.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// As it starts.
    pub(super) start: Value,
    /// What comes then.
    pub(super) body: Body,
    /// Whether it is ever said that it stops.
    pub(super) stops: bool,
}

/// What comes in a block after its start.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Text(String),
    /// Arguments as JSON, or a piece of it.
    Input(String),
    Thinking {
        text: String,
        signature: String,
    },
    Nothing,
}

impl Block {
    /// As it is when it is whole; `None` if it can't be.
    pub(super) fn whole(&self) -> Option<Value> {
        let mut block = self.start.clone();
        match &self.body {
            Body::Text(text) => block["text"] = json!(text),
            // Without arguments it stays as it started.
            Body::Input(input) if input.is_empty() => {}
            Body::Input(input) => block["input"] = serde_json::from_str(input).ok()?,
            Body::Thinking { text, signature } => {
                block["thinking"] = json!(text);
                block["signature"] = json!(signature);
            }
            Body::Nothing => {}
        }
        self.stops.then_some(block)
    }

    fn bytes(&self) -> usize {
        match &self.body {
            Body::Text(text) | Body::Input(text) | Body::Thinking { text, .. } => text.len().max(1),
            Body::Nothing => self.start.to_string().len(),
        }
    }
}

impl Message {
    /// Its content as it is to be sent back; `None` if it can't be.
    pub(super) fn content(&self) -> Option<Value> {
        self.blocks.iter().map(Block::whole).collect::<Option<Vec<Value>>>().map(Value::Array)
    }
}

/// Makes a message of a reply. `parts`: what its ids follow from. `thinks`: whether the model always does.
pub(super) fn compose(
    mut reply: Reply,
    faults: &[Fault],
    request: &Value,
    parts: &[&[u8]],
    thinks: bool,
) -> Message {
    for fault in faults {
        alter(&mut reply, fault, request);
    }
    let thought = |content: &Content| matches!(content, Content::Thinking { .. });
    if thinks && !reply.content.is_empty() && !reply.content.iter().any(thought) {
        reply.content.insert(0, Content::Thinking { thinking: String::new() });
    }
    let calls = reply.content.iter().any(|content| matches!(content, Content::ToolUse { .. }));
    let usual = if calls { "tool_use" } else { "end_turn" };
    let mut message = Message {
        stop_reason: reply.stop_reason.unwrap_or_else(|| usual.to_owned()),
        blocks: reply
            .content
            .into_iter()
            .enumerate()
            .map(|(at, content)| block(content, at, parts))
            .collect(),
        ..Message::default()
    };
    for fault in faults {
        spoil(&mut message, fault);
    }
    let max = request["max_tokens"].as_u64().unwrap_or(0);
    cut(&mut message, usize::try_from(max.saturating_mul(4)).unwrap_or(usize::MAX));
    message.output_tokens = tokens(message.blocks.iter().map(Block::bytes).sum::<usize>()).max(1);
    message
}

fn block(content: Content, at: usize, parts: &[&[u8]]) -> Block {
    let place = at.to_be_bytes();
    let parts = [parts, &[&place[..]]].concat();
    let (start, body) = match content {
        Content::Text { text } => (json!({ "type": "text", "text": "" }), Body::Text(text)),
        Content::Thinking { thinking } => {
            let signature = format!("Er{}", hex(&hash(&[&parts[..], &[thinking.as_bytes()]].concat())));
            let start = json!({ "type": "thinking", "thinking": "", "signature": "" });
            (start, Body::Thinking { text: thinking, signature })
        }
        Content::Other { block } => (block, Body::Nothing),
        Content::ToolUse { name, input, id: given } => {
            let id = given.unwrap_or_else(|| id("toolu", &parts));
            let caller = json!({ "type": "direct" });
            let start = json!({ "type": "tool_use", "id": id, "name": name, "input": {}, "caller": caller });
            let is_empty = input.as_object().is_some_and(Map::is_empty);
            // Without arguments nothing at all is said about them.
            (start, Body::Input(if is_empty { String::new() } else { input.to_string() }))
        }
    };
    Block { start, body, stops: true }
}

/// What goes wrong in what is said.
fn alter(reply: &mut Reply, fault: &Fault, request: &Value) {
    let content = &mut reply.content;
    match fault {
        Fault::EmptyEnd => {
            content.clear();
            reply.stop_reason = Some("end_turn".to_owned());
        }
        Fault::LongText { kib } => {
            let text = "All of this is said at great length. ".repeat(kib * 1024 / 37 + 1);
            content.insert(0, Content::Text { text: text.chars().take(kib * 1024).collect() });
        }
        Fault::UnknownBlock => {
            let block = json!({ "type": "hologram", "frames": [1, 2.5, null], "for": { "whom": "nobody" } });
            content.insert(0, Content::Other { block });
        }
        Fault::EmptyText => content.insert(0, Content::Text { text: String::new() }),
        Fault::StopReason { reason } => reply.stop_reason = Some(reason.clone()),
        Fault::UnknownTool { name } => {
            content.push(Content::ToolUse { name: name.clone(), input: json!({ "all": true }), id: None });
        }
        Fault::WrongArgumentTypes => {
            if let Content::ToolUse { input, .. } = first_call(content, request) {
                *input = match std::mem::take(input) {
                    Value::Object(fields) if !fields.is_empty() => {
                        fields.into_iter().map(|(name, value)| (name, other_type(&value))).collect()
                    }
                    _ => json!({ "surprise": [true] }),
                };
            }
        }
        Fault::ManyCalls { count } => {
            let call = first_call(content, request).clone();
            content.retain(|content| !matches!(content, Content::ToolUse { .. }));
            content.extend(std::iter::repeat_n(call, *count));
        }
        Fault::DuplicateToolUseId => {
            let Content::ToolUse { name, input, .. } = first_call(content, request).clone() else { return };
            let id = Some(id("toolu", &[b"twice", input.to_string().as_bytes()]));
            content.retain(|content| !matches!(content, Content::ToolUse { .. }));
            content.extend(std::iter::repeat_n(Content::ToolUse { name, input, id }, 2));
        }
        Fault::Patch { tool, pointer, value } => {
            for content in content {
                match content {
                    Content::ToolUse { name, input, .. } if name == tool => patch(input, pointer, value),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!(42),
        Value::Number(_) => json!("many"),
        Value::Bool(_) => json!("yes"),
        _ => json!(true),
    }
}

/// The first call; one is made up if there is none.
fn first_call<'a>(content: &'a mut Vec<Content>, request: &Value) -> &'a mut Content {
    let at = content.iter().position(|content| matches!(content, Content::ToolUse { .. }));
    let at = at.unwrap_or_else(|| {
        let name = request["tools"][0]["name"].as_str().unwrap_or("a_tool").to_owned();
        content.push(Content::ToolUse { name, input: json!({}), id: None });
        content.len() - 1
    });
    &mut content[at]
}

fn patch(input: &mut Value, pointer: &str, value: &Value) {
    if let Some(place) = input.pointer_mut(pointer) {
        *place = value.clone();
    } else if let Some((parent, name)) = pointer.rsplit_once('/') {
        match input.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.insert(name.to_owned(), value.clone())),
            Some(Value::Array(items)) => items.push(value.clone()),
            _ => {}
        }
    }
}

/// What goes wrong in blocks as they are sent.
fn spoil(message: &mut Message, fault: &Fault) {
    let call = |block: &Block| matches!(block.body, Body::Input(_));
    match fault {
        Fault::UnknownField => {
            for block in &mut message.blocks {
                block.start["provenance"] = json!({ "region": "eu", "weights": [0.25, 1] });
            }
        }
        Fault::CutToolInput => {
            let Some(at) = message.blocks.iter().rposition(call) else { return };
            message.blocks.truncate(at + 1);
            if let Some(Block { body: Body::Input(input), stops, .. }) = message.blocks.get_mut(at) {
                let half = input.floor_char_boundary(input.len() / 2);
                input.truncate(half);
                *stops = false;
            }
            "max_tokens".clone_into(&mut message.stop_reason);
        }
        Fault::Refusal => {
            message.blocks.retain(|block| !call(block));
            if let Some(Block { body: Body::Text(text), .. }) = message.blocks.last_mut() {
                text.truncate(text.floor_char_boundary(text.len() / 2));
            }
            "refusal".clone_into(&mut message.stop_reason);
            message.stop_details =
                Some(json!({ "type": "refusal", "category": "cyber", "explanation": null }));
        }
        Fault::LoneSurrogate => {
            let inputs = message.blocks.iter_mut().filter_map(|block| match &mut block.body {
                Body::Input(input) => Some(input),
                _ => None,
            });
            for input in inputs.take(1) {
                let rest = input.strip_prefix('{').filter(|rest| *rest != "}");
                *input = match rest {
                    Some(rest) => format!(r#"{{"note":"\ud83d",{rest}"#),
                    None => r#"{"note":"\ud83d"}"#.to_owned(),
                };
            }
        }
        _ => {}
    }
}

/// Cuts what is longer than so many bytes.
fn cut(message: &mut Message, max: usize) {
    let mut left = max;
    for at in 0..message.blocks.len() {
        let bytes = message.blocks[at].bytes();
        if bytes <= left {
            left -= bytes;
            continue;
        }
        let keeps = match &mut message.blocks[at] {
            Block { body: Body::Text(text), .. } => {
                text.truncate(text.floor_char_boundary(left));
                !text.is_empty()
            }
            Block { body: Body::Input(input), stops, .. } => {
                input.truncate(input.floor_char_boundary(left));
                *stops = false;
                !input.is_empty()
            }
            _ => false,
        };
        message.blocks.truncate(at + usize::from(keeps));
        "max_tokens".clone_into(&mut message.stop_reason);
        return;
    }
}
