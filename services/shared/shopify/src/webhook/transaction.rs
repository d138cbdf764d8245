//! Payments of an order: `order_transactions/create`, and those inside a refund (Shopify reference §4.2,
//! §4.3). Not to be mixed up with the transactions of a store credit account, which are the crate's own.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tradeup_domain::{Currency, Money};

use super::WebhookError;
use super::error::read;
use super::wire::{Amount, Flag, Id, Leaf as _, MoneySet, Obj, Stamp, Text, minor};

/// One step of paying an order or of paying back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: String,
    /// The order's id.
    pub order_id: Option<String>,
    /// What it does.
    pub kind: PaymentKind,
    /// How it went.
    pub status: PaymentStatus,
    /// By what it is paid.
    pub means: Means,
    /// The gateway as Shopify names it; merchants name manual ones.
    pub gateway: Option<String>,
    /// The amount in the currency it was made in, which may be the buyer's. `None` when the body names
    /// no currency and none can be told for certain: ask the API.
    pub amount: Option<Money>,
    /// The shop's currency, where the body or the order around it tells.
    pub shop_currency: Option<Currency>,
    /// The transaction that this one follows: the sale that a refund pays back.
    pub parent_id: Option<String>,
    /// Made in test mode: no money moved.
    pub test: bool,
    /// When it was processed, else made.
    pub at: Option<DateTime<Utc>>,
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentKind {
    /// Authorised and paid at once.
    Sale,
    /// Money is set aside; a capture follows.
    Authorization,
    /// What was authorised is paid.
    Capture,
    /// Paid back.
    Refund,
    /// An authorisation is given up.
    Void,
    /// Cash given back at a counter.
    Change,
    /// Not known here.
    Other,
}

/// How a transaction went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// The money moved.
    Success,
    /// Not yet.
    Pending,
    /// Refused.
    Failure,
    /// Broke.
    Error,
    /// Not known here, like `awaiting_response`: neither done nor failed.
    Other,
}

/// By what an order is paid, as far as it matters for what it earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Store credit, which may be what was earned before.
    StoreCredit,
    /// A gift card.
    GiftCard,
    /// Money.
    Other,
}

/// How much of an order was paid with what had been paid before, in minor units of the shop's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreditPaid {
    /// By store credit.
    pub store_credit_minor: i64,
    /// By gift cards.
    pub gift_card_minor: i64,
}

impl Transaction {
    /// Reads the body of `order_transactions/create`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        read::<TransactionWire>(body)?.into_transaction(None)
    }

    /// The amount in minor units of the shop's currency; `None` when it was made in another one, or
    /// nobody says in which. The rate of a transaction is not the order's, so nothing is converted (§5).
    #[must_use]
    pub fn shop_minor(&self) -> Option<i64> {
        self.amount.filter(|money| Some(money.currency) == self.shop_currency).map(|money| money.amount_minor)
    }

    /// Whether it paid for the order: authorisations count when they are captured.
    #[must_use]
    pub fn pays(&self) -> bool {
        let pays = matches!(self.kind, PaymentKind::Sale | PaymentKind::Capture);
        pays && self.status == PaymentStatus::Success
    }
}

/// How much of an order these transactions paid by store credit and gift cards.
///
/// `None` when one of them is not in the shop's currency, so that the sum is not known.
#[must_use]
pub fn paid_with_credit(transactions: &[Transaction]) -> Option<CreditPaid> {
    let mut paid = CreditPaid::default();
    for transaction in transactions.iter().filter(|transaction| transaction.pays()) {
        let sum = match transaction.means {
            Means::StoreCredit => &mut paid.store_credit_minor,
            Means::GiftCard => &mut paid.gift_card_minor,
            Means::Other => continue,
        };
        *sum = sum.saturating_add(transaction.shop_minor()?);
    }
    Some(paid)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TransactionWire {
    id: Id,
    order_id: Id,
    kind: Text,
    status: Text,
    gateway: Text,
    amount: Amount,
    currency: Text,
    parent_id: Id,
    test: Flag,
    processed_at: Stamp,
    created_at: Stamp,
    total_unsettled_set: Obj<MoneySet>,
}

impl TransactionWire {
    /// `shop` is the currency of the order or refund around it.
    pub(super) fn into_transaction(self, shop: Option<Currency>) -> Result<Transaction, WebhookError> {
        let currency: Option<Currency> = match &self.currency.0 {
            Some(code) => code.parse().ok(),
            // Which side of a conversion the amount is on is not known; without one there is no doubt.
            None => self.total_unsettled_set.both_sides(),
        };
        let amount = match (currency, &self.amount.0) {
            (Some(currency), Some(amount)) => {
                Some(Money { amount_minor: minor(amount, currency, "amount")?, currency })
            }
            _ => None,
        };
        Ok(Transaction {
            id: self.id.needed("id")?,
            order_id: self.order_id.0,
            kind: kind_of(self.kind.0.as_deref()),
            status: status_of(self.status.0.as_deref()),
            means: means_of(self.gateway.0.as_deref()),
            gateway: self.gateway.0,
            amount,
            shop_currency: shop.or_else(|| self.total_unsettled_set.shop_currency()),
            parent_id: self.parent_id.0,
            test: self.test.0.unwrap_or_default(),
            at: self.processed_at.0.or(self.created_at.0),
        })
    }

    /// The shop's currency, if it tells.
    pub(super) fn shop_currency(&self) -> Option<Currency> {
        self.total_unsettled_set.shop_currency()
    }
}

fn kind_of(text: Option<&str>) -> PaymentKind {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("sale") => PaymentKind::Sale,
        Some("authorization") => PaymentKind::Authorization,
        Some("capture") => PaymentKind::Capture,
        Some("refund") => PaymentKind::Refund,
        Some("void") => PaymentKind::Void,
        Some("change") => PaymentKind::Change,
        _ => PaymentKind::Other,
    }
}

fn status_of(text: Option<&str>) -> PaymentStatus {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("success") => PaymentStatus::Success,
        Some("pending") => PaymentStatus::Pending,
        Some("failure") => PaymentStatus::Failure,
        Some("error") => PaymentStatus::Error,
        _ => PaymentStatus::Other,
    }
}

fn means_of(gateway: Option<&str>) -> Means {
    match gateway {
        Some("shopify_store_credit") => Means::StoreCredit,
        Some("gift_card") => Means::GiftCard,
        _ => Means::Other,
    }
}
