//! How many tokens a request has, and which of them are read from the cache (reference 1.10).
//!
//! A token is four bytes here. That is wrong, but the same for all.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::ids::{Hash, canonical, hash};
use super::ledger::Usage;
use super::profile::Profile;

/// A marker looks so many blocks back for something that is cached.
const LOOKS_BACK: usize = 20;

/// Prefixes that are cached, and until when.
#[derive(Debug, Default)]
pub(super) struct Cache {
    until: BTreeMap<Hash, DateTime<Utc>>,
}

/// What a request costs, and what is cached once its answer begins.
#[derive(Debug, Default)]
pub(super) struct Costs {
    pub(super) usage: Usage,
    writes: Vec<(Hash, TimeDelta)>,
}

/// A part of a request: tools first, then the system prompt, then messages.
struct Part {
    /// Of all up to its end.
    hash: Hash,
    /// So many bytes are there up to its end.
    end: usize,
    /// Whether there is a marker, and whether it is for an hour.
    marker: Option<bool>,
}

/// So many tokens are so many bytes.
pub(super) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// All tokens of a request.
pub(super) fn count(request: &Value) -> u64 {
    parts(request).last().map_or(0, |part| tokens(part.end))
}

impl Cache {
    /// What a request costs now. Nothing is written: that comes when its answer begins.
    pub(super) fn costs(&self, request: &Value, profile: &Profile, now: DateTime<Utc>) -> Costs {
        let parts = parts(request);
        let all = parts.last().map_or(0, |part| tokens(part.end));
        let large = |part: &&Part| part.marker.is_some() && tokens(part.end) >= profile.cache_min;
        let Some(last) = parts.iter().rposition(|part| large(&part)) else {
            return Costs { usage: Usage { input_tokens: all, ..Usage::default() }, writes: Vec::new() };
        };
        let is_cached = |part: &Part| self.until.get(&part.hash).is_some_and(|until| *until > now);
        let reached =
            |at: usize| parts.iter().skip(at).take(LOOKS_BACK + 1).any(|part| part.marker.is_some());
        let read = (0..=last).rev().find(|at| is_cached(&parts[*at]) && reached(*at));
        let read_tokens = read.map_or(0, |at| tokens(parts[at].end));
        let end_of = |at: usize| tokens(parts[at].end);
        let lasting = parts.iter().rposition(|part| part.marker == Some(true) && large(&part));
        let usage = Usage {
            input_tokens: all - end_of(last),
            cache_creation_input_tokens: end_of(last) - read_tokens,
            cache_creation_1h_input_tokens: lasting.map_or(0, |at| end_of(at).saturating_sub(read_tokens)),
            cache_read_input_tokens: read_tokens,
            output_tokens: 0,
        };
        let lasts = |hour: bool| if hour { TimeDelta::hours(1) } else { TimeDelta::minutes(5) };
        let mut writes: Vec<_> =
            parts.iter().filter(large).map(|part| (part.hash, lasts(part.marker == Some(true)))).collect();
        // What is read lives on.
        writes.extend(read.map(|at| (parts[at].hash, lasts(parts[at].marker == Some(true)))));
        Costs { usage, writes }
    }

    /// The answer begins.
    pub(super) fn write(&mut self, costs: &Costs, now: DateTime<Utc>) {
        self.until.retain(|_, until| *until > now);
        for (hash, lasts) in &costs.writes {
            let until = self.until.entry(*hash).or_insert(now);
            *until = (*until).max(now + *lasts);
        }
    }
}

fn parts(request: &Value) -> Vec<Part> {
    let none = Vec::new();
    let each = |value: &'_ Value| -> Vec<Value> {
        match value {
            Value::Array(items) => items.clone(),
            Value::String(text) => vec![json!({ "type": "text", "text": text })],
            _ => Vec::new(),
        }
    };
    let mut blocks: Vec<(String, Value)> = Vec::new();
    blocks.extend(each(&request["tools"]).into_iter().map(|tool| ("tool".to_owned(), tool)));
    blocks.extend(each(&request["system"]).into_iter().map(|block| ("system".to_owned(), block)));
    for (at, message) in request["messages"].as_array().unwrap_or(&none).iter().enumerate() {
        let whose = format!("{at}{}", message["role"].as_str().unwrap_or_default());
        blocks.extend(each(&message["content"]).into_iter().map(|block| (whose.clone(), block)));
    }
    let mut so_far = hash(&[request["model"].as_str().unwrap_or_default().as_bytes()]);
    let (mut end, mut parts) = (0, Vec::new());
    for (whose, block) in blocks {
        let text = canonical(&block);
        so_far = hash(&[&so_far, whose.as_bytes(), text.as_bytes()]);
        end += text.len();
        let marker = block.get("cache_control").filter(|marker| !marker.is_null());
        parts.push(Part { hash: so_far, end, marker: marker.map(|marker| marker["ttl"] == "1h") });
    }
    let top = request.get("cache_control").filter(|marker| !marker.is_null());
    if let (Some(marker), Some(last)) = (top, parts.last_mut()) {
        last.marker = Some(marker["ttl"] == "1h");
    }
    parts
}
