//! Requests as they are written by hand, and answers as they are read by hand.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{Brain, Options, Reply, Server};
use tradeup_fakes::shopify::Clock;

pub(crate) const OPUS: &str = "claude-opus-4-5-20251101";
pub(crate) const SONNET: &str = "claude-sonnet-4-5-20250929";
pub(crate) const MODERN: &str = "claude-opus-5-5";
/// Whoever waits for something waits no longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// Whether the connection broke before the body's end.
    pub(crate) is_cut: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The events of the stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        events(self.text())
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The content, put together from the stream.
    pub(crate) fn content(&self) -> Value {
        let (mut blocks, mut inputs) = (Vec::new(), Vec::new());
        for event in self.events() {
            let at = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap();
            match event["type"].as_str().unwrap() {
                "content_block_start" => {
                    blocks.push(event["content_block"].clone());
                    inputs.push(String::new());
                }
                "content_block_delta" => {
                    let delta = &event["delta"];
                    for name in ["text", "thinking", "signature"] {
                        if let Some(piece) = delta[name].as_str() {
                            blocks[at][name] =
                                json!(format!("{}{piece}", blocks[at][name].as_str().unwrap()));
                        }
                    }
                    inputs[at].push_str(delta["partial_json"].as_str().unwrap_or_default());
                }
                "content_block_stop" if !inputs[at].is_empty() => {
                    blocks[at]["input"] = serde_json::from_str(&inputs[at]).unwrap();
                }
                _ => {}
            }
        }
        Value::Array(blocks)
    }

    /// Status and type of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["type"].as_str().unwrap().to_owned())
    }
}

/// The events of a stream whose lines end by LF; an event is two lines.
pub(crate) fn events(text: &str) -> Vec<Value> {
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    let data = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
        data
    };
    events.map(data).collect()
}

pub(crate) fn http() -> reqwest::Client {
    // No server with TLS is asked: no roots are needed.
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}

/// A request with what every one needs.
pub(crate) fn request(server: &Server, method: &str, path: &str) -> reqwest::RequestBuilder {
    http()
        .request(method.parse().unwrap(), format!("{}{path}", server.base()))
        .header("x-api-key", "sk-test")
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
}

/// Sends it; `None` if no headers ever came back.
pub(crate) async fn sent(request: reqwest::RequestBuilder) -> Option<Answer> {
    let mut response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let (mut bytes, mut is_cut) = (Vec::new(), false);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => {
                is_cut = true;
                break;
            }
        }
    }
    Some(Answer { status, headers, bytes, is_cut })
}

pub(crate) async fn post(server: &Server, body: &Value) -> Answer {
    sent(request(server, "POST", "/v1/messages").body(body.to_string())).await.unwrap()
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    sent(request(server, "GET", path)).await.unwrap()
}

pub(crate) async fn control(server: &Server, path: &str, body: &Value) -> Answer {
    sent(request(server, "POST", path).body(body.to_string())).await.unwrap()
}

pub(crate) fn tool(name: &str) -> Value {
    json!({ "name": name, "description": "Looks.", "input_schema": { "type": "object", "properties": {} } })
}

/// A request for the first turn, streamed.
pub(crate) fn first() -> Value {
    json!({
        "model": OPUS,
        "max_tokens": 2000,
        "stream": true,
        "system": [{ "type": "text", "text": "You look at shops." }],
        "tools": [tool("look"), tool("submit_plan")],
        "messages": [{ "role": "user", "content": "How is the shop?" }],
    })
}

/// The next request, with what was answered and all results.
pub(crate) fn following(request: &Value, content: &Value) -> Value {
    let results: Vec<Value> = content
        .as_array()
        .unwrap()
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|call| json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "12" }))
        .collect();
    let mut next = request.clone();
    let messages = next["messages"].as_array_mut().unwrap();
    messages.push(json!({ "role": "assistant", "content": content }));
    messages.push(json!({ "role": "user", "content": results }));
    next
}

/// Calls `look` twice and then says something.
pub(crate) fn looks() -> impl Brain {
    tradeup_fakes::anthropic::Script::turns([
        Reply::text("I look 👀 twice.")
            .and_call("look", json!({ "at": "members", "since": "café" }))
            .and_call("look", json!({})),
        Reply::text("It is well."),
    ])
}

pub(crate) async fn start(brain: impl Brain) -> Server {
    let clock = Clock::standing("2026-11-24T09:00:00Z".parse().unwrap());
    Server::start_with(Options { clock, ..Options::default() }, brain).await.unwrap()
}
