//! Answers that are lost are not asked for again: they may be paid for.

use tokio_util::sync::CancellationToken;
use tradeup_anthropic::{Billed, CallError};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_fakes::anthropic::{End, Fault, Place, Server};

use super::{KEY, first, impatient, options};
use crate::setting::{looks, start};

/// What is asked of this once is lost; says how, after seeing that it was asked once.
async fn lost(fault: &Fault, billed: usize) -> (Server, CallError) {
    let server = start(looks()).await;
    server.fault(fault.clone());
    let error = impatient(&server).ask(&first(), &CancellationToken::new()).await.unwrap_err();
    let ledger = server.ledger();
    assert_eq!((ledger.arrived, ledger.billed()), (1, billed), "{fault:?}");
    assert_eq!(error.billed(), Billed::Unknown, "{fault:?}: {error}");
    assert!(matches!(error.class(), Class::Transient { .. }), "{fault:?}: {error}");
    assert_eq!(error.code(), ErrorCode::ModelUnavailable, "{fault:?}: {error}");
    assert!(!format!("{error} {error:?}").contains(KEY));
    (server, error)
}

#[tokio::test]
async fn connections_that_break_before_a_word() {
    for (fault, billed) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1), (Fault::NeverAnswer, 1)] {
        let (_server, error) = lost(&fault, billed).await;
        assert!(matches!(error, CallError::Lost { .. }), "{fault:?}: {error}");
        assert_eq!(error.request_id(), None);
    }
}

#[tokio::test]
async fn streams_that_break_off() {
    for fault in [
        Fault::ResetAfter { bytes: 0 },
        Fault::ResetAfter { bytes: 300 },
        Fault::ResetAfter { bytes: 1100 },
        Fault::StallAfter { events: 0 },
        Fault::StallAfter { events: 5 },
    ] {
        let (server, error) = lost(&fault, 1).await;
        assert!(matches!(error, CallError::Lost { .. }), "{fault:?}: {error}");
        assert_eq!(error.request_id(), Some(server.ledger().accepted[0].request_id.as_str()));
    }
}

#[tokio::test]
async fn streams_that_end_as_if_they_were_whole() {
    for fault in [Fault::EndAfter { events: 0 }, Fault::EndAfter { events: 6 }, Fault::EndBeforeStop] {
        let (server, error) = lost(&fault, 1).await;
        assert!(matches!(error, CallError::Cut { .. }), "{fault:?}: {error}");
        assert_eq!(error.request_id(), Some(server.ledger().accepted[0].request_id.as_str()));
        assert_eq!(server.ledger().accepted[0].end, End::Broken);
    }
}

#[tokio::test]
async fn errors_in_the_middle() {
    for place in [Place::Start, Place::Text, Place::ToolInput, Place::End] {
        let (server, error) = lost(&Fault::ErrorIn { place, kind: "overloaded_error".to_owned() }, 1).await;
        assert!(matches!(&error, CallError::InStream { kind, .. } if kind == "overloaded_error"), "{error}");
        assert_eq!(error.request_id(), Some(server.ledger().accepted[0].request_id.as_str()));
    }
}

#[tokio::test]
async fn bytes_that_mean_nothing() {
    for fault in [Fault::InvalidUtf8, Fault::BrokenEvent] {
        let (_server, error) = lost(&fault, 1).await;
        assert!(matches!(error, CallError::Unreadable { .. }), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_paid() {
    let server = start(looks()).await;
    let base = server.base();
    drop(server);
    let client = tradeup_anthropic::Client::new(options(&base)).unwrap();
    let error = client.ask(&first(), &CancellationToken::new()).await.unwrap_err();
    // Whether the port was closed when it was knocked at, or a little later.
    match &error {
        CallError::Connect(_) => assert_eq!(error.billed(), Billed::No),
        other => assert!(matches!(other, CallError::Lost { .. }), "{other}"),
    }
    assert_eq!(error.code(), ErrorCode::ModelUnavailable);
}
