//! Calls that nobody wants any more.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tradeup_anthropic::{Billed, CallError, Client, ClientOptions};
use tradeup_fakes::anthropic::{End, Fault, Fits, Point, Scheduled};

use super::{client, first, options};
use crate::setting::{PATIENCE, looks, start};

#[tokio::test]
async fn wherever_they_are_they_end_and_may_be_paid() {
    for (at, billed) in
        [(Point::Arrived, 0), (Point::Accepted, 1), (Point::Event(4), 1), (Point::BeforeStop, 1)]
    {
        let server = start(looks()).await;
        server.hold(at, Fits::default());
        let (client, cancelled, request) = (client(&server), CancellationToken::new(), first());
        let (result, ()) = tokio::join!(client.ask(&request, &cancelled), async {
            server.until(PATIENCE, |ledger| ledger.held.len() == 1).await.unwrap();
            cancelled.cancel();
        });
        let error = result.unwrap_err();
        assert!(matches!(error, CallError::Cancelled), "{at:?}: {error}");
        assert_eq!(error.billed(), Billed::Unknown);
        // The stand-in sees that nobody listens any more.
        let ledger = server.until(PATIENCE, |ledger| ledger.held.is_empty()).await.unwrap();
        assert_eq!((ledger.arrived, ledger.billed()), (1, billed), "{at:?}");
        let left = |ends: &[End]| ends.iter().all(|end| *end == End::Abandoned);
        let ends = server
            .until(PATIENCE, |ledger| {
                left(&ledger.accepted.iter().map(|entry| entry.end).collect::<Vec<_>>())
            })
            .await;
        assert!(ends.is_ok(), "{at:?}");
    }
}

#[tokio::test]
async fn what_is_cancelled_before_is_never_sent() {
    let server = start(looks()).await;
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = client(&server).ask(&first(), &cancelled).await.unwrap_err();
    assert_eq!((error.billed(), server.ledger().arrived), (Billed::No, 0));
}

#[tokio::test]
async fn nobody_waits_to_ask_again() {
    let server = start(looks()).await;
    server.fault(Scheduled::from(Fault::status(529)).times(100));
    let patient = ClientOptions { backoff: Duration::from_secs(600), ..options(&server.base()) };
    let (client, cancelled, request) = (Client::new(patient).unwrap(), CancellationToken::new(), first());
    let (result, ()) = tokio::join!(client.ask(&request, &cancelled), async {
        server.until(PATIENCE, |ledger| ledger.refused.len() == 1).await.unwrap();
        cancelled.cancel();
    });
    // Cancelled while it waits, or a moment before it has read the refusal: in either case it does not wait.
    assert!(matches!(result.unwrap_err(), CallError::Status { status: 529, .. } | CallError::Cancelled));
    assert_eq!(server.ledger().arrived, 1);
}
