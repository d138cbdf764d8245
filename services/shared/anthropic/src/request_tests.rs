#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use serde_json::json;

use super::*;

fn request() -> Request {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: "d".to_owned(),
        input_schema: json!({ "type": "object", "properties": {} }),
        strict: name == "a",
    };
    Request {
        model: "m".to_owned(),
        max_tokens: 8,
        system: vec![SystemBlock { text: "s".to_owned(), cached: true }],
        tools: vec![tool("b"), tool("a")],
        messages: vec![
            Turn::User(vec![UserBlock::Text("hello".to_owned())]),
            // Neither its spaces nor the order of its keys may change.
            Turn::Assistant(
                RawValue::from_string(r#"[{"type": "thinking",  "signature":"x", "a":1}]"#.to_owned())
                    .unwrap(),
            ),
            Turn::User(vec![UserBlock::ToolResult {
                tool_use_id: "t".to_owned(),
                content: "c".to_owned(),
                is_error: true,
            }]),
        ],
        user: Some("u".to_owned()),
    }
}

#[test]
fn it_is_the_wires_form() {
    let body = request().body().unwrap();
    assert!(body.contains(r#"[{"type": "thinking",  "signature":"x", "a":1}]"#), "{body}");
    let value: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        value,
        json!({
            "model": "m", "max_tokens": 8, "stream": true, "metadata": { "user_id": "u" },
            "tools": [
                { "name": "a", "description": "d", "input_schema": { "type": "object", "properties": {} }, "strict": true },
                { "name": "b", "description": "d", "input_schema": { "type": "object", "properties": {} } }
            ],
            "system": [{ "type": "text", "text": "s", "cache_control": { "type": "ephemeral" } }],
            "messages": [
                { "role": "user", "content": [{
                    "type": "text", "text": "hello", "cache_control": { "type": "ephemeral" }
                }] },
                { "role": "assistant", "content": [{ "type": "thinking", "signature": "x", "a": 1 }] },
                { "role": "user", "content": [{
                    "type": "tool_result", "tool_use_id": "t", "content": "c", "is_error": true,
                    "cache_control": { "type": "ephemeral" }
                }] }
            ]
        })
    );
}

#[test]
fn the_same_request_has_the_same_bytes_whatever_the_order_of_tools() {
    let mut other = request();
    other.tools.reverse();
    assert_eq!(other.body().unwrap(), request().body().unwrap());
    assert_eq!(other.sha256().unwrap(), request().sha256().unwrap());
    other.max_tokens = 9;
    assert_ne!(other.sha256().unwrap(), request().sha256().unwrap());
}

#[test]
fn counting_asks_without_what_is_about_the_answer() {
    let value: Value = serde_json::from_str(&request().counting_body().unwrap()).unwrap();
    for field in ["max_tokens", "stream", "metadata"] {
        assert!(value.get(field).is_none(), "{field}");
    }
    assert!(value.get("tools").is_some() && value.get("system").is_some());
}

#[test]
fn the_ends_of_this_request_and_of_the_one_before_are_marked_and_no_more() {
    let mut long = request();
    let turns = [long.messages[1].clone(), long.messages[2].clone()];
    long.messages.extend(turns.iter().cloned().cycle().take(6));
    let value: Value = serde_json::from_str(&long.body().unwrap()).unwrap();
    let messages = value["messages"].as_array().unwrap();
    let marked: Vec<usize> = (0..messages.len())
        .filter(|&at| messages[at]["content"].to_string().contains("cache_control"))
        .collect();
    assert_eq!(marked, [6, 8]);
    let blank = Turn::User(vec![UserBlock::Text(" ".to_owned())]);
    let value: Value =
        serde_json::from_str(&Request { messages: vec![blank], ..request() }.body().unwrap()).unwrap();
    assert!(value["messages"][0]["content"][0].get("cache_control").is_none());
}
