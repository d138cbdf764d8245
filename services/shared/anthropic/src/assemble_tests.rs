#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use super::*;

fn start() -> String {
    json!({ "type": "message_start", "message": { "id": "msg_1", "model": "m", "content": [],
        "usage": { "input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1 } } })
    .to_string()
}

fn end(reason: &str) -> [String; 2] {
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 30 } }).to_string(),
        json!({ "type": "message_stop" }).to_string(),
    ]
}

fn block(index: u64, block: &Value) -> String {
    json!({ "type": "content_block_start", "index": index, "content_block": block }).to_string()
}

fn delta(index: u64, delta: &Value) -> String {
    json!({ "type": "content_block_delta", "index": index, "delta": delta }).to_string()
}

fn answer(events: &[String]) -> Result<Answer, CallError> {
    let mut assembly = Assembly::default();
    for event in events {
        assembly.take(event)?;
    }
    assembly.finish(Some("req_1".to_owned()), RateLimits::default())
}

fn told(blocks: &[String], reason: &str) -> Answer {
    answer(&[&[start()], blocks, &end(reason)].concat()).unwrap()
}

#[test]
fn blocks_come_back_with_every_field_and_usage_is_the_last_word() {
    let call = json!({ "type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "caller": { "type": "direct" } });
    let blocks = [
        block(0, &json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, &json!({ "type": "thinking_delta", "thinking": "hm" })),
        delta(0, &json!({ "type": "signature_delta", "signature": "c2ln" })),
        json!({ "type": "ping" }).to_string(),
        block(1, &json!({ "type": "text", "text": "" })),
        delta(1, &json!({ "type": "text_delta", "text": "Look" })),
        json!({ "type": "never_heard_of" }).to_string(),
        block(2, &call),
        delta(2, &json!({ "type": "input_json_delta", "partial_json": "" })),
        delta(2, &json!({ "type": "input_json_delta", "partial_json": "{\"window\":" })),
        delta(2, &json!({ "type": "input_json_delta", "partial_json": "\"90d\"}" })),
        block(3, &json!({ "type": "novelty", "x": [1] })),
    ];
    let answer = told(&blocks, "tool_use");
    let content: Value = serde_json::from_str(answer.content.get()).unwrap();
    assert_eq!(
        content,
        json!([
            { "type": "thinking", "thinking": "hm", "signature": "c2ln" },
            { "type": "text", "text": "Look" },
            { "type": "tool_use", "id": "toolu_1", "name": "f", "input": { "window": "90d" }, "caller": { "type": "direct" } },
            { "type": "novelty", "x": [1] }
        ])
    );
    assert_eq!(answer.stop_reason, StopReason::ToolUse);
    let Usage { input_tokens, cache_read_input_tokens, output_tokens, .. } = answer.usage;
    assert_eq!((input_tokens, cache_read_input_tokens, output_tokens), (10, 5, 30));
    assert!(matches!(&answer.blocks[3], Block::Other(kind) if kind == "novelty"));
}

#[test]
fn arguments_that_are_cut_or_none_are_told_apart() {
    let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "f", "input": {} });
    let blocks = [
        block(0, &call("a")),
        delta(0, &json!({ "type": "input_json_delta", "partial_json": "" })),
        block(1, &call("b")),
        delta(1, &json!({ "type": "input_json_delta", "partial_json": "{\"x\": [1, " })),
    ];
    // The last block has no end, as when `max_tokens` cuts it.
    let answer = told(&blocks, "max_tokens");
    assert_eq!(answer.blocks[0], Block::ToolUse { id: "a".into(), name: "f".into(), input: Ok(json!({})) });
    assert_eq!(
        answer.blocks[1],
        Block::ToolUse { id: "b".into(), name: "f".into(), input: Err("{\"x\": [1, ".into()) }
    );
    let content: Value = serde_json::from_str(answer.content.get()).unwrap();
    assert_eq!(content[1]["input"], json!({}));
}

#[test]
fn a_text_without_words_is_left_out() {
    let answer = told(&[block(0, &json!({ "type": "text", "text": " \n" }))], "end_turn");
    assert_eq!((answer.content.get(), answer.blocks.len()), ("[]", 0));
}

#[test]
fn what_is_cut_or_fails_within_is_no_answer() {
    let begun = [start(), block(0, &json!({ "type": "text", "text": "half" }))];
    assert!(matches!(answer(&begun).unwrap_err(), CallError::Cut { request_id: Some(_) }));
    let failed = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" }, "request_id": "req_2" });
    let error = answer(&[&begun[..], &[failed.to_string()]].concat()).unwrap_err();
    assert!(matches!(error, CallError::InStream { kind, .. } if kind == "overloaded_error"));
    assert!(matches!(answer(&["{\"type\":".to_owned()]).unwrap_err(), CallError::Unreadable { .. }));
    let no_reason = [start(), json!({ "type": "message_stop" }).to_string()];
    assert!(matches!(answer(&no_reason).unwrap_err(), CallError::Unreadable { .. }));
}

#[test]
fn an_answer_in_one_piece_is_read_too() {
    let body = json!({ "id": "msg_1", "model": "m", "stop_reason": "end_turn", "content": [{ "type": "text", "text": "a" }],
        "usage": { "input_tokens": 1, "output_tokens": 2, "cache_creation": { "ephemeral_1h_input_tokens": 3 } } });
    let mut assembly = Assembly::default();
    assembly.take_whole(&body.to_string()).unwrap();
    let answer = assembly.finish(None, RateLimits::default()).unwrap();
    assert_eq!(answer.content.get(), r#"[{"text":"a","type":"text"}]"#);
    assert_eq!((answer.usage.output_tokens, answer.usage.cache_1h_input_tokens), (2, 3));
}

#[test]
fn a_refusal_says_its_kind_and_what_is_unknown_keeps_its_name() {
    let refused = json!({ "type": "message_delta", "delta": { "stop_reason": "refusal", "stop_details": { "category": "c" } } });
    let events = [start(), refused.to_string(), json!({ "type": "message_stop" }).to_string()];
    assert_eq!(answer(&events).unwrap().stop_reason, StopReason::Refusal { category: Some("c".into()) });
    assert_eq!(told(&[], "compaction").stop_reason, StopReason::Unknown("compaction".into()));
}
