//! Error classes and the stable error codes that operators see.

use std::fmt;
use std::time::Duration;

/// What the runner does with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same work may succeed later: retried with backoff, dead-lettered after the last attempt.
    Transient {
        /// Wait at least this long, if the other side said so.
        retry_after: Option<Duration>,
    },
    /// The same work fails again: dead-lettered at once.
    Permanent,
}

impl Class {
    /// Transient, without a wait asked for.
    pub const TRANSIENT: Self = Self::Transient { retry_after: None };
}

/// An error that knows its class and code.
pub trait Classify {
    /// Whether a retry can help.
    fn class(&self) -> Class;
    /// The stable code; its page is `docs/errors/<code>.md`.
    fn code(&self) -> ErrorCode;
}

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// Stable error codes. Each has a page in `docs/errors/` that says what it means, what is
        /// safe, and which command puts it right.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as text: `TU` and four digits.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

error_codes! {
    /// A message that can't be decoded.
    UndecodableMessage = "TU0001",
    /// A message for a run that the database does not know.
    UnknownRun = "TU0002",
    /// A run whose process died on each attempt.
    AttemptsExhausted = "TU0003",
    /// A run that waited for others, some of which did not succeed.
    ChildrenFailed = "TU0004",
    /// A task ran into its time limit.
    TimedOut = "TU0005",
    /// A field of a task's input is missing or wrong.
    InvalidInput = "TU0006",
    /// A task panicked.
    Panicked = "TU0007",
    /// A probe that was told to fail.
    Probe = "TU0008",
    /// PostgreSQL can't be reached, or cut the connection.
    DatabaseUnavailable = "TU0101",
    /// Transactions got in each other's way; a retry resolves it.
    DatabaseConflict = "TU0102",
    /// PostgreSQL refused the data.
    DatabaseRefused = "TU0103",
    /// PostgreSQL answered with something not foreseen.
    DatabaseUnexpected = "TU0104",
    /// Another attempt of the same run has taken over.
    Superseded = "TU0105",
    /// An event's subject can't be read.
    EventSubject = "TU0201",
    /// A header of an event is missing or wrong.
    EventHeader = "TU0202",
    /// An event's body can't be read, or a field of it is missing or wrong.
    EventBody = "TU0203",
    /// An event of a shop that no tenant has.
    UnknownShop = "TU0204",
    /// The body of an event that is to be handled was erased.
    EventErased = "TU0205",
    /// A body is about another shop than the one that it came for.
    OtherShop = "TU0206",
    /// Members hold a tier without a monthly amount in the tenant's currency.
    NoMonthlyAmount = "TU0301",
    /// The tenant does not exist or is not active.
    TenantNotActive = "TU0302",
    /// A setting of the tenant can't be read.
    TenantSettings = "TU0303",
    /// One member's credit was refused by the database; the other members got theirs.
    MemberRefused = "TU0304",
    /// A credit for a customer whom the tenant does not have as a member.
    UnknownMember = "TU0305",
    /// A credit in another currency than the tenant's.
    WrongCurrency = "TU0306",
    /// A member does not have as much credit as was to be spent or taken.
    InsufficientCredit = "TU0307",
    /// A spend was to be taken back that there is not, or that was taken back already.
    UnknownSpend = "TU0308",
    /// The proof of a tenant's ledger has found rows that do not add up.
    ProofFailed = "TU0309",
    /// The shop is in shadow: what was to be booked, mailed or told was undone.
    TenantInShadow = "TU0310",
    /// A month that was due before the shop's cut-over, and of which no credits were imported.
    BeforeCutOver = "TU0311",
    /// A hold was to be captured or released that there is not.
    UnknownHold = "TU0321",
    /// A hold was to be captured or released whose time is over, or of which something else was made.
    HoldOver = "TU0322",
    /// Two members can't be merged: they are one already, or it would go in a ring.
    MergeRefused = "TU0331",
    /// A shop can't be reached at Shopify, or a reading call got no usable answer. Nothing changed.
    ShopUnreachable = "TU0401",
    /// Shopify asks to slow down. Nothing ran.
    ShopThrottled = "TU0402",
    /// The shop's access token is not accepted.
    ShopUnauthorized = "TU0403",
    /// The shop is frozen, locked or inactive at Shopify.
    ShopUnavailable = "TU0404",
    /// Shopify refused a credit or debit and says why.
    ShopRefused = "TU0405",
    /// The app may not do this in the shop: an access scope is missing, or the shop forbids it.
    ShopForbidden = "TU0406",
    /// A credit or debit was sent and no clear answer came: it may have taken effect, or not.
    ShopOutcomeUnknown = "TU0407",
    /// Shopify does not understand our request, or answers in a shape that we don't know.
    ShopProtocol = "TU0408",
    /// There is no such shop at Shopify, or the API version is gone.
    ShopGone = "TU0409",
    /// A stored access token can't be opened with the keys that this process has.
    TokenUnreadable = "TU0410",
    /// Shopify refuses to renew the shop's tokens until the merchant opens the app.
    ReauthorizationNeeded = "TU0411",
    /// This service was given no keys to open tokens with.
    ShopNotConfigured = "TU0412",
    /// The tenant has no shop at Shopify that it is connected to.
    ShopNotConnected = "TU0413",
    /// A mail was not handed over: the mail server can't be reached or cut the connection before it.
    MailNotSent = "TU0501",
    /// The mail server asks to come back later.
    MailDeferred = "TU0502",
    /// The member's address is no address, or the mail server does not know it.
    MailAddressRefused = "TU0503",
    /// The mail server refuses this mail for good.
    MailRefused = "TU0504",
    /// The mail server does not let us send: user, password, sender address or TLS.
    MailUnauthorized = "TU0505",
    /// The connection was lost before the mail server said whether it took the mail.
    MailOutcomeUnknown = "TU0506",
    /// A mail can't be made: a template, a locale's data or a digest is wrong.
    MailUnrenderable = "TU0507",
    /// This service was given no mail server.
    MailNotConfigured = "TU0508",
    /// The Messages API can't be reached, is overloaded, limits us, or cut its answer.
    ModelUnavailable = "TU0701",
    /// The Messages API refuses the request as such.
    ModelRefusedRequest = "TU0702",
    /// The Messages API does not let us in: key, billing or permission.
    ModelUnauthorized = "TU0703",
    /// None of the models of a role is there any more.
    ModelGone = "TU0704",
    /// A limit on money is reached before anything was found out.
    AgentBudgetExhausted = "TU0705",
    /// Answers of one turn were lost more often than may be paid for.
    AgentSpendUnknown = "TU0706",
    /// An agent came to its end without a plan.
    AgentNoPlan = "TU0707",
    /// This service was given no key of the Messages API.
    AgentsNotConfigured = "TU0708",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
