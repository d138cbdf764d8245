//! The newer models: they always think, and refuse more.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{Reply, Script};

use crate::setting::{MODERN, first, following, looks, post, start};

fn modern() -> Value {
    let mut body = first();
    body["model"] = json!(MODERN);
    body
}

#[tokio::test]
async fn more_is_refused() {
    let server = start(looks()).await;
    let fields = [
        ("tool_choice", json!({ "type": "any" })),
        ("tool_choice", json!({ "type": "tool", "name": "look" })),
        ("thinking", json!({ "type": "disabled" })),
        ("thinking", json!({ "type": "enabled", "budget_tokens": 1024 })),
        ("temperature", json!(1)),
        ("top_p", json!(0.9)),
        ("top_k", json!(5)),
    ];
    for (name, value) in fields {
        let mut body = modern();
        body[name] = value.clone();
        assert_eq!(post(&server, &body).await.status, 400, "{name} {value}");
        // The older ones take all of it.
        body["model"] = first()["model"].clone();
        assert_eq!(post(&server, &body).await.status, 200, "{name} {value}");
    }
    let mut prefilled = modern();
    prefilled["messages"].as_array_mut().unwrap().push(json!({ "role": "assistant", "content": "{" }));
    let answer = post(&server, &prefilled).await;
    assert!(answer.text().contains("does not support assistant message prefill"), "{}", answer.text());
    let mut free = modern();
    free["thinking"] = json!({ "type": "adaptive" });
    free["tool_choice"] = json!({ "type": "auto", "disable_parallel_tool_use": true });
    free["max_tokens"] = json!(128_000);
    assert_eq!(post(&server, &free).await.status, 200);
}

#[tokio::test]
async fn they_think_first_and_hide_it() {
    let server = start(looks()).await;
    let content = post(&server, &modern()).await.content();
    assert_eq!((&content[0]["type"], &content[0]["thinking"]), (&json!("thinking"), &json!("")));
    assert!(content[0]["signature"].as_str().is_some_and(|signature| signature.len() > 20));
    assert_eq!(post(&server, &following(&modern(), &content)).await.status, 200);
    let mut without = content.clone();
    without.as_array_mut().unwrap().remove(0);
    assert_eq!(post(&server, &following(&modern(), &without)).await.status, 400);
}

#[tokio::test]
async fn thoughts_are_bound_to_their_model() {
    let server = start(Script::turns([Reply::call("look", json!({})), Reply::text("Yes.")])).await;
    let content = post(&server, &modern()).await.content();
    let mut other = following(&modern(), &content);
    other["model"] = json!("claude-sonnet-5-5");
    let answer = post(&server, &other).await;
    assert!(answer.text().contains("Invalid `signature`"), "{}", answer.text());
}
