//! Streams as they were written down by hand, from what is known of the real ones.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{Fault, Reply, Script};

use crate::setting::{MODERN, events, first, looks, post, start};

/// The events of a file with ids and signatures, which nobody can write by hand, put in from what came. In what order a
/// server writes fields is its own affair.
fn expected(name: &str, came: &str) -> Vec<Value> {
    let path = format!("{}/samples/anthropic/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(path).unwrap();
    for (mark, prefix) in [("MSG", "\"msg_"), ("CALL", "\"toolu_"), ("SIGNATURE", "\"signature\":\"Er")] {
        let found = came.match_indices(prefix).map(|(at, _)| {
            let from = at + prefix.len();
            &came[from..from + came[from..].find('"').unwrap()]
        });
        for (number, value) in found.enumerate() {
            text = text.replace(&format!("{{{mark}{number}}}"), value);
        }
    }
    events(&text)
}

#[tokio::test]
async fn text_and_calls() {
    let came = post(&start(looks()).await, &first()).await;
    assert_eq!(came.events(), expected("text-and-calls.sse", came.text()));
}

#[tokio::test]
async fn thoughts() {
    let server = start(Script::turns([Reply::text("It is well.")])).await;
    let mut body = first();
    body["model"] = json!(MODERN);
    let came = post(&server, &body).await;
    assert_eq!(came.events(), expected("thoughts.sse", came.text()));
}

#[tokio::test]
async fn a_call_that_is_cut() {
    let server =
        start(Script::turns([Reply::call("look", json!({ "at": "members", "since": "café" }))])).await;
    server.fault(vec![Fault::CutToolInput, Fault::Bare]);
    let came = post(&server, &first()).await;
    assert_eq!(came.events(), expected("cut-call.sse", came.text()));
}
