#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sse::Events;

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
    let body = r#"{"id":"msg_1","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"a","n":1e2}],
        "usage":{"input_tokens":1,"output_tokens":2,"cache_creation":{"ephemeral_1h_input_tokens":3}}}"#;
    let mut assembly = Assembly::default();
    assembly.take_whole(body).unwrap();
    let answer = assembly.finish(None, RateLimits::default()).unwrap();
    assert_eq!(answer.content.get(), r#"[{"type":"text","text":"a","n":1e2}]"#);
    assert_eq!((answer.usage.output_tokens, answer.usage.cache_1h_input_tokens), (2, 3));
}

#[test]
fn a_refusal_says_its_kind_and_what_is_unknown_keeps_its_name() {
    let refused = json!({ "type": "message_delta", "delta": { "stop_reason": "refusal", "stop_details": { "category": "c" } } });
    let events = [start(), refused.to_string(), json!({ "type": "message_stop" }).to_string()];
    assert_eq!(answer(&events).unwrap().stop_reason, StopReason::Refusal { category: Some("c".into()) });
    assert_eq!(told(&[], "compaction").stop_reason, StopReason::Unknown("compaction".into()));
}

#[test]
fn blocks_go_back_as_they_were_written() {
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f","id":"t","input":{},"caller":{"z":1,"a":1e3}}}"#;
    let blocks = [
        call.to_owned(),
        delta(0, &json!({ "type": "input_json_delta", "partial_json": "{\"z\": 12345678901234567890123," })),
        delta(0, &json!({ "type": "input_json_delta", "partial_json": " \"a\":1e3}" })),
    ];
    let answer = told(&blocks, "tool_use");
    assert_eq!(
        answer.content.get(),
        r#"[{"type":"tool_use","name":"f","id":"t","input":{"z": 12345678901234567890123, "a":1e3},"caller":{"z":1,"a":1e3}}]"#
    );
}

#[test]
fn a_character_that_is_cut_in_two_is_whole_and_half_of_one_is_replaced() {
    let piece = |text: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
        )
    };
    let text = block(0, &json!({ "type": "text", "text": "A" }));
    let answer = told(&[text, piece(r"\ud83e"), piece(r"\udd80, \ud83e"), piece("!")], "end_turn");
    assert_eq!(answer.blocks, [Block::Text("A🦀, \u{fffd}!".to_owned())]);
    assert_eq!(answer.content.get(), r#"[{"text":"A\ud83e\udd80, \ufffd!","type":"text"}]"#);
}

#[test]
fn pieces_of_kinds_that_nobody_knows_are_not_lost() {
    let blocks = [
        block(0, &json!({ "type": "novelty", "words": "a", "rest": null })),
        delta(0, &json!({ "type": "novelty_delta", "words": "b", "rest": [1] })),
        delta(0, &json!({ "type": "novelty_delta", "words": "c" })),
        block(1, &json!({ "type": "server_tool_use", "id": "s", "name": "f", "input": {} })),
        delta(1, &json!({ "type": "input_json_delta", "partial_json": "{\"x\":1}" })),
        block(2, &json!({ "type": "text", "text": "", "citations": null })),
        delta(2, &json!({ "type": "citations_delta", "citation": { "n": 1 } })),
        delta(2, &json!({ "type": "citations_delta", "citation": { "n": 2 } })),
        delta(2, &json!({ "type": "text_delta", "text": "t" })),
    ];
    let content: Value = serde_json::from_str(told(&blocks, "end_turn").content.get()).unwrap();
    assert_eq!(
        content,
        json!([
            { "type": "novelty", "words": "abc", "rest": [1] },
            { "type": "server_tool_use", "id": "s", "name": "f", "input": { "x": 1 } },
            { "type": "text", "text": "t", "citations": [{ "n": 1 }, { "n": 2 }] }
        ])
    );
}

#[test]
fn what_would_mix_two_answers_or_seem_to_cost_nothing_is_none() {
    let text = block(0, &json!({ "type": "text", "text": "a" }));
    let uncounted =
        json!({ "type": "message_start", "message": { "id": "i", "usage": { "output_tokens": 1 } } });
    let nameless = block(0, &json!({ "type": "tool_use", "id": "", "name": "f", "input": {} }));
    for events in [
        [&[start(), start()][..], &end("end_turn")].concat(),
        [&[start(), text.clone(), text.clone()][..], &end("end_turn")].concat(),
        [&[text][..], &end("end_turn")].concat(),
        end("end_turn").to_vec(),
        [&[uncounted.to_string()][..], &end("end_turn")].concat(),
        [&[start(), nameless][..], &end("tool_use")].concat(),
        [&[start(), delta(7, &json!({ "type": "text_delta", "text": "a" }))][..], &end("end_turn")].concat(),
        [&[start(), block(0, &json!([]))][..], &end("end_turn")].concat(),
    ] {
        let error = answer(&events).unwrap_err();
        assert!(matches!(error, CallError::Unreadable { .. }), "{events:?}: {error}");
    }
}

#[test]
fn an_error_in_place_of_an_answer_is_one() {
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let error = Assembly::default().take_whole(body).unwrap_err();
    assert!(matches!(error, CallError::InStream { kind, .. } if kind == "overloaded_error"));
    for body in ["{}", "[]", "<html>", r#"{"content":{}}"#, r#"{"content":[1]}"#] {
        let error = Assembly::default().take_whole(body).unwrap_err();
        assert!(matches!(error, CallError::Unreadable { .. }), "{body}");
    }
}

/// What comes of an answer whose bytes come like this.
fn streamed(chunks: &[&[u8]]) -> Option<Answer> {
    let (mut events, mut assembly) = (Events::default(), Assembly::default());
    for chunk in chunks {
        events.push(chunk).ok()?;
        while let Some(data) = events.next().ok()? {
            assembly.take(&data).ok()?;
        }
    }
    assembly.finish(None, RateLimits::default()).ok()
}

/// Cuts bytes into pieces of these lengths, and what is left.
fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for length in lengths {
        let (chunk, rest) = bytes.split_at((*length).min(bytes.len()));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks.push(bytes);
    chunks
}

/// Events that may be anything, mostly such as there are.
fn event() -> impl Strategy<Value = String> {
    let json = prop_oneof![
        Just(json!(null)),
        any::<u8>().prop_map(Value::from),
        "[a-z🦀\"\\\\]{0,5}".prop_map(Value::from),
        Just(json!({ "type": "tool_use", "id": "t", "name": "f", "input": [] })),
        Just(json!({ "type": "text", "text": 7, "citations": "x" })),
        Just(json!({ "type": "input_json_delta", "partial_json": "{" })),
        Just(json!({ "type": "signature_delta", "signature": [] })),
        Just(json!({ "type": "citations_delta", "citation": null })),
        Just(json!({ "stop_reason": "end_turn", "usage": { "input_tokens": -1 } })),
    ];
    let kind = prop::sample::select(vec![
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "ping",
    ]);
    let fields = ["index", "message", "content_block", "delta", "usage", "error"];
    (kind, prop::collection::vec((prop::sample::select(fields.to_vec()), json), 0..4)).prop_map(
        |(kind, fields)| {
            let mut event = json!({ "type": kind, "index": 0 });
            for (name, value) in fields {
                event[name] = value;
            }
            event.to_string()
        },
    )
}

proptest! {
    #[test]
    fn it_does_not_matter_how_an_answer_is_cut(
        texts in prop::collection::vec("[a-zäß🦀\"\\\\\n]{1,9}", 1..5),
        lengths in prop::collection::vec(1_usize..90, 0..60),
        crlf in any::<bool>(),
    ) {
        let input = json!({ "texts": texts }).to_string();
        let (head, tail) = input.split_at(input.floor_char_boundary(input.len() / 2));
        let mut blocks = vec![block(0, &json!({ "type": "text", "text": "" }))];
        blocks.extend(texts.iter().map(|text| delta(0, &json!({ "type": "text_delta", "text": text }))));
        blocks.push(block(1, &json!({ "type": "tool_use", "id": "t", "name": "f", "input": {} })));
        blocks.extend([head, tail].map(|part| delta(1, &json!({ "type": "input_json_delta", "partial_json": part }))));
        let end_of_line = if crlf { "\r\n" } else { "\n" };
        let stream: String = [&[start()], &blocks[..], &end("tool_use")]
            .concat()
            .iter()
            .map(|data| format!("event: x{end_of_line}data: {data}{end_of_line}{end_of_line}"))
            .collect();
        let whole = streamed(&[stream.as_bytes()]).unwrap();
        let pieces = streamed(&cut(stream.as_bytes(), &lengths)).unwrap();
        prop_assert_eq!(pieces.content.get(), whole.content.get());
        prop_assert_eq!(&pieces.blocks, &whole.blocks);
        let call = Block::ToolUse { id: "t".into(), name: "f".into(), input: Ok(json!({ "texts": texts })) };
        prop_assert_eq!(whole.blocks.last(), Some(&call));
        // What is cut is no answer, wherever.
        let at = stream.len() * lengths.len() / 61;
        prop_assert!(streamed(&[&stream.as_bytes()[..at]]).is_none());
    }

    #[test]
    fn whatever_comes_is_an_answer_that_can_go_back_or_an_error(events in prop::collection::vec(event(), 0..12)) {
        let all = [&[start()], &events[..], &end("end_turn")].concat();
        if let Ok(answer) = answer(&all) {
            let content: Vec<Value> = serde_json::from_str(answer.content.get()).unwrap();
            prop_assert_eq!(content.len(), answer.blocks.len());
        }
    }

    #[test]
    fn any_text_is_an_event_or_none(data in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = Assembly::default().take(&data);
        let _either = Assembly::default().take_whole(&data);
        prop_assert!(streamed(&[&bytes]).is_none());
    }
}
