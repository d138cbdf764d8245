//! Answers are read, however they are laid out, and whatever they are.

use serde_json::{Value, json};
use tradeup_anthropic::{Answer, Block, StopReason};
use tradeup_fakes::anthropic::{Fault, Reply, Script};

use super::{ask, client, first};
use crate::setting::{OPUS, looks, start};

async fn answered(faults: Vec<Fault>) -> Answer {
    let server = start(looks()).await;
    server.fault(faults);
    ask(&server, &first()).await.unwrap()
}

fn calls(answer: &Answer) -> Vec<(&str, &Result<Value, String>)> {
    let call = |block: &'_ Block| matches!(block, Block::ToolUse { .. });
    let of = answer.blocks.iter().filter(|block| call(block));
    of.map(|block| match block {
        Block::ToolUse { name, input, .. } => (name.as_str(), input),
        _ => panic!("not a call"),
    })
    .collect()
}

#[tokio::test]
async fn an_answer_is_all_that_was_said() {
    let server = start(looks()).await;
    let request = first();
    let answer = ask(&server, &request).await.unwrap();
    assert_eq!(answer.blocks[0], Block::Text("I look 👀 twice.".to_owned()));
    let both = (json!({ "at": "members", "since": "café" }), json!({}));
    assert_eq!(calls(&answer), [("look", &Ok(both.0)), ("look", &Ok(both.1))]);
    assert_eq!((answer.model.as_str(), &answer.stop_reason), (OPUS, &StopReason::ToolUse));
    let ledger = server.ledger();
    let entry = &ledger.accepted[0];
    assert_eq!((&answer.id, &answer.request_id), (&entry.message_id, &Some(entry.request_id.clone())));
    let (usage, paid) = (answer.usage, entry.usage);
    assert_eq!(
        (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens),
        (paid.input_tokens, paid.cache_creation_input_tokens, paid.cache_read_input_tokens)
    );
    assert_eq!(usage.output_tokens, paid.output_tokens);
    let hash: String = request.sha256().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((entry.body_sha256.clone(), &server.bodies()[0]), (hash, &request.body().unwrap()));
    assert_eq!(ledger.trouble(), None);
}

#[tokio::test]
async fn how_bytes_are_laid_out_does_not_matter() {
    let plain = answered(Vec::new()).await;
    let layouts = [
        vec![Fault::Bare],
        vec![Fault::Crlf],
        vec![Fault::OddLines],
        vec![Fault::SplitCharacters],
        vec![Fault::Chunks { bytes: 1 }],
        vec![Fault::Crlf, Fault::OddLines, Fault::Chunks { bytes: 1 }],
        vec![Fault::Crlf, Fault::Chunks { bytes: 7 }],
    ];
    for faults in layouts {
        let shown = format!("{faults:?}");
        let answer = answered(faults).await;
        assert_eq!((answer.content.get(), &answer.blocks), (plain.content.get(), &plain.blocks), "{shown}");
        assert_eq!((answer.usage, answer.id), (plain.usage, plain.id.clone()), "{shown}");
    }
}

#[tokio::test]
async fn models_stop_for_all_kinds_of_reasons() {
    let reason = |reason: &str| Fault::StopReason { reason: reason.to_owned() };
    let cases = [
        (reason("pause_turn"), StopReason::PauseTurn),
        (reason("stop_sequence"), StopReason::StopSequence),
        (reason("model_context_window_exceeded"), StopReason::ContextWindowExceeded),
        (reason("boredom"), StopReason::Unknown("boredom".to_owned())),
        (Fault::Refusal, StopReason::Refusal { category: Some("cyber".to_owned()) }),
        (Fault::CutToolInput, StopReason::MaxTokens),
        (Fault::EmptyEnd, StopReason::EndTurn),
    ];
    for (fault, expected) in cases {
        assert_eq!(answered(vec![fault]).await.stop_reason, expected);
    }
}

#[tokio::test]
async fn arguments_that_are_cut_are_no_arguments() {
    let server = start(Script::turns([Reply::call("look", json!({ "at": "members" }))])).await;
    server.fault(Fault::CutToolInput);
    let answer = ask(&server, &first()).await.unwrap();
    assert_eq!(calls(&answer), [("look", &Err("{\"at\":\"m".to_owned()))]);
}

#[tokio::test]
async fn half_a_surrogate_is_no_argument_and_hurts_no_one() {
    let answer = answered(vec![Fault::LoneSurrogate]).await;
    assert!(calls(&answer)[0].1.is_err());
    assert!(calls(&answer)[1].1.is_ok());
    // What is sent back is JSON.
    assert!(serde_json::from_str::<Value>(answer.content.get()).is_ok());
}

#[tokio::test]
async fn an_answer_may_be_empty() {
    let answer = answered(vec![Fault::EmptyEnd]).await;
    assert_eq!((answer.content.get(), answer.blocks.len()), ("[]", 0));
    let answer = answered(vec![Fault::EmptyText]).await;
    // A text without a word would not be taken back.
    assert_eq!((answer.blocks.len(), answer.content.get().contains("\"\"")), (3, false));
}

#[tokio::test]
async fn models_do_what_they_should_not_and_it_is_told() {
    let ten = answered(vec![Fault::ManyCalls { count: 10 }]).await;
    assert_eq!(calls(&ten).len(), 10);
    let unknown = answered(vec![Fault::UnknownTool { name: "send_mail".to_owned() }]).await;
    assert_eq!(calls(&unknown)[2].0, "send_mail");
    let types = answered(vec![Fault::WrongArgumentTypes]).await;
    assert_eq!(calls(&types)[0].1, &Ok(json!({ "at": 42, "since": 42 })));
    let block = answered(vec![Fault::UnknownBlock]).await;
    assert_eq!(block.blocks[0], Block::Other("hologram".to_owned()));
}

#[tokio::test]
async fn a_long_text_comes_whole() {
    let server = start(looks()).await;
    server.fault(Fault::LongText { kib: 200 });
    let mut request = first();
    request.max_tokens = 64_000;
    let answer = ask(&server, &request).await.unwrap();
    assert!(matches!(&answer.blocks[0], Block::Text(text) if text.len() == 200 * 1024));
}

#[tokio::test]
async fn counts_and_models_are_asked_for() {
    let server = start(looks()).await;
    let client = client(&server);
    let counted = client.count_tokens(&first()).await.unwrap();
    ask(&server, &first()).await.unwrap();
    assert_eq!(server.ledger().accepted[0].usage.prompt(), counted);
    let model = client.model(OPUS).await.unwrap();
    assert_eq!((model.id.as_str(), model.display_name.as_str()), (OPUS, "Claude Opus 4.5"));
    assert_eq!((server.ledger().counted, server.ledger().looked, server.ledger().trouble()), (1, 1, None));
}
