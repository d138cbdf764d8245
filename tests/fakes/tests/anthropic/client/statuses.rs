//! Errors that come instead of an answer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tradeup_anthropic::{Billed, CallError};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_fakes::anthropic::{Endpoint, Fault, RetryAfter, Scheduled};

use super::{KEY, ask, client, first};
use crate::setting::{OPUS, looks, start};

/// For ever a status; its error, and how often it was asked.
async fn failed(fault: Fault) -> (CallError, u64) {
    let server = start(looks()).await;
    server.fault(Scheduled::from(fault).times(100));
    let error = ask(&server, &first()).await.unwrap_err();
    assert_eq!(server.ledger().billed(), 0);
    assert!(!format!("{error} {error:?}").contains(KEY));
    (error, server.ledger().arrived)
}

#[tokio::test]
async fn each_status_is_asked_again_or_not() {
    use ErrorCode::{ModelGone, ModelRefusedRequest, ModelUnauthorized, ModelUnavailable};
    for (code, times, expected, billed) in [
        (400, 1, ModelRefusedRequest, Billed::No),
        (401, 1, ModelUnauthorized, Billed::No),
        (402, 1, ModelUnauthorized, Billed::No),
        (403, 1, ModelUnauthorized, Billed::No),
        (404, 1, ModelGone, Billed::No),
        (409, 3, ModelUnavailable, Billed::No),
        (413, 1, ModelRefusedRequest, Billed::No),
        (429, 3, ModelUnavailable, Billed::No),
        (500, 3, ModelUnavailable, Billed::No),
        // It is asked again by nobody here: it may have been generated.
        (504, 1, ModelUnavailable, Billed::Unknown),
        (529, 3, ModelUnavailable, Billed::No),
    ] {
        let (error, arrived) = failed(Fault::status(code)).await;
        assert!(matches!(&error, CallError::Status { status, .. } if *status == code), "{error}");
        assert_eq!((error.code(), error.billed(), arrived), (expected, billed, times), "{code}");
        let is_permanent = error.class() == Class::Permanent;
        assert_eq!(is_permanent, code < 409 || code == 413, "{code}");
        assert!(error.request_id().is_some_and(|id| id.starts_with("req_")));
    }
}

#[tokio::test]
async fn what_goes_by_is_gone() {
    let server = start(looks()).await;
    server.fault(Fault::status(529));
    server.fault(Fault::status_again(429, RetryAfter::Millis(1)));
    ask(&server, &first()).await.unwrap();
    let ledger = server.ledger();
    assert_eq!((ledger.arrived, ledger.billed(), ledger.repeated()), (3, 1, 0));
}

#[tokio::test]
async fn a_long_wait_is_the_callers() {
    for again in [RetryAfter::Seconds(3600), RetryAfter::DateIn(3600), RetryAfter::Millis(3_600_000)] {
        let (error, arrived) = failed(Fault::status_again(429, again)).await;
        assert_eq!((error.retry_after(), arrived), (Some(Duration::from_secs(3600)), 1));
        assert_eq!(error.class(), Class::Transient { retry_after: Some(Duration::from_secs(3600)) });
    }
    let (error, arrived) = failed(Fault::status_again(429, RetryAfter::Verbatim("soon".to_owned()))).await;
    assert_eq!((error.retry_after(), arrived), (None, 3));
}

#[tokio::test]
async fn its_word_on_another_try_counts() {
    let says = |code, should| Fault::Status {
        code,
        kind: None,
        retry_after: None,
        should_retry: Some(should),
        html: false,
        billed: false,
    };
    assert_eq!(failed(says(529, false)).await.1, 1);
    assert_eq!(failed(says(400, true)).await.1, 3);
}

#[tokio::test]
async fn pages_for_people_are_kept_in_part() {
    for code in [413, 500] {
        let page = Fault::Status {
            code,
            kind: None,
            retry_after: None,
            should_retry: Some(false),
            html: true,
            billed: false,
        };
        let (error, _) = failed(page).await;
        let CallError::Status { status, kind, message, .. } = &error else { panic!("{error}") };
        assert_eq!((*status, kind.as_str()), (code, ""));
        assert!(message.starts_with("<html>") && message.len() <= 512);
    }
}

#[tokio::test]
async fn a_model_that_is_gone_is_told_apart() {
    let server = start(looks()).await;
    let client = client(&server);
    server.retire(OPUS);
    let error = client.model(OPUS).await.unwrap_err();
    assert_eq!((error.code(), error.class()), (ErrorCode::ModelGone, Class::Permanent));
    let error = client.ask(&first(), &CancellationToken::new()).await.unwrap_err();
    assert_eq!((error.code(), error.billed()), (ErrorCode::ModelGone, Billed::No));
    server.fault(Scheduled::from(Fault::status(503)).at(Endpoint::Models));
    assert_eq!(client.model(OPUS).await.unwrap_err().code(), ErrorCode::ModelUnavailable);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_refused_for_good() {
    let server = start(looks()).await;
    let mut request = first();
    request.max_tokens = 1_000_000;
    let error = ask(&server, &request).await.unwrap_err();
    assert_eq!((error.code(), error.class()), (ErrorCode::ModelRefusedRequest, Class::Permanent));
    assert!(error.to_string().contains("max_tokens"), "{error}");
    assert_eq!(server.ledger().arrived, 1);
}
