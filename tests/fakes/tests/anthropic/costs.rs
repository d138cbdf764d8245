//! What requests cost: counted by one rule, cached by another.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{Family, Limits, Reply};

use crate::setting::{OPUS, SONNET, first, following, looks, post, start};

/// A request whose system prompt is worth so many tokens, and marked.
fn large(model: &str, tokens: usize) -> Value {
    let mut body = first();
    body["model"] = json!(model);
    body["system"] =
        json!([{ "type": "text", "text": "word".repeat(tokens), "cache_control": { "type": "ephemeral" } }]);
    body
}

#[tokio::test]
async fn a_prefix_is_written_once_and_read_then() {
    let server = start(looks()).await;
    let body = large(SONNET, 1200);
    let content = post(&server, &body).await.content();
    let next = following(&body, &content);
    post(&server, &next).await;
    server.clock().advance(Duration::from_secs(301));
    post(&server, &next).await;
    let usage: Vec<_> = server.ledger().accepted.iter().map(|entry| entry.usage).collect();
    let cached = usage[0].cache_creation_input_tokens;
    assert!(cached > 1200 && usage[0].cache_read_input_tokens == 0, "{usage:?}");
    assert_eq!((usage[1].cache_read_input_tokens, usage[1].cache_creation_input_tokens), (cached, 0));
    // Five minutes later it is gone.
    assert_eq!((usage[2].cache_read_input_tokens, usage[2].cache_creation_input_tokens), (0, cached));
    assert!(usage[1].input_tokens > usage[0].input_tokens);
}

#[tokio::test]
async fn what_is_short_is_not_cached_and_nothing_is_said() {
    let server = start(looks()).await;
    for model in [OPUS, OPUS, SONNET] {
        post(&server, &large(model, 1200)).await;
    }
    let usage: Vec<_> = server.ledger().accepted.iter().map(|entry| entry.usage).collect();
    assert_eq!((usage[1].cache_creation_input_tokens, usage[1].cache_read_input_tokens), (0, 0));
    // Another model caches from less on, and has a cache of its own.
    assert!(usage[2].cache_creation_input_tokens > 1200);
}

#[tokio::test]
async fn usage_is_said_at_both_ends_of_a_stream() {
    let server = start(looks()).await;
    let events = post(&server, &large(SONNET, 1200)).await.events();
    let usage = server.ledger().accepted[0].usage;
    let begun = &events[0]["message"]["usage"];
    assert_eq!(begun["cache_creation"]["ephemeral_5m_input_tokens"], usage.cache_creation_input_tokens);
    assert_eq!(begun["output_tokens"], 1);
    let ended = events.iter().rfind(|event| event["type"] == "message_delta").unwrap();
    // It is the sum and not what is to be added.
    assert_eq!(ended["usage"]["output_tokens"], usage.output_tokens);
    assert_eq!(ended["usage"]["input_tokens"], usage.input_tokens);
}

#[tokio::test]
async fn what_is_longer_than_max_tokens_is_cut() {
    let server =
        start(|_: &Value| Reply::text("word".repeat(100)).and_call("look", json!({ "at": "x".repeat(400) })))
            .await;
    let mut body = first();
    for (max, blocks) in [(50, 1), (150, 2), (0, 0)] {
        body["max_tokens"] = json!(max);
        let answer = post(&server, &body).await;
        let events = answer.events();
        let started = events.iter().filter(|event| event["type"] == "content_block_start").count();
        let stopped = events.iter().filter(|event| event["type"] == "content_block_stop").count();
        let end = events.iter().rfind(|event| event["type"] == "message_delta").unwrap();
        assert_eq!((end["delta"]["stop_reason"].as_str(), started), (Some("max_tokens"), blocks), "{max}");
        // Arguments that are cut are never said to stop.
        assert_eq!(stopped, blocks.min(1), "{max}");
    }
}

#[tokio::test]
async fn limits_of_the_minute_are_kept() {
    let server = start(looks()).await;
    server.limit(Family::Opus, Limits { requests: 2, input_tokens: 10_000, output_tokens: 10_000 });
    let left = async |model: &str| {
        let mut body = first();
        body["model"] = json!(model);
        let answer = post(&server, &body).await;
        let header = |name: &str| answer.header(name).map(str::to_owned);
        (answer.status, header("anthropic-ratelimit-requests-remaining"), header("retry-after"))
    };
    assert_eq!(left(OPUS).await, (200, Some("1".to_owned()), None));
    assert_eq!(left("claude-opus-5-5").await, (200, Some("0".to_owned()), None));
    assert_eq!(left(OPUS).await, (429, Some("0".to_owned()), Some("30".to_owned())));
    assert_eq!(left(SONNET).await.0, 200);
    server.clock().advance(Duration::from_secs(30));
    assert_eq!(left(OPUS).await.0, 200);
    assert_eq!(server.ledger().billed(), 4);
}

#[tokio::test]
async fn ids_follow_from_what_is_asked() {
    let (one, two) = (start(looks()).await, start(looks()).await);
    let mut other = first();
    other["messages"][0]["content"] = json!("And the other one?");
    let first_of_one = post(&one, &first()).await.content();
    post(&two, &other).await;
    // In another order, after something else: still the same.
    assert_eq!(post(&two, &first()).await.content(), first_of_one);
    // What is asked twice is another answer.
    assert_ne!(post(&one, &first()).await.content(), first_of_one);
    assert_eq!(one.ledger().repeated(), 1);
}
