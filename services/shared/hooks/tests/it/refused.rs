//! What an endpoint may answer instead.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::response::IntoResponse as _;
use tradeup_hooks::{ANSWER_LEN_MAX, SendError, schedule};

use crate::receiver::{Receiver, send, sender, writes};

#[tokio::test]
async fn the_answer_is_told_to_the_operator_and_bounded() {
    let receiver = Receiver::start(|| (StatusCode::BAD_REQUEST, "no \u{1b}[31msuch\r\n\0event")).await;
    let error = send(&sender(), &receiver.url()).await.unwrap_err();
    let answer = "no [31msuch event".to_owned();
    assert_eq!(error.to_string(), format!("the endpoint answered 400: {answer}"));
    assert_eq!(error, SendError::Refused { status: 400, retry_after: None, answer });
    assert_eq!((error.kind(), error.status(), error.certainly_not_received()), ("refused", Some(400), false));

    // A megabyte, of characters that the limit falls within.
    let receiver = Receiver::start(|| (StatusCode::INTERNAL_SERVER_ERROR, "€".repeat(350_000))).await;
    let SendError::Refused { status: 500, answer, .. } = send(&sender(), &receiver.url()).await.unwrap_err()
    else {
        panic!("refused");
    };
    assert_eq!(answer, "€".repeat(ANSWER_LEN_MAX / 3));

    // Bytes of no text.
    let receiver = Receiver::start(|| (StatusCode::BAD_GATEWAY, vec![0xff_u8; 4000])).await;
    let error = send(&sender(), &receiver.url()).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused { status: 502, .. }), "{error:?}");
    assert!(error.to_string().len() < ANSWER_LEN_MAX + 100, "{error}");
}

#[tokio::test]
async fn it_may_ask_for_time() {
    for (asked, seconds) in
        [("120", Some(120)), ("Sat, 28 Nov 2026 04:32:00 GMT", Some(119)), ("soon", None), ("\u{b2}", None)]
    {
        let answer =
            move || (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, asked)], "slow down").into_response();
        let receiver = Receiver::start(answer).await;
        let error = send(&sender(), &receiver.url()).await.unwrap_err();
        let retry_after = error.retry_after().map(|wait| wait.as_secs());
        assert_eq!((error.status(), retry_after), (Some(429), seconds), "{asked}");
        let wait = schedule::next(1, &error, schedule::Jitter::NONE).unwrap();
        assert_eq!(wait.as_secs(), seconds.unwrap_or(5));
    }
}

#[tokio::test]
async fn gone_is_for_good() {
    let receiver = Receiver::start(|| (StatusCode::GONE, "moved out")).await;
    let error = send(&sender(), &receiver.url()).await.unwrap_err();
    assert_eq!(error, SendError::Gone { answer: "moved out".to_owned() });
    assert_eq!(schedule::next(1, &error, schedule::Jitter::NONE), None);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Receiver::start(|| StatusCode::OK).await;
    let target = elsewhere.url().as_str().to_owned();
    for status in [301, 302, 303, 307, 308] {
        let to = target.clone();
        let answer =
            move || (StatusCode::from_u16(status).unwrap(), [(LOCATION, to.clone())]).into_response();
        let receiver = Receiver::start(answer).await;
        let error = send(&sender(), &receiver.url()).await.unwrap_err();
        assert_eq!(error, SendError::Redirected { status, location: Some(target.clone()) });
        assert!(
            error.to_string().contains("redirects are not followed; register http://127.0.0.1"),
            "{error}"
        );
        assert_eq!(schedule::next(1, &error, schedule::Jitter::NONE), Some(Duration::from_secs(5)));
    }
    assert!(elsewhere.seen().is_empty());
    let receiver = Receiver::start(|| StatusCode::NOT_MODIFIED).await;
    let error = send(&sender(), &receiver.url()).await.unwrap_err();
    assert_eq!(error, SendError::Redirected { status: 304, location: None });
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_still_one() {
    let url = writes(b"HTTP/1.1 503 Busy\r\ncontent-length: 100\r\nretry-after: 7\r\n\r\nbusy").await;
    let error = send(&sender(), &url).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(error, SendError::Refused { status: 503, retry_after, answer: "busy".to_owned() });
}
