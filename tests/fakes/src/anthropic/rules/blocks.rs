//! Blocks, and the markers of the cache that are on them.

use serde_json::{Map, Value};

use super::tools::is_name;
use super::{Checked, invalid, only, require};

/// The most markers of the cache in a request.
const MARKERS_MAX: usize = 4;

/// A marker of the cache.
pub(super) fn marker(marker: &Value, path: &str) -> Checked {
    if marker.is_null() {
        return Ok(());
    }
    let Some(fields) = marker.as_object() else {
        return Err(invalid(format!("{path}: Input should be a valid dictionary")));
    };
    only(fields, &["type", "ttl"], path)?;
    require(fields.get("type").is_some_and(|kind| kind == "ephemeral"), || {
        format!("{path}.type: Input should be 'ephemeral'")
    })?;
    let lasts = fields.get("ttl").is_none_or(|ttl| ttl == "5m" || ttl == "1h");
    require(lasts, || format!("{path}.ttl: Input should be '5m' or '1h'"))
}

/// A text block. `place` is how the API names where it is; `is_known`: fields nobody knows may be there.
pub(super) fn text(block: &Value, path: &str, place: &str, is_known: bool) -> Checked {
    let Some(text) = block["text"].as_str() else {
        return Err(invalid(format!("{path}.text.text: Field required")));
    };
    let marked = block.get("cache_control").is_some_and(|marker| !marker.is_null());
    require(!(text.is_empty() && marked), || {
        format!("{path}.text: cache_control cannot be set for empty text blocks")
    })?;
    require(!text.is_empty(), || format!("{place}: text content blocks must be non-empty"))?;
    require(!text.trim().is_empty(), || {
        format!("{place}: text content blocks must contain non-whitespace text")
    })?;
    fields(block, &["type", "text", "cache_control", "citations"], &format!("{path}.text"), is_known)
}

/// Fields of a block, and its marker.
fn fields(block: &Value, known: &[&str], path: &str, is_known: bool) -> Checked {
    let empty = Map::new();
    let fields = block.as_object().unwrap_or(&empty);
    if !is_known {
        only(fields, known, path)?;
    }
    fields.get("cache_control").map_or(Ok(()), |found| marker(found, &format!("{path}.cache_control")))
}

/// A call, as it was answered.
pub(super) fn tool_use(block: &Value, path: &str, is_known: bool) -> Checked {
    let path = format!("{path}.tool_use");
    let text =
        |name: &str| block[name].as_str().ok_or_else(|| invalid(format!("{path}.{name}: Field required")));
    require(is_name(text("id")?, 128), || {
        format!("{path}.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    })?;
    require(is_name(text("name")?, 200), || {
        format!("{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'")
    })?;
    require(block["input"].is_object(), || format!("{path}.input: Input should be a valid dictionary"))?;
    fields(block, &["type", "id", "name", "input", "caller", "cache_control"], &path, is_known)
}

/// A result.
pub(super) fn tool_result(block: &Value, path: &str) -> Checked {
    let path = format!("{path}.tool_result");
    let Some(id) = block["tool_use_id"].as_str() else {
        return Err(invalid(format!("{path}.tool_use_id: Field required")));
    };
    require(is_name(id, 128), || {
        format!("{path}.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    })?;
    let is_error = block.get("is_error").unwrap_or(&Value::Bool(false));
    require(is_error.is_boolean(), || format!("{path}.is_error: Input should be a valid boolean"))?;
    let is_empty = match block.get("content") {
        None => true,
        Some(Value::String(said)) => said.is_empty(),
        Some(Value::Array(blocks)) => {
            for (at, block) in blocks.iter().enumerate() {
                require(block["type"] == "text", || {
                    format!("{path}.content.{at}: this stand-in knows only text in results")
                })?;
                text(block, &format!("{path}.content.{at}"), &path, false)?;
            }
            blocks.is_empty()
        }
        Some(_) => return Err(invalid(format!("{path}.content: Input should be a valid string or list"))),
    };
    require(!(is_empty && is_error == true), || {
        format!("{path}: content cannot be empty if `is_error` is true")
    })?;
    fields(block, &["type", "tool_use_id", "content", "is_error", "cache_control"], &path, false)
}

/// A thought, as it was answered.
pub(super) fn thinking(block: &Value, path: &str, is_known: bool) -> Checked {
    let (kind, needed) = if block["type"] == "thinking" {
        ("thinking", &["thinking", "signature"][..])
    } else {
        ("redacted_thinking", &["data"][..])
    };
    let path = format!("{path}.{kind}");
    for name in needed {
        require(block[*name].is_string(), || format!("{path}.{name}: Field required"))?;
    }
    require(block.get("cache_control").is_none(), || {
        format!("{path}.cache_control: Extra inputs are not permitted")
    })?;
    fields(block, &["type", "thinking", "signature", "data"], &path, is_known)
}

/// How many markers there are, and whether those that last are first.
pub(super) fn markers(body: &Map<String, Value>) -> Checked {
    let mut found = Vec::new();
    let mut add = |block: &Value| {
        if let Some(marker) = block.get("cache_control").filter(|marker| !marker.is_null()) {
            found.push(marker["ttl"] == "1h");
        }
    };
    let each = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    each(body.get("tools")).iter().for_each(&mut add);
    each(body.get("system")).iter().for_each(&mut add);
    for message in each(body.get("messages")) {
        for block in each(message.get("content")) {
            add(&block);
            each(block.get("content")).iter().for_each(&mut add);
        }
    }
    if let Some(marker) = body.get("cache_control").filter(|marker| !marker.is_null()) {
        found.push(marker["ttl"] == "1h");
    }
    require(found.len() <= MARKERS_MAX, || {
        format!("A maximum of 4 blocks with cache_control may be provided. Found {}.", found.len())
    })?;
    require(found.is_sorted_by(|before, after| before >= after), || {
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.".to_owned()
    })
}
