//! The stand-in is told what to do while requests are on their way.

use serde_json::{Value, json};
use tradeup_fakes::anthropic::{
    Asked, End, Endpoint, Fault, Fits, Ledger, Point, Reply, Scheduled, Script, Step,
};

use crate::setting::{PATIENCE, control, first, get, looks, post, request, sent, start};

#[tokio::test]
async fn a_request_is_held_at_each_point_and_let_go() {
    for (at, billed) in
        [(Point::Arrived, 0), (Point::Accepted, 1), (Point::Event(3), 1), (Point::BeforeStop, 1)]
    {
        let server = start(looks()).await;
        server.hold(at, Fits::default());
        let body = first();
        let (answer, ()) = tokio::join!(post(&server, &body), async {
            let ledger = server.until(PATIENCE, |ledger| !ledger.held.is_empty()).await.unwrap();
            assert_eq!((ledger.held[0].at, ledger.billed()), (at, billed));
            assert_eq!(server.release(), 1);
        });
        assert_eq!(answer.kinds().last().unwrap(), "message_stop");
        let ledger = server.ledger();
        assert_eq!((ledger.accepted[0].end, ledger.held.len()), (End::Whole, 0));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_while_it_is_held_has_paid() {
    let server = start(looks()).await;
    server.hold(Point::Accepted, Fits::default());
    let body = first();
    let asking = post(&server, &body);
    let held = server.until(PATIENCE, |ledger| ledger.held.len() == 1);
    tokio::select! {
        _ = asking => panic!("it is held"),
        held = held => drop(held.unwrap()),
    }
    let gone = |ledger: &Ledger| ledger.accepted[0].end == End::Abandoned;
    let ledger = server.until(PATIENCE, gone).await.unwrap();
    assert_eq!((ledger.billed(), ledger.held.len()), (1, 0));
}

#[tokio::test]
async fn all_is_told_over_http_as_well() {
    let server = start(looks()).await;
    let told = async |path: &str, body: Value| control(&server, path, &body).await.status;
    let fault = json!({ "faults": [{ "fault": "status", "code": 529 }], "times": 2, "only": { "turn": 0 } });
    assert_eq!(told("/_control/faults", fault).await, 204);
    assert_eq!(told("/_control/faults", json!({ "faults": [{ "fault": "earthquake" }] })).await, 422);
    assert_eq!(told("/_control/hold", json!({ "at": "accepted", "only": { "tools": ["look"] } })).await, 204);
    assert_eq!(
        told("/_control/hold", json!({ "at": { "event": 2 }, "only": { "system": "nobody" } })).await,
        204
    );
    for _ in 0..2 {
        assert_eq!(post(&server, &first()).await.error(), (529, "overloaded_error".to_owned()));
    }
    let body = first();
    let (answer, ()) = tokio::join!(post(&server, &body), async {
        let ledger = get(&server, "/_control/ledger?held=1").await.json();
        assert_eq!(
            (&ledger["held"][0]["at"], &ledger["held"][0]["role"]),
            (&json!("accepted"), &json!("orchestrator"))
        );
        let released = control(&server, "/_control/release", &json!({})).await.json();
        assert_eq!(released["released"], 1);
    });
    assert_eq!(answer.status, 200);
    let model = first()["model"].clone();
    assert_eq!(told("/_control/retire", json!({ "model": model })).await, 204);
    assert_eq!(post(&server, &first()).await.status, 404);
    assert_eq!(told("/_control/revive", json!({ "model": model })).await, 204);
    let limits = json!({ "family": "opus", "requests": 0, "input_tokens": 9, "output_tokens": 9 });
    assert_eq!(told("/_control/limits", limits).await, 204);
    assert_eq!(post(&server, &first()).await.status, 429);
    assert_eq!(told("/_control/clock", json!({ "advance_seconds": 60 })).await, 200);
    assert_eq!(get(&server, "/_control/clock").await.json()["now"], "2026-11-24T09:01:00Z");
    let ledger: Ledger =
        serde_json::from_value(get(&server, "/_control/ledger?accepted=1&ended=1").await.json()).unwrap();
    assert_eq!((ledger.arrived, ledger.billed(), ledger.refused.len()), (5, 1, 4));
    assert_eq!(get(&server, "/_control/bodies").await.json().as_array().unwrap().len(), 5);
    assert_eq!(sent(request(&server, "DELETE", "/_control/faults")).await.unwrap().status, 204);
}

#[tokio::test]
async fn faults_wait_for_their_turn() {
    let server = start(looks()).await;
    server.fault(Scheduled::from(Fault::status(500)).after(1).times(2));
    server.fault(Scheduled::from(Fault::status(503)).at(Endpoint::Models));
    server.fault(Scheduled::from(Fault::status(402)).only(Fits::default().model("sonnet")));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(post(&server, &first()).await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(get(&server, "/v1/models").await.status, 503);
    assert_eq!(get(&server, "/v1/models").await.status, 200);
    assert_eq!(server.ledger().trouble(), None);
}

#[tokio::test]
async fn what_no_step_is_for_is_loud() {
    let script = Script::new()
        .on(Fits::default().tool("look").turn(0).system("shops"), Reply::text("One."))
        .step(Step::new(Fits::default().newest("other"), Reply::text("Two.")).times(1));
    let server = start(script).await;
    assert_eq!(post(&server, &first()).await.content()[0]["text"], "One.");
    let mut other = first();
    other["system"] = json!("You are another.");
    other["messages"][0]["content"] = json!("The other one?");
    assert_eq!(post(&server, &other).await.content()[0]["text"], "Two.");
    let answer = post(&server, &other).await;
    assert_eq!(answer.error(), (500, "api_error".to_owned()));
    let ledger = server.ledger();
    assert_eq!((ledger.billed(), ledger.unmatched.len()), (2, 1));
    assert!(ledger.trouble().unwrap().contains("no step for turn 0"));
    assert_eq!(Asked(&ledger.unmatched[0].body).system(), "You are another.");
}

#[tokio::test]
async fn the_steps_of_a_script_fail_at_first() {
    let step = Step::new(Fits::default(), Reply::text("At last."))
        .failing([Fault::status(529)])
        .failing([Fault::EndBeforeStop]);
    let server = start(Script::new().step(step)).await;
    assert_eq!(post(&server, &first()).await.status, 529);
    assert!(!post(&server, &first()).await.kinds().contains(&"message_stop".to_owned()));
    assert_eq!(post(&server, &first()).await.content()[0]["text"], "At last.");
    // The first was not accepted; the others were.
    assert_eq!((server.ledger().billed(), server.ledger().trouble()), (2, None));
}
