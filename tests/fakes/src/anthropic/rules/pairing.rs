//! Calls and their results (reference 1.5).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Checked, invalid, require};

pub(super) fn check(body: &Map<String, Value>) -> Checked {
    let none = Vec::new();
    let messages = body.get("messages").and_then(Value::as_array).unwrap_or(&none);
    let mut all = BTreeSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let blocks = message["content"].as_array().unwrap_or(&none);
        if message["role"] == "user" {
            results(blocks, at, &open)?;
            open.clear();
            continue;
        }
        for block in blocks.iter().filter(|block| block["type"] == "tool_use") {
            let id = block["id"].as_str().unwrap_or_default();
            require(all.insert(id), || format!("messages.{at}: `tool_use` ids must be unique"))?;
            open.push(id);
        }
    }
    require(open.is_empty(), || unanswered(messages.len().saturating_sub(1), &open))?;
    require(
        all.is_empty() || body.get("tools").is_some_and(|tools| tools != &Value::Array(Vec::new())),
        || "Requests which include `tool_use` or `tool_result` blocks must define tools".to_owned(),
    )
}

/// The results that a user's message must begin with.
fn results(blocks: &[Value], at: usize, open: &[&str]) -> Checked {
    let is_result = |block: &&Value| block["type"] == "tool_result";
    let leading: Vec<&str> =
        blocks.iter().take_while(is_result).filter_map(|block| block["tool_use_id"].as_str()).collect();
    let mut seen = BTreeSet::new();
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| is_result(block)) {
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        if !open.contains(&id) {
            return Err(invalid(format!(
                "messages.{at}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        require(seen.insert(id), || {
            format!(
                "messages.{at}.content.{number}: each tool_use must have a single result. Found multiple `tool_result` \
                 blocks with id: {id}"
            )
        })?;
    }
    // A result after a text is there, and yet is said to be missing.
    let missing: Vec<&str> = open.iter().copied().filter(|id| !leading.contains(id)).collect();
    require(missing.is_empty(), || unanswered(at.saturating_sub(1), &missing))
}

fn unanswered(at: usize, ids: &[&str]) -> String {
    format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
         block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    )
}
