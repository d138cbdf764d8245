//! Answers that are not the provider's, or not of the form that was asked for.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use futures::StreamExt as _;
use tradeup_anthropic::{Billed, Block, CallError};
use tradeup_domain::{Class, Classify as _, ErrorCode};

use crate::server::{Server, WHOLE};

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_it_is() {
    let server =
        Server::start(|| ([("content-type", "application/json"), ("request-id", "req_1")], WHOLE)).await;
    let answer = server.ask().await.unwrap();
    assert_eq!(answer.content.get(), r#"[{"type":"text","text":"caf\u00e9","n":1e2}]"#);
    assert_eq!(answer.blocks, [Block::Text("café".to_owned())]);
    assert_eq!((answer.usage.input_tokens, answer.request_id.as_deref()), (3, Some("req_1")));
}

#[tokio::test]
async fn what_is_no_answer_may_be_paid_and_is_not_asked_for_again() {
    let bodies: [(StatusCode, &[u8]); 6] = [
        (StatusCode::OK, b"<html>Sign in to the guests' network</html>"),
        (StatusCode::OK, b""),
        (StatusCode::OK, b"{\"content\":[{\"type\":\"text\",\"text\":\"\xff\"}]}"),
        (StatusCode::OK, b"{\"content\":[],\"stop_reason\":\"end_turn\"}"),
        (StatusCode::ACCEPTED, b"{}"),
        (StatusCode::NO_CONTENT, b""),
    ];
    for (status, body) in bodies {
        let server = Server::start(move || (status, [("request-id", "req_1")], body)).await;
        let error = server.ask().await.unwrap_err();
        assert!(matches!(error, CallError::Unreadable { .. }), "{status}: {error}");
        assert_eq!((error.billed(), error.class()), (Billed::Unknown, Class::TRANSIENT), "{status}");
        assert_eq!((error.request_id(), server.seen().len()), (Some("req_1"), 1), "{status}");
    }
}

#[tokio::test]
async fn an_error_that_says_it_is_an_answer_is_one() {
    let body =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let server = Server::start(move || body).await;
    let error = server.ask().await.unwrap_err();
    assert!(matches!(&error, CallError::InStream { kind, .. } if kind == "overloaded_error"), "{error}");
    assert_eq!(
        (error.billed(), error.request_id(), server.seen().len()),
        (Billed::Unknown, Some("req_1"), 1)
    );
}

#[tokio::test]
async fn what_a_gateway_says_of_itself_says_nothing_of_the_bill() {
    for status in [500, 502, 503, 520, 524, 529] {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Server::start(move || (status, "<html>\n<p>error</p>\0</html>")).await;
        let error = server.ask().await.unwrap_err();
        assert_eq!(
            (error.billed(), error.code()),
            (Billed::Unknown, ErrorCode::ModelUnavailable),
            "{status}"
        );
        assert_eq!(server.seen().len(), 1, "{status}: asked again");
        assert!(error.to_string().ends_with("<html> <p>error</p> </html>"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|| ([("content-type", "application/json")], WHOLE)).await;
    let to = format!("http://{}/", elsewhere.address);
    for status in [StatusCode::TEMPORARY_REDIRECT, StatusCode::MOVED_PERMANENTLY] {
        let to = to.clone();
        let server = Server::start(move || (status, [("location", to.clone())])).await;
        let error = server.ask().await.unwrap_err();
        assert_eq!((error.billed(), error.code()), (Billed::No, ErrorCode::ModelUnavailable));
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn an_error_that_never_ends_is_read_in_part() {
    let server = Server::start(|| {
        let flood = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 4096]));
        (StatusCode::BAD_REQUEST, Body::from_stream(flood.chain(futures::stream::pending())))
    });
    let error = server.await.ask().await.unwrap_err();
    let CallError::Status { status: 400, message, .. } = &error else { panic!("{error}") };
    assert_eq!(message.len(), 512);
}

#[tokio::test]
async fn a_wait_of_nothing_is_none_that_was_asked_for() {
    let server = Server::start(|| {
        let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), "0".parse().unwrap())]);
        let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#;
        (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
    })
    .await;
    let error = server.ask().await.unwrap_err();
    assert_eq!((error.retry_after(), server.seen().len()), (Some(Duration::ZERO), 3));
    assert_eq!(error.billed(), Billed::No);
}
