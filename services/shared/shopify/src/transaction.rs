//! A store credit account and its transactions, as Shopify tells them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tradeup_domain::Money;

use crate::decimal::{AmountError, WireMoney};
use crate::ids::{AccountId, TransactionId};

/// A store credit account: one owner, one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What can be spent, never below zero.
    pub balance: Money,
}

/// One booking of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id. Reverts and expirations have none on the wire (Shopify reference §6.1).
    pub id: Option<TransactionId>,
    /// What kind of booking.
    pub kind: TransactionKind,
    /// Signed: positive for credits, **negative for debits** and expirations.
    pub amount: Money,
    /// The account's balance after it.
    pub balance_after: Money,
    /// When it was booked, by Shopify's clock.
    pub created_at: DateTime<Utc>,
    /// What caused it.
    pub event: Event,
    /// When what is left of a credit expires; `None` for other kinds, and for credits that never do.
    pub expires_at: Option<DateTime<Utc>>,
    /// What is left of a credit; only in history.
    pub remaining: Option<Money>,
    /// The account with its balance; only in the answer to a credit or debit, where it can be used to
    /// know the account from then on.
    pub account: Option<Account>,
}

/// Kinds of bookings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransactionKind {
    /// Store credit was given.
    Credit,
    /// Store credit was used or taken.
    Debit,
    /// A debit was undone.
    DebitRevert,
    /// What was left of a credit expired.
    Expiration,
    /// A type that was not known when this was written.
    Other(String),
}

/// What caused a booking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// `ADJUSTMENT`: an app's or a merchant's credit or debit. Ours are these.
    Adjustment,
    /// Anything else: orders, refunds, payments; as on the wire.
    Other(String),
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireAccount {
    pub(crate) id: AccountId,
    pub(crate) balance: WireMoney,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTransaction {
    #[serde(rename = "__typename")]
    typename: Option<String>,
    id: Option<TransactionId>,
    amount: WireMoney,
    balance_after_transaction: WireMoney,
    created_at: DateTime<Utc>,
    event: String,
    expires_at: Option<DateTime<Utc>>,
    remaining_amount: Option<WireMoney>,
    account: Option<WireAccount>,
}

impl TryFrom<WireAccount> for Account {
    type Error = AmountError;

    fn try_from(wire: WireAccount) -> Result<Self, AmountError> {
        Ok(Self { balance: Money::try_from(&wire.balance)?, id: wire.id })
    }
}

impl WireTransaction {
    /// The transaction; `kind` is the one to take when the answer does not name its type.
    pub(crate) fn into_transaction(self, kind: TransactionKind) -> Result<Transaction, AmountError> {
        Ok(Transaction {
            id: self.id,
            kind: self.typename.as_deref().map_or(kind, TransactionKind::from_typename),
            amount: Money::try_from(&self.amount)?,
            balance_after: Money::try_from(&self.balance_after_transaction)?,
            created_at: self.created_at,
            event: match self.event.as_str() {
                "ADJUSTMENT" => Event::Adjustment,
                _ => Event::Other(self.event),
            },
            expires_at: self.expires_at,
            remaining: self.remaining_amount.as_ref().map(Money::try_from).transpose()?,
            account: self.account.map(Account::try_from).transpose()?,
        })
    }
}

impl TransactionKind {
    fn from_typename(typename: &str) -> Self {
        match typename {
            "StoreCreditAccountCreditTransaction" => Self::Credit,
            "StoreCreditAccountDebitTransaction" => Self::Debit,
            "StoreCreditAccountDebitRevertTransaction" => Self::DebitRevert,
            "StoreCreditAccountExpirationTransaction" => Self::Expiration,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The word for it in a search of history; none for types that were not known.
    pub(crate) fn search_word(&self) -> Option<&'static str> {
        match self {
            Self::Credit => Some("credit"),
            Self::Debit => Some("debit"),
            Self::DebitRevert => Some("debit_revert"),
            Self::Expiration => Some("expiration"),
            Self::Other(_) => None,
        }
    }
}
