//! What was answered goes back as it came.

use serde_json::json;
use tradeup_anthropic::{Block, Request};
use tradeup_fakes::anthropic::{Brain, Fault, Reply, Script};

use super::{ask, first, following};
use crate::setting::{MODERN, OPUS, looks, start};

/// Asks, and goes on with the answer.
async fn goes_on(brain: impl Brain, model: &str, faults: Vec<Fault>) -> Vec<Block> {
    let shown = format!("{model} {faults:?}");
    let server = start(brain).await;
    server.fault(faults);
    let request = Request { model: model.to_owned(), ..first() };
    let answer = ask(&server, &request).await.unwrap();
    let next = following(&request, &answer);
    ask(&server, &next).await.unwrap();
    let (ledger, bodies) = (server.ledger(), server.bodies());
    assert_eq!(ledger.trouble(), None, "{shown}");
    assert!(ledger.accepted[1].is_continued, "{shown}");
    assert!(bodies[1].contains(answer.content.get()), "{shown}");
    answer.blocks
}

#[tokio::test]
async fn whatever_there_is_in_it() {
    let layouts = [
        vec![],
        vec![Fault::UnknownBlock],
        vec![Fault::UnknownField],
        vec![Fault::EmptyText],
        vec![Fault::UnknownTool { name: "send_mail".to_owned() }],
        vec![Fault::WrongArgumentTypes],
        vec![Fault::ManyCalls { count: 10 }],
        vec![
            Fault::UnknownBlock,
            Fault::UnknownField,
            Fault::EmptyText,
            Fault::Crlf,
            Fault::Chunks { bytes: 1 },
        ],
    ];
    for faults in layouts {
        for model in [OPUS, MODERN] {
            goes_on(looks(), model, faults.clone()).await;
        }
    }
}

#[tokio::test]
async fn thoughts_with_their_signature() {
    let thinks = || {
        Script::turns([
            Reply::default()
                .and_thinking("The shop has 12 members, and «café» is one. ".repeat(5))
                .and_text("So.")
                .and_thinking("")
                .and_call("look", json!({ "share": 0.25, "of": [1, 1e3, null, true] })),
            Reply::text("It is well."),
        ])
    };
    for model in [OPUS, MODERN] {
        let blocks = goes_on(thinks(), model, Vec::new()).await;
        assert_eq!(blocks.iter().filter(|block| **block == Block::Thinking).count(), 2);
    }
}

#[tokio::test]
async fn thoughts_that_nobody_can_read() {
    let block =
        json!({ "type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIw" });
    let other = tradeup_fakes::anthropic::Content::Other { block };
    let script =
        Script::turns([Reply::default().and(other).and_call("look", json!({})), Reply::text("It is well.")]);
    assert_eq!(goes_on(script, OPUS, Vec::new()).await[0], Block::Thinking);
}

#[tokio::test]
async fn what_was_asked_before_is_read_from_the_cache() {
    let server = start(looks()).await;
    let mut request = first();
    request.system[0].text = "word".repeat(5000);
    let answer = ask(&server, &request).await.unwrap();
    let next = ask(&server, &following(&request, &answer)).await.unwrap();
    let written = answer.usage.cache_creation_input_tokens;
    assert!(written > 5000);
    assert_eq!(next.usage.cache_read_input_tokens, written);
}
