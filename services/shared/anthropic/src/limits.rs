//! What the provider's headers say of the account's limits. Each of them may be missing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// What is left, as of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests that are left, and in how long there are all of them again.
    pub requests: Option<Left>,
    /// The same of tokens that are read.
    pub input_tokens: Option<Left>,
    /// The same of tokens that are written.
    pub output_tokens: Option<Left>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// So much.
    pub remaining: u64,
    /// In so long it is full again, by the provider's own clock.
    pub reset_in: Duration,
}

impl RateLimits {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // Its own clock, since ours may be another.
        let now = text("date")
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.with_timezone(&Utc));
        let left = |what: &str| {
            let remaining = text(&format!("anthropic-ratelimit-{what}-remaining"))?.parse().ok()?;
            let reset = text(&format!("anthropic-ratelimit-{what}-reset"));
            let reset =
                reset.and_then(|at| DateTime::parse_from_rfc3339(at).ok()).map(|at| at.with_timezone(&Utc));
            let reset_in =
                reset.zip(now).and_then(|(reset, now)| (reset - now).to_std().ok()).unwrap_or_default();
            Some(Left { remaining, reset_in })
        };
        Self {
            requests: left("requests"),
            input_tokens: left("input-tokens"),
            output_tokens: left("output-tokens"),
        }
    }
}

/// How long it asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|ms| ms.parse().ok()) {
        return Some(Duration::from_millis(wait));
    }
    let wait = text("retry-after")?;
    if let Ok(seconds) = wait.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| DateTime::parse_from_rfc2822(text).ok();
    (date(wait)? - date(text("date")?)?).to_std().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn limits_are_read_by_the_providers_clock() {
        let limits = RateLimits::of(&headers(&[
            ("Date", "Sun, 29 Nov 2026 12:00:00 GMT"),
            ("Anthropic-Ratelimit-Input-Tokens-Remaining", "900"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-29T12:00:30Z"),
            ("anthropic-ratelimit-requests-remaining", "many"),
        ]));
        assert_eq!(limits.input_tokens, Some(Left { remaining: 900, reset_in: Duration::from_secs(30) }));
        assert_eq!((limits.requests, limits.output_tokens), (None, None));
    }

    #[test]
    fn waits_come_in_three_forms() {
        let date = ("date", "Sun, 29 Nov 2026 12:00:00 GMT");
        for (pairs, expected) in [
            (vec![("retry-after-ms", "1500"), ("retry-after", "9")], Some(1500)),
            (vec![("retry-after", "3600")], Some(3_600_000)),
            (vec![date, ("retry-after", "Sun, 29 Nov 2026 12:01:00 GMT")], Some(60_000)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "-1")], None),
            (vec![], None),
        ] {
            assert_eq!(retry_after(&headers(&pairs)), expected.map(Duration::from_millis), "{pairs:?}");
        }
    }
}
