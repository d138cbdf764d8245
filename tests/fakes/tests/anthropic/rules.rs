//! What the real API refuses is refused, before anything is paid for.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::Reply;

use crate::setting::{OPUS, SONNET, first, get, looks, post, request, sent, start, tool};

/// The request with a value elsewhere; `null` takes it away.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = first();
    set(&mut body, pointer, value);
    body
}

fn set(body: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(fields) if value.is_null() => drop(fields.remove(name)),
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("nothing at {pointer}"),
    }
}

fn said(role: &str, content: &Value) -> Value {
    json!({ "role": role, "content": content })
}

fn call(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "look", "input": {} })
}

fn result(id: &str) -> Value {
    json!({ "type": "tool_result", "tool_use_id": id, "content": "12" })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn talk(messages: &[(&str, Value)]) -> Value {
    let messages: Vec<Value> = messages.iter().map(|(role, content)| said(role, content)).collect();
    with("/messages", json!(messages))
}

async fn all_refused(cases: Vec<(Value, &str)>) {
    let server = start(looks()).await;
    let count = cases.len();
    for (body, expected) in cases {
        let answer = post(&server, &body).await;
        let error = answer.json();
        let message = error["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(answer.error(), (400, "invalid_request_error".to_owned()), "{expected}: {error}");
        assert!(message.contains(expected), "{message} should say {expected}");
        assert_eq!(error["type"], "error");
        assert_eq!(error["request_id"].as_str(), answer.header("request-id"));
        assert!(answer.header("request-id").unwrap().starts_with("req_"));
    }
    let ledger = server.ledger();
    assert_eq!((ledger.billed(), ledger.refused.len()), (0, count));
    assert!(ledger.trouble().is_some());
}

#[tokio::test]
async fn fields_are_checked() {
    all_refused(vec![
        (with("/model", Value::Null), "model: Field required"),
        (with("/max_tokens", Value::Null), "max_tokens: Field required"),
        (with("/max_tokens", json!("many")), "max_tokens: Input should be a valid integer"),
        (with("/max_tokens", json!(64_001)), "max_tokens: 64001 > 64000"),
        (with("/messages", Value::Null), "messages: Field required"),
        (with("/idempotency_key", json!("once")), "idempotency_key: Extra inputs are not permitted"),
        (with("/metadata", json!({ "tenant": "a" })), "metadata.tenant: Extra inputs"),
        (with("/metadata", json!({ "user_id": "x".repeat(257) })), "at most 256"),
        (with("/stream", json!("yes")), "stream: Input should be a valid boolean"),
        (with("/stop_sequences", json!([" "])), "stop_sequences"),
        (with("/service_tier", json!("fast")), "service_tier"),
        (with("/temperature", json!(1.5)), "temperature"),
        (with("/system", json!([text("")])), "system: text content blocks must be non-empty"),
        (with("/system", json!([{ "type": "image" }])), "system.0.type"),
        (with("/thinking", json!({ "type": "adaptive" })), "thinking"),
        (
            with("/thinking", json!({ "type": "enabled", "budget_tokens": 1000 })),
            "greater than or equal to 1024",
        ),
        (
            with("/thinking", json!({ "type": "enabled", "budget_tokens": 2000 })),
            "`max_tokens` must be greater",
        ),
        (with("/output_config", json!({ "effort": "endless" })), "output_config.effort"),
        (with("/cache_control", json!({ "type": "for_ever" })), "Input should be 'ephemeral'"),
    ])
    .await;
}

#[tokio::test]
async fn both_of_temperature_and_top_p_are_too_many() {
    let mut body = with("/temperature", json!(1));
    set(&mut body, "/top_p", json!(0.5));
    all_refused(vec![(body, "cannot both be specified")]).await;
}

#[tokio::test]
async fn tools_are_checked() {
    let schema = |schema: Value| with("/tools/0", json!({ "name": "look", "input_schema": schema }));
    let strict =
        |schema: Value| with("/tools/0", json!({ "name": "look", "strict": true, "input_schema": schema }));
    let object = |property: Value| json!({ "type": "object", "additionalProperties": false, "properties": { "a": property } });
    let knot = json!({
        "type": "object", "additionalProperties": false, "required": ["a"],
        "properties": { "a": { "$ref": "#/$defs/a" } },
        "$defs": { "a": { "type": "object", "additionalProperties": false, "properties": { "a": { "$ref": "#/$defs/a" } } } },
    });
    let many = json!((0..13).map(|at| {
        json!({ "name": format!("t{at}"), "strict": true, "input_schema": object(json!({ "type": "string" })) })
    }).collect::<Vec<_>>());
    all_refused(vec![
        (with("/tools/0", tool("shop.look")), "String should match pattern"),
        (with("/tools/0", tool(&"x".repeat(65))), "String should match pattern"),
        (with("/tools/0", tool("submit_plan")), "Tool names must be unique"),
        (with("/tools/0", json!({ "name": "look" })), "input_schema: Field required"),
        (with("/tools/0", json!({ "type": "bash_20250124", "name": "bash" })), "tools.0.custom.type"),
        (with("/tools/0/colour", json!("red")), "tools.0.custom.colour: Extra inputs"),
        (schema(json!({ "type": "array" })), "input_schema.type: Input should be 'object'"),
        (
            schema(json!({ "type": "object", "properties": { "a": { "type": "text" } } })),
            "there is no such type",
        ),
        (schema(json!({ "type": "object", "required": ["a", "a"] })), "`required`"),
        (strict(json!({ "type": "object" })), "'additionalProperties' must be explicitly set to false"),
        (strict(object(json!({ "type": "integer", "minimum": 0 }))), "property 'minimum' is not supported"),
        (
            strict(object(json!({ "type": "string", "maxLength": 9 }))),
            "property 'maxLength' is not supported",
        ),
        (
            strict(object(json!({ "type": "array", "items": { "type": "string" }, "minItems": 3 }))),
            "'minItems'",
        ),
        (strict(object(json!({ "type": "object" }))), "additionalProperties"),
        (strict(knot), "Circular reference"),
        (with("/tools", many), "grammar is too large"),
        (with("/tool_choice", json!({ "type": "tool", "name": "hide" })), "Tool 'hide' not found"),
        (with("/tool_choice", json!({ "type": "must" })), "tool_choice.type"),
    ])
    .await;
}

#[tokio::test]
async fn messages_are_checked() {
    let user = |content: Value| talk(&[("user", content)]);
    all_refused(vec![
        (with("/messages", json!([])), "at least one message"),
        (talk(&[("assistant", json!("Hello"))]), "first message must use the \"user\" role"),
        (talk(&[("system", json!("Be good"))]), "Unexpected role \"system\""),
        (talk(&[("user", json!("a")), ("user", json!("b"))]), "roles must alternate"),
        (user(json!("")), "non-empty content"),
        (user(json!([])), "non-empty content"),
        (user(json!(" \n")), "non-whitespace"),
        (user(json!([text("")])), "text content blocks must be non-empty"),
        (user(json!([text("\t")])), "text content blocks must contain non-whitespace text"),
        (
            user(json!([{ "type": "text", "text": "", "cache_control": { "type": "ephemeral" } }])),
            "cache_control cannot be set for empty text blocks",
        ),
        (user(json!([{ "type": "text", "text": "a", "mood": "gay" }])), "mood: Extra inputs"),
        (user(json!([{ "type": "hologram" }])), "Input tag 'hologram'"),
        (user(json!([call("toolu_a")])), "can only be in `assistant` messages"),
        (talk(&[("user", json!("a")), ("assistant", json!("b "))]), "cannot end with trailing whitespace"),
        (talk(&[("user", json!("a")), ("assistant", json!([])), ("user", json!("c"))]), "non-empty content"),
    ])
    .await;
}

#[tokio::test]
async fn calls_and_results_are_paired() {
    let after =
        |calls: Value, results: Value| talk(&[("user", json!("a")), ("assistant", calls), ("user", results)]);
    let two = || json!([call("toolu_a"), call("toolu_b")]);
    let missing = "ids were found without `tool_result` blocks immediately after";
    let broken = json!([{ "type": "tool_use", "id": "toolu_a", "name": "look", "input": "{\"at\":" }]);
    let mut toolless = after(json!([call("toolu_a")]), json!([result("toolu_a")]));
    set(&mut toolless, "/tools", Value::Null);
    all_refused(vec![
        (after(two(), json!("and now?")), missing),
        (after(two(), json!([result("toolu_a")])), missing),
        (after(two(), json!([text("here"), result("toolu_a"), result("toolu_b")])), missing),
        (after(two(), json!([result("toolu_a"), text("and"), result("toolu_b")])), missing),
        (after(two(), json!([result("toolu_a"), result("toolu_b"), result("toolu_b")])), "single result"),
        (
            after(two(), json!([result("toolu_a"), result("toolu_b"), result("toolu_c")])),
            "unexpected `tool_use_id`",
        ),
        (after(json!("b"), json!([result("toolu_a")])), "unexpected `tool_use_id`"),
        (after(json!([call("toolu_a"), call("toolu_a")]), json!([result("toolu_a")])), "must be unique"),
        (after(broken, json!([result("toolu_a")])), "input: Input should be a valid dictionary"),
        (
            after(
                json!([call("toolu_a")]),
                json!([{ "type": "tool_result", "tool_use_id": "toolu_a", "is_error": true }]),
            ),
            "content cannot be empty if `is_error` is true",
        ),
        (talk(&[("user", json!("a")), ("assistant", two())]), missing),
        (toolless, "must define tools"),
    ])
    .await;
}

#[tokio::test]
async fn markers_of_the_cache_are_counted() {
    let marked = |ttl: &str| json!({ "type": "text", "text": "a", "cache_control": { "type": "ephemeral", "ttl": ttl } });
    let user = |content: Value| talk(&[("user", content)]);
    let five: Vec<Value> = (0..5).map(|_| marked("5m")).collect();
    all_refused(vec![
        (user(json!(five)), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        (user(json!([marked("1d")])), "ttl: Input should be '5m' or '1h'"),
        (user(json!([marked("5m"), marked("1h")])), "must not come after"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let server = start(looks()).await;
    for body in ["", "{", "[]", r#"{"model":"\ud83d"}"#] {
        let answer = sent(request(&server, "POST", "/v1/messages").body(body)).await.unwrap();
        assert_eq!(answer.error(), (400, "invalid_request_error".to_owned()), "{body}");
    }
    let large = format!("\"{}\"", "x".repeat(32 * 1024 * 1024));
    let answer = sent(request(&server, "POST", "/v1/messages").body(large)).await.unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.text().starts_with("<html>"));
}

#[tokio::test]
async fn headers_are_checked() {
    let server = start(looks()).await;
    let plain =
        || crate::setting::http().post(format!("{}/v1/messages", server.base())).body(first().to_string());
    let keyed = || plain().header("x-api-key", "sk-test").header("content-type", "application/json");
    let dated = || keyed().header("anthropic-version", "2023-06-01");
    let cases = [
        (plain(), 401),
        (keyed().header("authorization", "Bearer other"), 401),
        (keyed(), 400),
        (keyed().header("anthropic-version", "2029-01-01"), 400),
        (plain().header("x-api-key", "a").header("anthropic-version", "2023-06-01"), 400),
        (dated().header("anthropic-beta", "telepathy-2031-01-01"), 400),
        (dated(), 200),
    ];
    for (at, (request, status)) in cases.into_iter().enumerate() {
        assert_eq!(sent(request).await.unwrap().status, status, "{at}");
    }
    assert_eq!(server.ledger().billed(), 1);
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let options =
        tradeup_fakes::anthropic::Options { key: Some("sk-right".to_owned()), ..Default::default() };
    let server = tradeup_fakes::anthropic::Server::start_with(options, looks()).await.unwrap();
    assert_eq!(post(&server, &first()).await.error(), (401, "authentication_error".to_owned()));
}

#[tokio::test]
async fn models_come_and_go() {
    let server = start(looks()).await;
    let unknown = post(&server, &with("/model", json!("claude-opus-3"))).await;
    assert_eq!(unknown.error(), (404, "not_found_error".to_owned()));
    assert_eq!(get(&server, &format!("/v1/models/{SONNET}")).await.json()["max_tokens"], 64_000);
    let listed = get(&server, "/v1/models?limit=1").await.json();
    assert_eq!((listed["data"][0]["id"].as_str(), &listed["has_more"]), (Some(OPUS), &json!(true)));
    server.retire_at(SONNET, "2026-11-30T00:00:00Z".parse().unwrap());
    assert_eq!(post(&server, &with("/model", json!(SONNET))).await.status, 200);
    server.clock().advance(std::time::Duration::from_secs(6 * 24 * 3600));
    assert_eq!(
        post(&server, &with("/model", json!(SONNET))).await.error(),
        (404, "not_found_error".to_owned())
    );
    assert_eq!(get(&server, &format!("/v1/models/{SONNET}")).await.status, 404);
    assert_eq!(get(&server, "/v1/models").await.json()["data"].as_array().unwrap().len(), 3);
    server.revive(SONNET);
    assert_eq!(post(&server, &with("/model", json!(SONNET))).await.status, 200);
}

#[tokio::test]
async fn counting_takes_fewer_fields() {
    let server = start(looks()).await;
    let count = async |body: Value| {
        sent(request(&server, "POST", "/v1/messages/count_tokens").body(body.to_string())).await.unwrap()
    };
    assert_eq!(count(first()).await.status, 400);
    let mut body = with("/max_tokens", Value::Null);
    set(&mut body, "/stream", Value::Null);
    let counted = count(body).await.json()["input_tokens"].as_u64().unwrap();
    post(&server, &first()).await;
    // It is the same count that is paid for.
    assert_eq!(server.ledger().accepted[0].usage.prompt(), counted);
    assert_eq!((server.ledger().counted, server.ledger().billed()), (2, 1));
}

#[tokio::test]
async fn what_is_too_long_for_the_window_is_refused() {
    let server = start(|_: &Value| Reply::text("Yes.")).await;
    let answer = post(&server, &talk(&[("user", json!("word ".repeat(170_000)))])).await;
    assert_eq!(answer.error(), (400, "invalid_request_error".to_owned()));
    assert!(answer.text().contains("prompt is too long"));
}
