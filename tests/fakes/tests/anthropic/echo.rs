//! What was answered is taken back as it was, and not otherwise.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{Fault, Options, Reply, Script, Server};

use crate::setting::{Answer, first, following, looks, post, start};

async fn answered(server: &Server, faults: Vec<Fault>) -> Value {
    server.fault(faults);
    post(server, &first()).await.content()
}

fn refused(answer: &Answer, says: &str) {
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains(says), "{}", answer.text());
}

#[tokio::test]
async fn a_conversation_goes_on() {
    let server = start(looks()).await;
    let content = answered(&server, Vec::new()).await;
    let next = following(&first(), &content);
    let answer = post(&server, &next).await;
    assert_eq!(answer.content()[0]["text"], "It is well.");
    let ledger = server.ledger();
    assert!(ledger.accepted.iter().all(|entry| entry.is_continued));
    assert_eq!(ledger.accepted[0].conversation, ledger.accepted[1].conversation);
    assert_eq!(ledger.accepted.iter().map(|entry| entry.turn).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(ledger.trouble(), None);
}

#[tokio::test]
async fn whatever_is_changed_is_noticed() {
    let server = start(looks()).await;
    let content = answered(&server, Vec::new()).await;
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 5] = [
        (|content| content[0]["text"] = json!("I look twice."), "not what was answered"),
        (|content| content[1]["input"]["at"] = json!("orders"), "not what was answered"),
        (|content| drop(content[1].as_object_mut().unwrap().remove("caller")), "not what was answered"),
        (|content| drop(content.as_array_mut().unwrap().remove(0)), "not what was answered"),
        (|content| content[1]["id"] = json!("toolu_01made_up"), "no answer had a call with the id"),
    ];
    for (change, says) in changes {
        let mut changed = content.clone();
        change(&mut changed);
        refused(&post(&server, &following(&first(), &changed)).await, says);
    }
    assert_eq!(server.ledger().billed(), 1);
}

#[tokio::test]
async fn what_was_said_to_another_is_not_taken() {
    let server = start(looks()).await;
    let content = answered(&server, Vec::new()).await;
    let mut other = first();
    other["messages"][0]["content"] = json!("How is the other shop?");
    refused(&post(&server, &following(&other, &content)).await, "in this conversation");
}

#[tokio::test]
async fn a_history_that_is_rewritten_is_seen() {
    let server = start(looks()).await;
    let content = answered(&server, Vec::new()).await;
    let mut next = following(&first(), &content);
    next["system"][0]["text"] = json!("You look at shops on 24 November.");
    assert_eq!(post(&server, &next).await.status, 200);
    // It is allowed, but no cache knows it.
    assert!(!server.ledger().accepted[1].is_continued);
}

#[tokio::test]
async fn markers_of_the_cache_may_move() {
    let server = start(looks()).await;
    let content = answered(&server, Vec::new()).await;
    let mut next = following(&first(), &content);
    next["messages"][0]["content"] =
        json!([{ "type": "text", "text": "How is the shop?", "cache_control": { "type": "ephemeral" } }]);
    assert_eq!(post(&server, &next).await.status, 200);
    assert!(server.ledger().accepted[1].is_continued);
}

#[tokio::test]
async fn what_nobody_knows_is_taken_back_from_its_own_answers() {
    let server = start(looks()).await;
    let content = answered(&server, vec![Fault::UnknownBlock, Fault::UnknownField]).await;
    assert_eq!(content[0]["type"], "hologram");
    assert_eq!(post(&server, &following(&first(), &content)).await.status, 200);
    let mut without = content.clone();
    without[2].as_object_mut().unwrap().remove("provenance");
    refused(&post(&server, &following(&first(), &without)).await, "Input tag 'hologram'");
    without.as_array_mut().unwrap().remove(0);
    refused(
        &post(&server, &following(&first(), &without)).await,
        "provenance: Extra inputs are not permitted",
    );
}

#[tokio::test]
async fn an_empty_text_is_said_and_yet_not_taken_back() {
    let server = start(looks()).await;
    let content = answered(&server, vec![Fault::EmptyText]).await;
    refused(&post(&server, &following(&first(), &content)).await, "must be non-empty");
    let mut without = content.clone();
    without.as_array_mut().unwrap().remove(0);
    assert_eq!(post(&server, &following(&first(), &without)).await.status, 200);
    assert!(server.ledger().accepted[1].is_continued);
}

#[tokio::test]
async fn thoughts_are_not_to_be_changed() {
    let server = start(Script::turns([
        Reply::default().and_thinking("Hm.").and_call("look", json!({})),
        Reply::text("Yes."),
    ]))
    .await;
    let content = answered(&server, Vec::new()).await;
    for change in ["thinking", "signature"] {
        let mut changed = content.clone();
        changed[0][change] = json!("Hm");
        refused(&post(&server, &following(&first(), &changed)).await, "cannot be modified");
    }
    assert_eq!(post(&server, &following(&first(), &content)).await.status, 200);
}

#[tokio::test]
async fn one_that_was_started_anew_trusts_if_it_is_told_to() {
    let content = answered(&start(looks()).await, Vec::new()).await;
    let forgetful = start(looks()).await;
    assert_eq!(post(&forgetful, &following(&first(), &content)).await.status, 400);
    let options = Options { trusts_history: true, ..Options::default() };
    let trusting = Server::start_with(options, looks()).await.unwrap();
    assert_eq!(post(&trusting, &following(&first(), &content)).await.status, 200);
}
