//! What can become of a mail that is handed over.

use std::fmt;

use tradeup_domain::{Class, Classify, ErrorCode};

/// The server has the mail, and answers for it from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The server's words, its id of the mail among them; at most 200 characters, words with an `@`
    /// left out.
    pub answer: String,
}

/// A step of handing over a mail, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Name look-up, TCP, the TLS handshake of `smtps`, greeting, `EHLO`.
    Connecting,
    /// `STARTTLS` and the handshake after it.
    StartTls,
    /// `AUTH`.
    LoggingIn,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Data,
    /// The content and the answer to it.
    Content,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::StartTls => "STARTTLS",
            Self::LoggingIn => "logging in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "announcing the content",
            Self::Content => "sending the content",
        })
    }
}

/// A server's refusal: its codes. The words beside them are left out, since they repeat addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits (RFC 5321 §4.2).
    pub code: u16,
    /// Class, subject and detail, if the server sent them (RFC 3463).
    pub enhanced: Option<[u16; 3]>,
}

impl Reply {
    /// Whether the enhanced code has this subject: 1 address, 2 mailbox, 7 policy.
    pub(crate) fn is_about(&self, subject: u16) -> bool {
        self.enhanced.is_some_and(|[_, found, _]| found == subject)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        match self.enhanced {
            Some([class, subject, detail]) => write!(f, " {class}.{subject}.{detail}"),
            None => Ok(()),
        }
    }
}

/// Why a mail was not handed over, and with that: what may be done. No personal data in any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection, or one that was lost or too slow before the content: certainly not sent, safe
    /// to try again.
    #[error("the mail was not sent: while {step}, {cause}")]
    NotSent {
        /// Where it ended.
        step: Step,
        /// Of the network or TLS.
        cause: String,
    },
    /// The server said no for now (4xx): certainly not sent, safe to try again, later.
    #[error("the mail server asks to come back later: {reply} while {step}")]
    Deferred {
        /// Where it ended.
        step: Step,
        /// What it said.
        reply: Reply,
    },
    /// The member's address is no address, or the server does not know it (5xx to `RCPT TO`): the
    /// member's failure, not to be tried again.
    #[error("the member's address was refused{}", reply.as_ref().map_or_else(
        || ": it is no address, or one that this mail server can't write to".to_owned(),
        |reply| format!(" by the mail server: {reply}"),
    ))]
    AddressRefused {
        /// What the server said, if it was asked.
        reply: Option<Reply>,
    },
    /// The server refuses this mail for good (5xx elsewhere, or by policy), not to be tried again.
    #[error("the mail server refuses the mail: {reply} while {step}")]
    Refused {
        /// Where it ended.
        step: Step,
        /// What it said.
        reply: Reply,
    },
    /// The server does not let us send: to be corrected in the settings, then tried again.
    #[error("the mail server does not let us send: while {step}, {}", reply.as_ref().map_or_else(
        || "it offers nothing that the settings ask for".to_owned(),
        |reply| format!("it said {reply}"),
    ))]
    Unauthorized {
        /// Where it ended.
        step: Step,
        /// What it said, if it was asked.
        reply: Option<Reply>,
    },
    /// The content was on its way and there was no answer: the server may have the mail. Not to be
    /// sent again blindly.
    #[error("nobody knows whether the mail server took the mail: {cause} before it answered")]
    OutcomeUnknown {
        /// Of the network, or of an answer that can't be read.
        cause: String,
    },
    /// No mail can be made of it.
    #[error("the mail can't be written down: {what}")]
    Unbuildable {
        /// What is wrong.
        what: &'static str,
    },
}

impl Classify for SendError {
    fn class(&self) -> Class {
        match self {
            Self::NotSent { .. } | Self::Deferred { .. } | Self::Unauthorized { .. } => Class::TRANSIENT,
            Self::AddressRefused { .. }
            | Self::Refused { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Unbuildable { .. } => Class::Permanent,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::NotSent { .. } => ErrorCode::MailNotSent,
            Self::Deferred { .. } => ErrorCode::MailDeferred,
            Self::AddressRefused { .. } => ErrorCode::MailAddressRefused,
            Self::Refused { .. } => ErrorCode::MailRefused,
            Self::Unauthorized { .. } => ErrorCode::MailUnauthorized,
            Self::OutcomeUnknown { .. } => ErrorCode::MailOutcomeUnknown,
            Self::Unbuildable { .. } => ErrorCode::MailUnrenderable,
        }
    }
}
