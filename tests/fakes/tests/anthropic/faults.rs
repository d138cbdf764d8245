//! Whatever can go wrong, as it looks on the wire.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{End, Fault, Place, Reply, RetryAfter, Server};

use crate::setting::{Answer, PATIENCE, first, looks, post, request, sent, start};

async fn with(faults: impl Into<Vec<Fault>>) -> (Server, Option<Answer>) {
    let server = start(looks()).await;
    server.fault(faults.into());
    let answer = sent(request(&server, "POST", "/v1/messages").body(first().to_string())).await;
    (server, answer)
}

async fn content(fault: Fault) -> Value {
    with([fault]).await.1.unwrap().content()
}

/// The stop reason of a stream.
fn stop(answer: &Answer) -> Value {
    let events = answer.events();
    events.iter().rfind(|event| event["type"] == "message_delta").unwrap()["delta"]["stop_reason"].clone()
}

#[tokio::test]
async fn statuses_are_answered_before_anything_is_paid_for() {
    let kinds = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ];
    for (code, kind) in kinds {
        let (server, answer) = with([Fault::status(code)]).await;
        assert_eq!(answer.unwrap().error(), (code, kind.to_owned()));
        assert_eq!((server.ledger().billed(), server.ledger().refused[0].is_told), (0, true));
        let paid = match Fault::status(code) {
            Fault::Status { code, .. } => Fault::Status {
                code,
                kind: Some("odd_error".to_owned()),
                retry_after: None,
                should_retry: Some(false),
                html: false,
                billed: true,
            },
            other => other,
        };
        let (server, answer) = with([paid]).await;
        let answer = answer.unwrap();
        assert_eq!(
            (answer.error(), answer.header("x-should-retry")),
            ((code, "odd_error".to_owned()), Some("false"))
        );
        assert_eq!((server.ledger().billed(), server.ledger().accepted[0].end), (1, End::Broken));
    }
}

#[tokio::test]
async fn it_says_when_to_come_again() {
    let cases = [
        (RetryAfter::Seconds(3600), "retry-after", "3600"),
        (RetryAfter::Millis(250), "retry-after-ms", "250"),
        (RetryAfter::DateIn(90), "retry-after", "Tue, 24 Nov 2026 09:01:30 GMT"),
        (RetryAfter::Verbatim("soon".to_owned()), "retry-after", "soon"),
    ];
    for (again, name, value) in cases {
        let (_server, answer) = with([Fault::status_again(429, again)]).await;
        assert_eq!(answer.unwrap().header(name), Some(value));
    }
}

#[tokio::test]
async fn what_comes_from_the_way_is_a_page() {
    let page = Fault::Status {
        code: 413,
        kind: None,
        retry_after: None,
        should_retry: None,
        html: true,
        billed: false,
    };
    let answer = with([page]).await.1.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (413, Some("text/html")));
    assert!(answer.text().starts_with("<html>"));
}

#[tokio::test]
async fn connections_are_cut_before_and_after_paying() {
    for (fault, billed) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        let (server, answer) = with([fault]).await;
        assert!(answer.is_none());
        assert_eq!(server.ledger().billed(), billed);
    }
}

#[tokio::test]
async fn it_can_be_silent() {
    for fault in [Fault::NeverAnswer, Fault::StallAfter { events: 2 }] {
        let server = start(looks()).await;
        server.fault(fault);
        let asking = sent(request(&server, "POST", "/v1/messages").body(first().to_string()));
        tokio::select! {
            _ = asking => panic!("it is silent"),
            paid = server.until(PATIENCE, |ledger| ledger.billed() == 1) => drop(paid.unwrap()),
        }
        server.until(PATIENCE, |ledger| ledger.accepted[0].end == End::Abandoned).await.unwrap();
    }
}

#[tokio::test]
async fn streams_end_too_early() {
    for bytes in [1, 100, 700] {
        let (server, answer) = with([Fault::ResetAfter { bytes }]).await;
        let answer = answer.unwrap();
        assert_eq!((answer.bytes.len(), answer.is_cut), (bytes, true));
        assert_eq!(server.ledger().accepted[0].end, End::Broken);
    }
    for (fault, last) in
        [(Fault::EndAfter { events: 1 }, "message_start"), (Fault::EndBeforeStop, "message_delta")]
    {
        let (server, answer) = with([fault]).await;
        let answer = answer.unwrap();
        assert_eq!((answer.kinds().last().unwrap().as_str(), answer.is_cut), (last, false));
        assert_eq!(server.ledger().accepted[0].end, End::Broken);
    }
}

#[tokio::test]
async fn errors_come_in_the_middle() {
    let before = |place| match place {
        Place::Start => None,
        Place::Text | Place::ToolInput => Some("content_block_delta"),
        Place::End => Some("message_delta"),
    };
    for place in [Place::Start, Place::Text, Place::ToolInput, Place::End] {
        let (server, answer) = with([Fault::ErrorIn { place, kind: "overloaded_error".to_owned() }]).await;
        let answer = answer.unwrap();
        let (kinds, events) = (answer.kinds(), answer.events());
        assert_eq!(answer.status, 200);
        assert_eq!(kinds.last().unwrap(), "error");
        assert_eq!(kinds.len().checked_sub(2).map(|at| kinds[at].as_str()), before(place), "{place:?}");
        let error = events.last().unwrap();
        assert_eq!(error["error"]["type"], "overloaded_error");
        assert_eq!(error["request_id"].as_str(), answer.header("request-id"));
        assert_eq!(server.ledger().accepted[0].end, End::Broken);
    }
}

#[tokio::test]
async fn models_stop_for_all_kinds_of_reasons() {
    let cut = with([Fault::CutToolInput]).await.1.unwrap();
    assert_eq!(stop(&cut), "max_tokens");
    let kinds = cut.kinds();
    // The last block never stops.
    assert_eq!(kinds[kinds.len() - 3], "content_block_delta");
    let empty = with([Fault::EmptyEnd]).await.1.unwrap();
    assert_eq!((stop(&empty), empty.content()), (json!("end_turn"), json!([])));
    let refusal = with([Fault::Refusal]).await.1.unwrap();
    assert_eq!((stop(&refusal), refusal.content().as_array().unwrap().len()), (json!("refusal"), 1));
    for reason in ["pause_turn", "stop_sequence", "model_context_window_exceeded", "boredom"] {
        let answer = with([Fault::StopReason { reason: reason.to_owned() }]).await.1.unwrap();
        assert_eq!(stop(&answer), reason);
    }
}

#[tokio::test]
async fn models_do_what_they_should_not() {
    let twice = content(Fault::DuplicateToolUseId).await;
    assert_eq!(twice[1]["id"], twice[2]["id"]);
    let unknown = content(Fault::UnknownTool { name: "send_mail".to_owned() }).await;
    assert_eq!(unknown[3]["name"], "send_mail");
    assert_eq!(content(Fault::WrongArgumentTypes).await[1]["input"], json!({ "at": 42, "since": 42 }));
    let many = content(Fault::ManyCalls { count: 10 }).await;
    let mut ids: Vec<&Value> = many.as_array().unwrap().iter().skip(1).map(|call| &call["id"]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    let patch = |pointer: &str| Fault::Patch {
        tool: "look".to_owned(),
        pointer: pointer.to_owned(),
        value: json!("F999"),
    };
    assert_eq!(content(patch("/at")).await[1]["input"]["at"], "F999");
    assert_eq!(content(patch("/new")).await[1]["input"]["new"], "F999");
    assert_eq!(content(Fault::LongText { kib: 300 }).await[0]["text"].as_str().unwrap().len(), 2000 * 4);
    let reply = Box::new(Reply::text("Something else."));
    assert_eq!(content(Fault::Instead { reply }).await[0]["text"], "Something else.");
}

#[tokio::test]
async fn bytes_are_laid_out_differently_and_mean_the_same() {
    let plain = with([]).await.1.unwrap().bytes;
    for fault in [Fault::Chunks { bytes: 1 }, Fault::SplitCharacters] {
        assert_eq!(with([fault]).await.1.unwrap().bytes, plain);
    }
    let crlf = with([Fault::Crlf]).await.1.unwrap();
    assert_eq!(crlf.text().replace("\r\n", "\n").into_bytes(), plain);
    let odd = with([Fault::OddLines]).await.1.unwrap();
    assert!(odd.bytes.starts_with(b"\xEF\xBB\xBF: "));
    assert_eq!(odd.text().matches("\ndata: {\ndata:").count(), odd.text().matches("\nevent: ").count());
    let bare = with([Fault::Bare]).await.1.unwrap();
    assert!(!bare.kinds().iter().any(|kind| kind == "ping" || kind == "weather_report"));
}

#[tokio::test]
async fn bytes_are_wrong() {
    let broken = with([Fault::InvalidUtf8]).await.1.unwrap();
    assert!(std::str::from_utf8(&broken.bytes).is_err());
    let event = with([Fault::BrokenEvent]).await.1.unwrap();
    assert!(event.text().contains("\"del\n\n"));
    let half = with([Fault::LoneSurrogate]).await.1.unwrap();
    let pieces: String = half
        .events()
        .iter()
        .filter_map(|event| event["delta"]["partial_json"].as_str().map(str::to_owned))
        .collect();
    assert!(pieces.contains(r#"{"note":"\ud83d","at""#), "{pieces}");
}

#[tokio::test]
async fn faults_add_up() {
    let (_server, answer) = with([
        Fault::Crlf,
        Fault::Chunks { bytes: 3 },
        Fault::UnknownBlock,
        Fault::ErrorIn { place: Place::ToolInput, kind: "api_error".to_owned() },
    ])
    .await;
    let text = answer.unwrap().text().to_owned();
    assert!(text.contains("hologram") && text.contains("event: error\r\n") && !text.contains("message_stop"));
}

#[tokio::test]
async fn without_a_stream_an_answer_comes_whole() {
    let server = start(looks()).await;
    let mut body = first();
    body["stream"] = json!(false);
    let answer = post(&server, &body).await.json();
    assert_eq!((&answer["type"], &answer["stop_reason"]), (&json!("message"), &json!("tool_use")));
    assert_eq!(answer["content"][1]["input"], json!({ "at": "members", "since": "café" }));
    assert_eq!(answer["content"][2]["input"], json!({}));
    assert_eq!(server.ledger().accepted[0].end, End::Whole);
}
