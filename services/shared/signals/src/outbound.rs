//! Calls to others: each a span in the trace that it belongs to, and counted with how long it took and how it ended.

use std::future::Future;
use std::time::Instant;

use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::metrics::outside::OUTBOUND_SECONDS;
use crate::trace;

/// How a call ended, the same for all whom we call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Answered,
    /// It was said to be wrong, and will be again.
    Refused,
    /// Too many came in too short a time.
    Throttled,
    /// We are not let in.
    Unauthorized,
    /// No connection came about, or the other side can't at the moment.
    Unavailable,
    /// It was sent, and nobody knows what became of it.
    Unknown,
    /// Whoever called did not wait for the end.
    GivenUp,
}

impl Ended {
    /// All ways in which a call ends.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Refused,
        Self::Throttled,
        Self::Unauthorized,
        Self::Unavailable,
        Self::Unknown,
        Self::GivenUp,
    ];

    /// Its name, as it is counted.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::GivenUp => "given_up",
        }
    }

    /// What a status of HTTP says. A redirect is an answer that nobody here wants.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Answered,
            401 | 403 => Self::Unauthorized,
            // Shopify's and Anthropic's own ways to say it.
            429 | 430 | 529 => Self::Throttled,
            300..=499 => Self::Refused,
            _ => Self::Unavailable,
        }
    }
}

/// A call that has begun. It is counted when it ends, and also when nobody waits for its end any more.
struct Call {
    peer: &'static str,
    begun: Instant,
    span: Span,
    ended: Ended,
}

impl Drop for Call {
    fn drop(&mut self) {
        OUTBOUND_SECONDS.took(self.begun.elapsed(), [self.peer, self.ended.as_str()]);
        if self.ended != Ended::Answered && !self.span.is_disabled() {
            self.span.set_attribute("error.type", self.ended.as_str());
            self.span.set_status(opentelemetry::trace::Status::error(""));
        }
    }
}

/// Makes a call to `peer` (a word of the code: `shopify`, `mail`, `anthropic`, `endpoint`, `oidc`, `collector`) within its span. `ended` says how it
/// ended, from what it gave.
pub async fn call<T>(
    peer: &'static str,
    span: Span,
    calling: impl Future<Output = T>,
    ended: impl FnOnce(&T) -> Ended,
) -> T {
    let mut call = Call { peer, begun: Instant::now(), span: span.clone(), ended: Ended::GivenUp };
    let answer = calling.instrument(span).await;
    call.ended = ended(&answer);
    answer
}

/// Says with which status the call of this span was answered.
pub fn status(span: &Span, status: u16) {
    trace::says(span, "http.response.status_code", i64::from(status));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::metrics::text;

    #[test]
    fn a_call_is_counted_by_how_it_ended_also_if_nobody_waits() {
        let mut context = Context::from_waker(Waker::noop());
        let done = pin!(call("probe", Span::none(), std::future::ready(7), |_| Ended::Refused));
        assert!(done.poll(&mut context).is_ready());
        {
            let never = pin!(call("probe", Span::none(), std::future::pending::<()>(), |()| Ended::Answered));
            assert!(never.poll(&mut context).is_pending());
        }
        let text = text();
        for outcome in ["refused", "given_up"] {
            let line = format!(
                "tradeup_outbound_duration_seconds_count{{peer=\"probe\",outcome=\"{outcome}\"}} 1\n"
            );
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn a_status_is_told_apart() {
        for (status, ended) in [
            (200, Ended::Answered),
            (204, Ended::Answered),
            (302, Ended::Refused),
            (401, Ended::Unauthorized),
            (404, Ended::Refused),
            (429, Ended::Throttled),
            (500, Ended::Unavailable),
            (529, Ended::Throttled),
        ] {
            assert_eq!(Ended::of_status(status), ended, "{status}");
        }
    }
}
