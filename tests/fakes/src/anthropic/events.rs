//! A message as the events of a stream (reference 1.7).

use serde_json::{Value, json};

use super::compose::{Block, Body, Message};
use super::fault::Place;
use super::ledger::Usage;

/// Pieces of text have so many characters.
const TEXT_PIECE: usize = 48;
/// Pieces of arguments have so many.
const INPUT_PIECE: usize = 40;

/// An event of a stream.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) name: String,
    /// One line.
    pub(super) data: String,
    /// What errors can come after it.
    pub(super) place: Option<Place>,
}

impl Event {
    fn new(name: &str, data: &Value) -> Self {
        Self { name: name.to_owned(), data: data.to_string(), place: None }
    }

    pub(super) fn is_stop(&self) -> bool {
        self.name == "message_stop"
    }
}

/// Who answers.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) usage: Usage,
}

/// All events of a message. `bare`: nothing that clients are to pass over.
pub(super) fn events(message: &Message, head: &Head<'_>, bare: bool) -> Vec<Event> {
    let ping = Event::new("ping", &json!({ "type": "ping" }));
    let mut events = vec![start(head)];
    if !bare {
        events.push(ping.clone());
    }
    for (at, block) in message.blocks.iter().enumerate() {
        events.push(Event::new(
            "content_block_start",
            &json!({ "type": "content_block_start", "index": at, "content_block": block.start }),
        ));
        if !bare && at == 0 {
            let strange =
                json!({ "type": "weather_report", "index": at, "delta": { "type": "rain", "mm": 3 } });
            events.push(Event::new("weather_report", &strange));
        }
        let deltas = deltas(block);
        for (number, (delta, place)) in deltas.into_iter().enumerate() {
            let data = json!({ "type": "content_block_delta", "index": at, "delta": delta });
            events.push(Event { place, ..Event::new("content_block_delta", &data) });
            if !bare && number == 1 {
                events.push(ping.clone());
            }
        }
        if block.stops {
            let stop = json!({ "type": "content_block_stop", "index": at });
            events.push(Event::new("content_block_stop", &stop));
        }
    }
    events.push(end(message, head.usage));
    events.push(Event::new("message_stop", &json!({ "type": "message_stop" })));
    events
}

fn start(head: &Head<'_>) -> Event {
    let message = json!({
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage(head.usage, 1),
    });
    Event::new("message_start", &json!({ "type": "message_start", "message": message }))
}

/// What is said about costs; with so many tokens written so far.
fn usage(usage: Usage, output_tokens: u64) -> Value {
    let hour = usage.cache_creation_1h_input_tokens;
    json!({
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_creation_input_tokens - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "output_tokens": output_tokens,
        "service_tier": "standard",
    })
}

fn end(message: &Message, usage: Usage) -> Event {
    let mut delta = json!({ "stop_reason": message.stop_reason, "stop_sequence": null });
    if let Some(details) = &message.stop_details {
        delta["stop_details"] = details.clone();
    }
    // All so far, and not what has come since. The split of what was cached is not said again.
    let usage = json!({
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "output_tokens": message.output_tokens,
    });
    Event::new("message_delta", &json!({ "type": "message_delta", "delta": delta, "usage": usage }))
}

fn deltas(block: &Block) -> Vec<(Value, Option<Place>)> {
    match &block.body {
        Body::Text(text) => pieces(text, TEXT_PIECE)
            .into_iter()
            .map(|piece| (json!({ "type": "text_delta", "text": piece }), Some(Place::Text)))
            .collect(),
        Body::Input(input) => {
            let first = (json!({ "type": "input_json_delta", "partial_json": "" }), None);
            let rest = pieces(input, INPUT_PIECE).into_iter().map(|piece| {
                (json!({ "type": "input_json_delta", "partial_json": piece }), Some(Place::ToolInput))
            });
            std::iter::once(first).chain(rest).collect()
        }
        Body::Thinking { text, signature } => {
            let thoughts = pieces(text, TEXT_PIECE)
                .into_iter()
                .map(|piece| (json!({ "type": "thinking_delta", "thinking": piece }), None));
            let signed = (json!({ "type": "signature_delta", "signature": signature }), None);
            thoughts.chain([signed]).collect()
        }
        Body::Nothing => Vec::new(),
    }
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// The message as the answer to who did not ask for a stream. What can't be whole is left out.
pub(super) fn plain(message: &Message, head: &Head<'_>) -> Value {
    let content: Vec<Value> = message.blocks.iter().filter_map(Block::whole).collect();
    let mut answer = json!({
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": message.stop_reason,
        "stop_sequence": null,
        "usage": usage(head.usage, message.output_tokens),
    });
    if let Some(details) = &message.stop_details {
        answer["stop_details"] = details.clone();
    }
    answer
}

/// An error's body, which is also the data of an `error` event.
pub(super) fn error(kind: &str, message: &str, request_id: &str) -> Value {
    json!({
        "type": "error",
        "error": { "type": kind, "message": message, "details": null },
        "request_id": request_id,
    })
}

/// An `error` event.
pub(super) fn error_event(kind: &str, request_id: &str) -> Event {
    let message = if kind == "overloaded_error" { "Overloaded" } else { "Told to fail" };
    Event::new("error", &error(kind, message, request_id))
}
