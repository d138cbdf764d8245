use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn received(headers: &[(&str, &str)], body: &[u8]) -> Received {
    Received {
        subject: String::new(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_vec(),
        stored_at: DateTime::from_timestamp(1_793_512_800, 0).unwrap(),
    }
}

#[test]
fn headers_say_which_event_it_is() {
    let plain = received(&[("Nats-Msg-Id", "a-1")], b"{}");
    let read = Opened::of(&plain, "x").unwrap();
    assert_eq!((&*read.event_id, &*read.content_type), ("a-1", "application/json"));
    assert_eq!(read.occurred_at, plain.stored_at);
    let both = received(
        &[("Nats-Msg-Id", "try-2"), ("Ce-Id", "a-1"), ("ce-time", "2026-11-01T06:00:00+02:00")],
        b"",
    );
    let read = Opened::of(&both, "x").unwrap();
    assert_eq!(
        (&*read.event_id, read.occurred_at.to_rfc3339().as_str()),
        ("a-1", "2026-11-01T04:00:00+00:00")
    );
}

#[test]
fn a_wrong_header_is_named() {
    let long = "x".repeat(201);
    for (headers, named) in [
        (vec![], "Nats-Msg-Id"),
        (vec![("Nats-Msg-Id", " ")], "Nats-Msg-Id"),
        (vec![("ce-id", long.as_str())], "ce-id"),
        (vec![("ce-id", "1"), ("ce-time", "yesterday")], "ce-time"),
        (vec![("ce-id", "1"), ("Content-Type", "")], "Content-Type"),
    ] {
        let given = received(&headers, b"");
        let error = Opened::of(&given, "x").unwrap_err();
        assert_eq!(error.code(), ErrorCode::EventHeader);
        let error = error.to_string();
        assert!(error.contains(named) && !error.contains("yesterday"), "{error}");
    }
}

fn envelope() -> Value {
    json!({ "specversion": "1.0", "id": "a-1", "source": "/till/7", "type": "credit.requested",
        "time": "2026-11-01T06:00:00Z", "data": { "amount": 5, "text": "Ü" }, "comexampleother": 7 })
}

fn open(envelope: &Value) -> Result<(String, String, Vec<u8>), EnvelopeError> {
    let headers = [("content-type", "application/cloudevents+json; charset=utf-8"), ("Nats-Msg-Id", "try-3")];
    let given = received(&headers, envelope.to_string().as_bytes());
    let opened = Opened::of(&given, "credit.requested")?;
    Ok((opened.event_id.to_string(), opened.content_type.to_string(), opened.body.to_vec()))
}

#[test]
fn an_envelope_is_opened() {
    let (id, media_type, body) = open(&envelope()).unwrap();
    assert_eq!((id.as_str(), media_type.as_str()), ("a-1", "application/json"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({ "amount": 5, "text": "Ü" }));

    let mut packed = envelope();
    packed.as_object_mut().unwrap().remove("data");
    packed["data_base64"] = json!("AAEC");
    packed["datacontenttype"] = json!("application/protobuf");
    let (_, media_type, body) = open(&packed).unwrap();
    assert_eq!((media_type.as_str(), body), ("application/protobuf", vec![0, 1, 2]));
}

#[test]
fn what_is_wrong_with_an_envelope_is_named() {
    let with = |field: &str, value: Value| {
        let mut wrong = envelope();
        wrong[field] = value;
        wrong
    };
    let mut nothing = envelope();
    nothing.as_object_mut().unwrap().remove("data");
    let mut nameless = envelope();
    nameless.as_object_mut().unwrap().remove("id");
    for (wrong, named) in [
        (with("specversion", json!("0.3")), "field specversion"),
        (with("id", json!("")), "field id"),
        (nameless, "field id is missing"),
        (with("type", json!("credit.spent")), "field type"),
        (with("time", json!("yesterday")), "field time"),
        (with("data_base64", json!("AAEC")), "data_base64"),
        (nothing, "field data is missing"),
        (json!("text"), "CloudEvents envelope"),
    ] {
        let error = open(&wrong).unwrap_err();
        assert_eq!(error.code(), ErrorCode::EventBody);
        let error = error.to_string();
        assert!(error.contains(named) && !error.contains("yesterday"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_opened_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let given = received(&[("content-type", "application/cloudevents+json")], &bytes);
        let _either = Opened::of(&given, "x");
    }
}
