//! Pace: calls to one family of models wait while its limits are used up, so that a scan of many shops does not run into
//! them. Shared by all runs of a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::CallError;
use crate::limits::{Left, RateLimits};

/// Nobody waits longer here: the API says no by itself.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Default)]
struct Family {
    not_before: Option<Instant>,
    requests: Option<(u64, Instant)>,
    input_tokens: Option<(u64, Instant)>,
}

/// What is known of the limits of each family.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    families: Arc<Mutex<HashMap<String, Family>>>,
}

impl Pace {
    /// Waits until a request with so many tokens has room, and takes it: a minute at most.
    pub async fn turn(&self, family: &str, input_tokens: u64, cancelled: &CancellationToken) {
        let deadline = Instant::now() + WAIT_MAX;
        while let Some(until) = self.take(family, input_tokens) {
            let until = until.min(deadline);
            if timeout_at(until, cancelled.cancelled()).await.is_ok() {
                return;
            }
            if until == deadline {
                return;
            }
        }
    }

    /// Takes room for a request; or says when to ask again.
    fn take(&self, family: &str, input_tokens: u64) -> Option<Instant> {
        let now = Instant::now();
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let known = families.entry(family.to_owned()).or_default();
        if let Some(until) = known.not_before.filter(|&until| until > now) {
            return Some(until);
        }
        let waits = [room(&mut known.requests, 1, now), room(&mut known.input_tokens, input_tokens, now)];
        if let Some(until) = waits.into_iter().flatten().max() {
            return Some(until);
        }
        for (left, wanted) in [(&mut known.requests, 1), (&mut known.input_tokens, input_tokens)] {
            if let Some((remaining, _)) = left {
                *remaining = remaining.saturating_sub(wanted);
            }
        }
        None
    }

    /// Takes note of what an answer says.
    pub fn note(&self, family: &str, limits: &RateLimits) {
        let now = Instant::now();
        let of = |left: Option<Left>| left.map(|left| (left.remaining, now + left.reset_in));
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let known = families.entry(family.to_owned()).or_default();
        known.requests = of(limits.requests).or(known.requests);
        known.input_tokens = of(limits.input_tokens).or(known.input_tokens);
    }

    /// Takes note of a wait that an error asks for.
    pub fn note_error(&self, family: &str, error: &CallError) {
        if let Some(wait) = error.retry_after() {
            let until = Instant::now() + wait.min(WAIT_MAX);
            let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
            let known = families.entry(family.to_owned()).or_default();
            known.not_before = known.not_before.max(Some(until));
        }
    }
}

/// When there is room for so much, if there is none now. What is reset is not known any more.
fn room(left: &mut Option<(u64, Instant)>, wanted: u64, now: Instant) -> Option<Instant> {
    let (remaining, reset) = (*left)?;
    if reset <= now {
        *left = None;
        return None;
    }
    (remaining < wanted).then_some(reset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(remaining: u64, seconds: u64) -> Option<Left> {
        Some(Left { remaining, reset_in: Duration::from_secs(seconds) })
    }

    async fn waits(pace: &Pace, family: &str, tokens: u64) -> u64 {
        let begun = Instant::now();
        pace.turn(family, tokens, &CancellationToken::new()).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_for_the_reset_and_others_do_not() {
        let pace = Pace::default();
        assert_eq!(waits(&pace, "opus", 1_000_000).await, 0, "nothing is known yet");
        pace.note("opus", &RateLimits { input_tokens: left(1_000, 20), ..RateLimits::default() });
        assert_eq!(waits(&pace, "opus", 800).await, 0);
        assert_eq!(waits(&pace, "sonnet", 800).await, 0);
        assert_eq!(waits(&pace, "opus", 800).await, 20, "200 are left");
        assert_eq!(waits(&pace, "opus", 800).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_asked_for_is_obeyed_up_to_a_minute() {
        let pace = Pace::default();
        let error = |seconds| CallError::Status {
            status: 429,
            kind: "rate_limit_error".to_owned(),
            message: String::new(),
            request_id: None,
            retry_after: Some(Duration::from_secs(seconds)),
            should_retry: None,
        };
        pace.note_error("opus", &error(7));
        assert_eq!(waits(&pace, "opus", 1).await, 7);
        pace.note_error("opus", &error(3_600));
        assert_eq!(waits(&pace, "opus", 1).await, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_cancelled_goes() {
        let pace = Pace::default();
        pace.note("opus", &RateLimits { requests: left(0, 50), ..RateLimits::default() });
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        let begun = Instant::now();
        pace.turn("opus", 1, &cancelled).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
