//! Limits that are told, and waited out before anything is asked.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradeup_anthropic::pace::Pace;
use tradeup_fakes::anthropic::{Family, Fault, Limits, RetryAfter};

use super::{ask, first};
use crate::setting::{looks, start};

/// How long a turn is waited for; time stands still and goes on by itself.
async fn waits(pace: &Pace, tokens: u64) -> u64 {
    tokio::time::pause();
    let begun = Instant::now();
    pace.turn("opus", tokens, &CancellationToken::new()).await;
    let waited = begun.elapsed().as_secs();
    tokio::time::resume();
    waited
}

#[tokio::test]
async fn whoever_would_be_refused_waits_for_the_reset() {
    let server = start(looks()).await;
    server.limit(Family::Opus, Limits { requests: 2, input_tokens: 100_000, output_tokens: 100_000 });
    let pace = Pace::default();
    let answer = ask(&server, &first()).await.unwrap();
    let left = answer.limits.requests.unwrap();
    assert_eq!((left.remaining, left.reset_in), (1, Duration::from_secs(30)));
    pace.note("opus", &answer.limits);
    assert_eq!(waits(&pace, 500).await, 0);
    let answer = ask(&server, &first()).await.unwrap();
    pace.note("opus", &answer.limits);
    let waited = waits(&pace, 500).await;
    assert_eq!(waited, 60);
    server.clock().advance(Duration::from_secs(waited));
    ask(&server, &first()).await.unwrap();
    assert_eq!(server.ledger().refused.len(), 0);
}

#[tokio::test]
async fn tokens_have_limits_as_well() {
    let server = start(looks()).await;
    server.limit(Family::Opus, Limits { requests: 100, input_tokens: 1000, output_tokens: 100_000 });
    let pace = Pace::default();
    let answer = ask(&server, &first()).await.unwrap();
    pace.note("opus", &answer.limits);
    let left = answer.limits.input_tokens.unwrap();
    assert!(left.remaining < 1000);
    assert_eq!(waits(&pace, left.remaining).await, 0);
    assert_eq!(waits(&pace, 1).await, left.reset_in.as_secs());
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_waited() {
    let server = start(looks()).await;
    server.fault(Fault::Status {
        code: 429,
        kind: None,
        retry_after: Some(RetryAfter::Seconds(45)),
        should_retry: Some(false),
        html: false,
        billed: false,
    });
    let pace = Pace::default();
    pace.note_error("opus", &ask(&server, &first()).await.unwrap_err());
    assert_eq!(waits(&pace, 1).await, 45);
}
