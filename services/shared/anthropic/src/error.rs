//! What can go wrong with a call, and whether it may have been billed.

use std::time::Duration;

use tradeup_domain::{Class, Classify, ErrorCode};

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
    /// Whether it is paid for. An error that comes instead of any event is not; whatever is lost after the request has
    /// left may be.
    #[must_use]
    pub fn billed(&self) -> Billed {
        match self {
            Self::Request(_) | Self::Connect(_) => Billed::No,
            // A gateway's own words say nothing of what is behind it.
            Self::Status { status: 408 | 502..=504, .. } => Billed::Unknown,
            Self::Status { .. } => Billed::No,
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
            | Self::Status { status: 408 | 409 | 429 | 500.., retry_after, .. } => {
                Class::Transient { retry_after: *retry_after }
            }
            Self::Status { .. } => Class::Permanent,
            Self::InStream { kind, .. } => match kind.as_str() {
                "invalid_request_error" | "authentication_error" | "permission_error" | "billing_error" => {
                    Class::Permanent
                }
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
                (408 | 409 | 429 | 500.., _) => ErrorCode::ModelUnavailable,
                _ => ErrorCode::ModelRefusedRequest,
            },
            Self::InStream { kind, .. } => match kind.as_str() {
                "invalid_request_error" => ErrorCode::ModelRefusedRequest,
                "authentication_error" | "billing_error" | "permission_error" => ErrorCode::ModelUnauthorized,
                _ => ErrorCode::ModelUnavailable,
            },
            _ => ErrorCode::ModelUnavailable,
        }
    }
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
            (502, "", true, ModelUnavailable, Billed::Unknown),
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
}
