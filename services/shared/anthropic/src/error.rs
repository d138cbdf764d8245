//! What can go wrong with a call, and whether it may have been billed.

use std::time::Duration;

use serde_json::Value;
use tradeup_domain::{Class, Classify, ErrorCode};

use crate::raw::mended;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library can't be set up.
    #[error("HTTP can't be set up: {0}")]
    Http(#[from] reqwest::Error),
    /// The address is none to make calls to.
    #[error("{0} is no address of the Messages API: give one like https://api.anthropic.com")]
    Address(String),
    /// The key can't be sent.
    #[error("the key has characters that a header can't hold; copy it again")]
    Key,
    /// There is no key, and the address is not on this machine.
    #[error("{0} wants a key: only a stand-in on this machine is asked without one")]
    NoKey(String),
}

/// Whether a call that failed is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billed {
    /// Surely not: nothing was generated.
    No,
    /// Perhaps: the answer may have been generated and lost.
    Unknown,
}

/// Why there is no answer. Texts of the provider are cut, and never hold the key.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request can't be written.
    #[error("the request can't be written as JSON: {0}")]
    Request(serde_json::Error),
    /// No connection came about: nothing left.
    #[error("the Messages API can't be reached: {0}")]
    Connect(String),
    /// The connection ended, or nothing came for too long, after the request may have left.
    #[error("the answer was lost: {what}")]
    Lost {
        /// How.
        what: String,
        /// The provider's id, if the answer had begun.
        request_id: Option<String>,
    },
    /// An error instead of an answer.
    #[error("the Messages API answers {status} {kind}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The provider's kind, like `overloaded_error`; empty if the body is not its own.
        kind: String,
        /// Its words, or the beginning of a body that is not its own.
        message: String,
        /// The provider's id.
        request_id: Option<String>,
        /// It asks to wait so long.
        retry_after: Option<Duration>,
        /// It says whether another try may help.
        should_retry: Option<bool>,
    },
    /// An error within an answer that had begun well.
    #[error("the answer broke off with {kind}: {message}")]
    InStream {
        /// The provider's kind.
        kind: String,
        /// Its words.
        message: String,
        /// The provider's id.
        request_id: Option<String>,
    },
    /// The answer ended before its end.
    #[error("the answer ended before its last event")]
    Cut {
        /// The provider's id.
        request_id: Option<String>,
    },
    /// The answer is not of the form that answers have.
    #[error("the answer can't be read: {what}")]
    Unreadable {
        /// What is wrong.
        what: String,
        /// The provider's id.
        request_id: Option<String>,
    },
    /// Whoever asked does not want it any more.
    #[error("the call was cancelled")]
    Cancelled,
}

impl CallError {
    /// Whether it is paid for. An error of the provider's own that comes instead of any event is not; whatever is lost
    /// after the request has left may be.
    #[must_use]
    pub fn billed(&self) -> Billed {
        match self {
            Self::Request(_) | Self::Connect(_) => Billed::No,
            Self::Status { kind, .. } if kind == "timeout_error" => Billed::Unknown,
            // Somebody has waited for it, and gave up.
            Self::Status { status: 408, .. } => Billed::Unknown,
            Self::Status { status: 300..=499, .. } => Billed::No,
            // Of a gateway, it says nothing of what was done behind it.
            Self::Status { status: 500 | 529, kind, .. } if !kind.is_empty() => Billed::No,
            Self::Status { .. } => Billed::Unknown,
            Self::Lost { .. }
            | Self::InStream { .. }
            | Self::Cut { .. }
            | Self::Unreadable { .. }
            | Self::Cancelled => Billed::Unknown,
        }
    }

    /// The provider's id of the request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Lost { request_id, .. }
            | Self::Status { request_id, .. }
            | Self::InStream { request_id, .. }
            | Self::Cut { request_id }
            | Self::Unreadable { request_id, .. } => request_id.as_deref(),
            Self::Request(_) | Self::Connect(_) | Self::Cancelled => None,
        }
    }

    pub(crate) fn with_request_id(mut self, id: Option<&str>) -> Self {
        if let Self::Lost { request_id, .. }
        | Self::Status { request_id, .. }
        | Self::InStream { request_id, .. }
        | Self::Cut { request_id }
        | Self::Unreadable { request_id, .. } = &mut self
            && request_id.is_none()
        {
            *request_id = id.map(str::to_owned);
        }
        self
    }

    /// How long the provider asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Classify for CallError {
    fn class(&self) -> Class {
        match self {
            Self::Request(_) => Class::Permanent,
            Self::Status { should_retry: Some(false), .. } => Class::Permanent,
            Self::Status { should_retry: Some(true), retry_after, .. }
            | Self::Status { status: 300..=399 | 408 | 409 | 429 | 500.., retry_after, .. } => {
                Class::Transient { retry_after: *retry_after }
            }
            Self::Status { .. } => Class::Permanent,
            Self::InStream { kind, .. } => match kind.as_str() {
                "invalid_request_error"
                | "request_too_large"
                | "authentication_error"
                | "permission_error"
                | "billing_error" => Class::Permanent,
                _ => Class::TRANSIENT,
            },
            Self::Connect(_)
            | Self::Lost { .. }
            | Self::Cut { .. }
            | Self::Unreadable { .. }
            | Self::Cancelled => Class::TRANSIENT,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::Request(_) => ErrorCode::ModelRefusedRequest,
            Self::Status { status, kind, .. } => match (status, kind.as_str()) {
                (401..=403, _) | (_, "authentication_error" | "billing_error" | "permission_error") => {
                    ErrorCode::ModelUnauthorized
                }
                (404, "not_found_error") => ErrorCode::ModelGone,
                // A redirect is not followed: where it comes from, no API is for now.
                (300..=399 | 408 | 409 | 429 | 500.., _) => ErrorCode::ModelUnavailable,
                _ => ErrorCode::ModelRefusedRequest,
            },
            Self::InStream { kind, .. } => match kind.as_str() {
                "invalid_request_error" | "request_too_large" => ErrorCode::ModelRefusedRequest,
                "authentication_error" | "billing_error" | "permission_error" => ErrorCode::ModelUnauthorized,
                _ => ErrorCode::ModelUnavailable,
            },
            _ => ErrorCode::ModelUnavailable,
        }
    }
}

/// How much of a body is kept that is not the provider's own, in bytes.
const FOREIGN_MAX: usize = 512;
/// How much of the provider's words.
const WORDS_MAX: usize = 300;
/// How much of the name of its kind.
const KIND_MAX: usize = 60;

/// What an error says, wherever it is: in a body or within a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Empty if the body is not the provider's own.
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
}

impl Told {
    /// Reads an error of the provider's own form.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = mended(std::str::from_utf8(body).ok()?);
        let body: Value = serde_json::from_str(&body).ok()?;
        let error = body["error"].as_object().filter(|_| body["type"] == "error")?;
        let text =
            |name: &str, max| one_line(error.get(name).and_then(Value::as_str).unwrap_or_default(), max);
        Some(Self {
            kind: text("type", KIND_MAX),
            message: text("message", WORDS_MAX),
            request_id: body["request_id"].as_str().map(|id| one_line(id, KIND_MAX)),
        })
    }

    /// The beginning of a body that may be anybody's.
    pub(crate) fn read_any(body: &[u8]) -> Self {
        Self::read(body).unwrap_or_else(|| {
            let beginning = String::from_utf8_lossy(body.get(..FOREIGN_MAX).unwrap_or(body));
            Self { message: one_line(&beginning, FOREIGN_MAX), ..Self::default() }
        })
    }
}

/// As one line of at most so many bytes, without control characters: so it can be kept and logged.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    line.truncate(line.floor_char_boundary(max));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, kind: &str) -> CallError {
        let (kind, message) = (kind.to_owned(), String::new());
        CallError::Status { status, kind, message, request_id: None, retry_after: None, should_retry: None }
    }

    #[test]
    fn each_status_has_its_class_code_and_bill() {
        use ErrorCode::{ModelGone, ModelRefusedRequest, ModelUnauthorized, ModelUnavailable};
        for (code, kind, again, expected, billed) in [
            (400, "invalid_request_error", false, ModelRefusedRequest, Billed::No),
            (401, "authentication_error", false, ModelUnauthorized, Billed::No),
            (402, "billing_error", false, ModelUnauthorized, Billed::No),
            (403, "permission_error", false, ModelUnauthorized, Billed::No),
            (404, "not_found_error", false, ModelGone, Billed::No),
            (404, "", false, ModelRefusedRequest, Billed::No),
            (409, "", true, ModelUnavailable, Billed::No),
            (413, "request_too_large", false, ModelRefusedRequest, Billed::No),
            (429, "rate_limit_error", true, ModelUnavailable, Billed::No),
            (500, "api_error", true, ModelUnavailable, Billed::No),
            (500, "", true, ModelUnavailable, Billed::Unknown),
            (500, "timeout_error", true, ModelUnavailable, Billed::Unknown),
            (302, "", true, ModelUnavailable, Billed::No),
            (408, "", true, ModelUnavailable, Billed::Unknown),
            (502, "", true, ModelUnavailable, Billed::Unknown),
            (524, "", true, ModelUnavailable, Billed::Unknown),
            (529, "", true, ModelUnavailable, Billed::Unknown),
            (504, "timeout_error", true, ModelUnavailable, Billed::Unknown),
            (529, "overloaded_error", true, ModelUnavailable, Billed::No),
        ] {
            let error = status(code, kind);
            assert_eq!(error.class() != Class::Permanent, again, "{code}");
            assert_eq!((error.code(), error.billed()), (expected, billed), "{code} {kind}");
        }
    }

    #[test]
    fn the_providers_word_on_another_try_counts() {
        let says = |again| CallError::Status {
            status: if again { 400 } else { 529 },
            kind: String::new(),
            message: String::new(),
            request_id: None,
            retry_after: Some(Duration::from_secs(3600)),
            should_retry: Some(again),
        };
        assert_eq!(says(true).class(), Class::Transient { retry_after: Some(Duration::from_secs(3600)) });
        assert_eq!(says(false).class(), Class::Permanent);
    }

    #[test]
    fn words_are_cut_and_clean() {
        let told = |body: &str| Told::read_any(body.as_bytes());
        let own = told(
            r#"{"type":"error","error":{"type":"api_error","message":"a\u0000\nb \ud83e"},"request_id":"req_1"}"#,
        );
        assert_eq!((own.kind.as_str(), own.message.as_str()), ("api_error", "a b \u{fffd}"));
        assert_eq!(own.request_id.as_deref(), Some("req_1"));
        for foreign in
            [r#"{"error":{"message":"x"}}"#, r#"{"type":"error","error":"x"}"#, "[]", "\0\u{1b}[2J"]
        {
            assert_eq!(told(foreign).kind, "", "{foreign}");
            assert!(!told(foreign).message.contains(char::is_control));
        }
        assert_eq!(Told::read_any(&[0xe2; 9_000]).message.len() % 3, 0);
        assert!(told(&"é".repeat(9_000)).message.len() <= FOREIGN_MAX);
    }
}
