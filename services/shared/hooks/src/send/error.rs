//! What can become of a message that is sent.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::answer::one_line;
use super::resolve::Unresolved;

/// Longest text of a library or of a header that is kept, in bytes.
const CAUSE_LEN_MAX: usize = 200;

/// A step of sending that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looking up the name, TCP, TLS: certainly not received.
    Connecting,
    /// Sending, and waiting for the answer.
    Answering,
}

/// Why a message was not accepted. In no text is there more of the address than the receiver put there; texts are one
/// line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Status 410: the endpoint wants no messages any more, and is to be disabled.
    #[error("the endpoint is gone (410): {answer}")]
    Gone {
        /// How its answer begins.
        answer: String,
    },
    /// Any other status that is neither 2xx nor 3xx.
    #[error("the endpoint answered {status}: {answer}")]
    Refused {
        /// The status.
        status: u16,
        /// How long it asks to wait, if it does; as long as it likes.
        retry_after: Option<Duration>,
        /// How its answer begins.
        answer: String,
    },
    /// A redirect, which is not followed.
    #[error("the endpoint answered {status}, a redirect, and redirects are not followed; register {}",
        location.as_deref().unwrap_or("the address that it leads to"))]
    Redirected {
        /// The status, 300 to 399.
        status: u16,
        /// Where it leads, as the answer has it.
        location: Option<String>,
    },
    /// Its host has no address, or the look-up failed. Not received.
    #[error("the name of the endpoint's host can't be resolved: {cause}")]
    Unresolved {
        /// Of the resolver.
        cause: String,
    },
    /// Its host's address is none that may be sent to. Nothing was sent.
    #[error(
        "the endpoint's host resolves to a private address; it has to be reached from the public internet"
    )]
    Private,
    /// No connection. Not received.
    #[error("the endpoint can't be connected to: {cause}")]
    NotConnected {
        /// Of the network.
        cause: String,
    },
    /// No TLS: mostly its certificate. Not received.
    #[error("no secure connection to the endpoint: {cause}")]
    Tls {
        /// Of the TLS library.
        cause: String,
    },
    /// Too slow.
    #[error("{}", match step {
        Step::Connecting => "connecting to the endpoint took too long",
        Step::Answering => "the endpoint did not answer in time",
    })]
    TimedOut {
        /// What took too long.
        step: Step,
    },
    /// The connection ended, or what came by it is no HTTP. It may have been received.
    #[error("no answer from the endpoint: {cause}")]
    Broken {
        /// Of the HTTP library.
        cause: String,
    },
    /// No request can be made of it. Nothing was sent, and nothing will be.
    #[error("the message can't be sent: {what}")]
    Unbuildable {
        /// What is wrong.
        what: &'static str,
    },
}

impl SendError {
    /// A short name that does not change, to be kept and counted by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gone { .. } => "gone",
            Self::Refused { .. } => "refused",
            Self::Redirected { .. } => "redirected",
            Self::Unresolved { .. } => "unresolved",
            Self::Private => "private",
            Self::NotConnected { .. } => "not_connected",
            Self::Tls { .. } => "tls",
            Self::TimedOut { .. } => "timed_out",
            Self::Broken { .. } => "broken",
            Self::Unbuildable { .. } => "unbuildable",
        }
    }

    /// The status that it answered with, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Gone { .. } => Some(410),
            Self::Refused { status, .. } | Self::Redirected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the endpoint asks to wait, if it does.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether another try can do better. A redirect or a private address can be put right by the receiver within
    /// a day, so only [`Self::Gone`] and [`Self::Unbuildable`] can't.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Gone { .. } | Self::Unbuildable { .. })
    }

    /// Whether it is certain that the endpoint has not got the message by this try.
    #[must_use]
    pub fn certainly_not_received(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::Private
            | Self::NotConnected { .. }
            | Self::TimedOut { step: Step::Connecting }
            | Self::Unbuildable { .. } => true,
            // With TLS 1.3 an alert may come after the request has been sent.
            Self::Tls { .. }
            | Self::Gone { .. }
            | Self::Refused { .. }
            | Self::Redirected { .. }
            | Self::TimedOut { step: Step::Answering }
            | Self::Broken { .. } => false,
        }
    }

    /// What the HTTP library's error says. Its own text has the address in it and is not kept.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        for cause in causes(error) {
            match cause.downcast_ref::<Unresolved>() {
                Some(Unresolved::Private) => return Self::Private,
                Some(Unresolved::Unknown(cause)) => {
                    return Self::Unresolved { cause: one_line(cause, CAUSE_LEN_MAX) };
                }
                None => {}
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls { cause: one_line(&tls.to_string(), CAUSE_LEN_MAX) };
            }
        }
        if error.is_builder() {
            return Self::Unbuildable { what: "the HTTP library refuses the address" };
        }
        // Asked together: a connection that takes too long is a time-out, too.
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::TimedOut { step: Step::Connecting },
            (false, true) => Self::TimedOut { step: Step::Answering },
            (true, false) => Self::NotConnected { cause: deepest(error) },
            (false, false) => Self::Broken { cause: deepest(error) },
        }
    }
}

/// The errors below one, downwards. An I/O error does not count what it holds among its sources, so it is asked for.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => error.source(),
        }
    }
    std::iter::successors(below(error), |&error| below(error))
}

/// What the lowest error says; it is the network's or the protocol's.
fn deepest(error: &reqwest::Error) -> String {
    let Some(cause) = causes(error).last() else { return "no cause is known".to_owned() };
    let text = match cause.downcast_ref::<io::Error>() {
        // Without the number that the operating system has for it.
        Some(io) => io.kind().to_string(),
        None => cause.to_string(),
    };
    one_line(&text, CAUSE_LEN_MAX)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Answering => "answering",
        })
    }
}
