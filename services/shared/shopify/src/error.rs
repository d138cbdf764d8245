//! What can go wrong with a call, by what may be done next.

use std::time::Duration;

use tradeup_domain::{Class, Classify, ErrorCode};

/// How long to wait at least before an unknown outcome is looked up: history may lag behind
/// (Shopify reference §6.3).
pub const OUTCOME_SETTLES_AFTER: Duration = Duration::from_secs(30);
/// How long to wait before a frozen or locked shop is asked again (§7.2).
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(3600);
/// How long to be silent after the security rejection, status 430 (§7.2: "long pause").
const BLOCKED_WAIT: Duration = Duration::from_secs(900);

/// The failed call. Each variant says whether a mutation can have taken effect; see
/// [`Self::certainly_not_applied`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShopifyError {
    /// No connection came about: refused, no address, no TLS, too slow. Nothing was sent, so even a
    /// credit may be sent again.
    #[error("no connection to the shop: {reason}")]
    NotSent {
        /// What failed, in our words.
        reason: &'static str,
    },
    /// A reading call got no usable answer. It may be asked again.
    #[error("no usable answer from the shop: {reason}")]
    Unanswered {
        /// What failed.
        reason: String,
    },
    /// A credit or debit was sent and no clear answer came. It may have taken effect: never send it
    /// again before the account's history has been read (§6.3).
    #[error("unknown whether it took effect: {reason}")]
    OutcomeUnknown {
        /// What failed.
        reason: String,
        /// Shopify's name for the request, when an answer had one.
        request_id: Option<String>,
    },
    /// The rate is used up, here or at Shopify (`THROTTLED`), for longer than the client waits by
    /// itself. Nothing ran.
    #[error("the shop's rate is used up for {} ms", wait.as_millis())]
    Throttled {
        /// How long until it is expected to fit.
        wait: Duration,
    },
    /// Status 429. Nothing ran.
    #[error("the shop asks to slow down (429)")]
    TooManyRequests {
        /// `Retry-After`, when given.
        retry_after: Option<Duration>,
    },
    /// Status 430, the security rejection. Nothing ran.
    #[error("Shopify rejects this client for now (430)")]
    Blocked,
    /// Status 401: the token is wrong, expired or revoked. Renew it once; if it happens again, the shop
    /// is disconnected.
    #[error("the shop's access token is not accepted (401)")]
    Unauthorized,
    /// Status 402, or `SHOP_INACTIVE`: the shop has not paid its plan.
    #[error("the shop is frozen (402)")]
    Frozen,
    /// Status 423.
    #[error("the shop is locked (423)")]
    Locked,
    /// Status 403, for instance a token that never expires.
    #[error("the shop forbids it (403): {message}")]
    Forbidden {
        /// Shopify's text.
        message: String,
    },
    /// Status 404, or a redirect to elsewhere: no such shop, or no such API version.
    #[error("no such shop or API version")]
    Gone,
    /// The app lacks an access scope.
    #[error("access denied; needed: {required}")]
    AccessDenied {
        /// What Shopify says is required.
        required: String,
    },
    /// A credit or debit was understood and refused. Nothing was booked.
    #[error("refused by the shop: {code} ({message})")]
    Refused {
        /// The first user error's code.
        code: RefusalCode,
        /// Its field path, joined by dots.
        field: String,
        /// Its text.
        message: String,
    },
    /// Shopify does not understand the request: our bug. Nothing ran.
    #[error("invalid request: {code} ({message})")]
    InvalidRequest {
        /// Shopify's code, or ours.
        code: String,
        /// Its text.
        message: String,
    },
    /// Something has more parts than are read at once, and no way to read the rest: it is not given in part.
    #[error("{what}: more than the {max} that can be read")]
    TooLong {
        /// Of what there are too many.
        what: &'static str,
        /// How many could be read.
        max: usize,
    },
    /// A reading call was answered in a shape that we don't know.
    #[error("unexpected answer: {reason}")]
    UnexpectedAnswer {
        /// What does not fit.
        reason: String,
    },
}

/// Codes of user errors of credit and debit (§6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// There is no such account; for a debit: the customer has none in that currency, so the balance is
    /// zero.
    AccountNotFound,
    /// There is no such customer: deleted, merged, or never here.
    OwnerNotFound,
    /// The amount is not positive: our bug.
    NegativeOrZeroAmount,
    /// Not the currency of the account.
    MismatchingCurrency,
    /// Not a currency for store credit.
    UnsupportedCurrency,
    /// The expiry has passed by the time of the call.
    ExpiresAtInPast,
    /// The balance would pass the ceiling that the shop has.
    CreditLimitExceeded,
    /// The balance is below the debit. Nothing was taken, not even a part.
    InsufficientFunds,
    /// A code that was not known when this was written.
    Other(String),
}

impl RefusalCode {
    /// As on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccountNotFound => "ACCOUNT_NOT_FOUND",
            Self::OwnerNotFound => "OWNER_NOT_FOUND",
            Self::NegativeOrZeroAmount => "NEGATIVE_OR_ZERO_AMOUNT",
            Self::MismatchingCurrency => "MISMATCHING_CURRENCY",
            Self::UnsupportedCurrency => "UNSUPPORTED_CURRENCY",
            Self::ExpiresAtInPast => "EXPIRES_AT_IN_PAST",
            Self::CreditLimitExceeded => "CREDIT_LIMIT_EXCEEDED",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::Other(code) => code,
        }
    }
}

impl From<&str> for RefusalCode {
    fn from(code: &str) -> Self {
        match code {
            "ACCOUNT_NOT_FOUND" => Self::AccountNotFound,
            "OWNER_NOT_FOUND" => Self::OwnerNotFound,
            "NEGATIVE_OR_ZERO_AMOUNT" => Self::NegativeOrZeroAmount,
            "MISMATCHING_CURRENCY" => Self::MismatchingCurrency,
            "UNSUPPORTED_CURRENCY" => Self::UnsupportedCurrency,
            "EXPIRES_AT_IN_PAST" => Self::ExpiresAtInPast,
            "CREDIT_LIMIT_EXCEEDED" => Self::CreditLimitExceeded,
            "INSUFFICIENT_FUNDS" => Self::InsufficientFunds,
            other => Self::Other(other.chars().take(60).collect()),
        }
    }
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ShopifyError {
    /// Whether it is certain that a mutation with this error has changed nothing, so that sending it
    /// again can't pay twice. False only for [`Self::OutcomeUnknown`].
    #[must_use]
    pub fn certainly_not_applied(&self) -> bool {
        !matches!(self, Self::OutcomeUnknown { .. })
    }

    /// The user error's code, if the shop refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&RefusalCode> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl Classify for ShopifyError {
    /// [`Self::OutcomeUnknown`] is transient: the retry has to find the outcome by the account's
    /// history, which whoever calls records before the call; it never means sending again.
    fn class(&self) -> Class {
        let after = |wait| Class::Transient { retry_after: Some(wait) };
        match self {
            Self::NotSent { .. } | Self::Unanswered { .. } => Class::TRANSIENT,
            Self::OutcomeUnknown { .. } => after(OUTCOME_SETTLES_AFTER),
            Self::Throttled { wait } => after(*wait),
            Self::TooManyRequests { retry_after } => Class::Transient { retry_after: *retry_after },
            Self::Blocked => after(BLOCKED_WAIT),
            Self::Frozen | Self::Locked => after(UNAVAILABLE_WAIT),
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::Gone
            | Self::AccessDenied { .. }
            | Self::Refused { .. }
            | Self::InvalidRequest { .. }
            | Self::TooLong { .. }
            | Self::UnexpectedAnswer { .. } => Class::Permanent,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::NotSent { .. } | Self::Unanswered { .. } => ErrorCode::ShopUnreachable,
            Self::OutcomeUnknown { .. } => ErrorCode::ShopOutcomeUnknown,
            Self::Throttled { .. } | Self::TooManyRequests { .. } | Self::Blocked => ErrorCode::ShopThrottled,
            Self::Unauthorized => ErrorCode::ShopUnauthorized,
            Self::Frozen | Self::Locked => ErrorCode::ShopUnavailable,
            Self::Forbidden { .. } | Self::AccessDenied { .. } => ErrorCode::ShopForbidden,
            Self::Gone => ErrorCode::ShopGone,
            Self::Refused { .. } => ErrorCode::ShopRefused,
            Self::InvalidRequest { .. } | Self::TooLong { .. } | Self::UnexpectedAnswer { .. } => {
                ErrorCode::ShopProtocol
            }
        }
    }
}
