//! Errors as they are answered (reference 1.8).

use std::borrow::Cow;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

use super::endpoints::text;
use super::events::error;
use super::fault::{Fault, RetryAfter};
use super::rules::Refusal;

/// An error that was told, with what goes with it.
pub(super) struct Told {
    pub(super) refusal: Refusal,
    retry_after: Option<RetryAfter>,
    should_retry: Option<bool>,
    html: bool,
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        // The edge that finds a body too large knows nothing of the API's errors.
        let html = refusal.status == 413;
        Self { refusal, retry_after: None, should_retry: None, html }
    }
}

impl Told {
    /// The error that a fault is, if it comes before anything is accepted.
    pub(super) fn unbilled(fault: &Fault) -> Option<Self> {
        Self::of(fault, false)
    }

    /// The same if it comes after that.
    pub(super) fn billed(fault: &Fault) -> Option<Self> {
        Self::of(fault, true)
    }

    fn of(fault: &Fault, paid: bool) -> Option<Self> {
        let Fault::Status { code, kind, retry_after, should_retry, html, billed } = fault else {
            return None;
        };
        let kind = kind.clone().map_or(Cow::Borrowed(kind_of(*code)), Cow::Owned);
        let refusal = Refusal { status: *code, kind, message: message_of(*code).to_owned() };
        let (retry_after, should_retry) = (retry_after.clone(), *should_retry);
        (*billed == paid).then_some(Self { refusal, retry_after, should_retry, html: *html })
    }

    /// The limits of the minute are used up.
    pub(super) fn limited(seconds: u64) -> Self {
        let refusal = Refusal::new(429, kind_of(429), message_of(429));
        let retry_after = Some(RetryAfter::Seconds(seconds));
        Self { refusal, retry_after, should_retry: None, html: false }
    }

    pub(super) fn response(&self, request_id: &str, now: DateTime<Utc>) -> Response {
        let mut answer = if self.html {
            let status = status(self.refusal.status);
            let page =
                format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
            text(status, "text/html", page)
        } else {
            response(&self.refusal, request_id)
        };
        let mut set = |name: HeaderName, value: String| {
            if let Ok(value) = value.parse() {
                answer.headers_mut().insert(name, value);
            }
        };
        match &self.retry_after {
            None => {}
            Some(RetryAfter::Seconds(seconds)) => set(header::RETRY_AFTER, seconds.to_string()),
            Some(RetryAfter::Verbatim(value)) => set(header::RETRY_AFTER, value.clone()),
            Some(RetryAfter::Millis(ms)) => set(HeaderName::from_static("retry-after-ms"), ms.to_string()),
            Some(RetryAfter::DateIn(seconds)) => {
                let at = now + TimeDelta::seconds(*seconds);
                set(header::RETRY_AFTER, at.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
            }
        }
        if let Some(should) = self.should_retry {
            set(HeaderName::from_static("x-should-retry"), should.to_string());
        }
        answer
    }
}

/// An error in the API's shape.
pub(super) fn response(refusal: &Refusal, request_id: &str) -> Response {
    let body = error(&refusal.kind, &refusal.message, request_id);
    text(status(refusal.status), "application/json", body.to_string())
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn kind_of(code: u16) -> &'static str {
    match code {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

fn message_of(code: u16) -> &'static str {
    match code {
        402 => "Your credit balance is too low to access the Anthropic API.",
        429 => "This request would exceed your organization's rate limit.",
        529 => "Overloaded",
        500..600 => "Internal server error",
        _ => "told to fail",
    }
}
