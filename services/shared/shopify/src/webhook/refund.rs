//! Refunds: `refunds/create`, and those inside an order (Shopify reference §4.2).
//!
//! A refund's record is made whether or not money moved, and its lines and its money may disagree: there
//! are refunds without lines and refunds without transactions.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tradeup_domain::Currency;

use super::WebhookError;
use super::error::read;
use super::transaction::{PaymentKind, PaymentStatus, Transaction, TransactionWire};
use super::wire::{
    Amount, CURRENCY, Count, Flag, Id, Leaf as _, MoneySet, Obj, Stamp, Text, list, shop_minor,
};

/// A refund. Amounts are minor units of the shop's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id: the key that claw-backs are counted by.
    pub id: String,
    /// The order's id.
    pub order_id: Option<String>,
    /// When it was processed, else made.
    pub at: DateTime<Utc>,
    /// The shop's currency; `None` when the refund has no amount but those of its transactions.
    pub currency: Option<Currency>,
    /// The goods that came back.
    pub lines: Vec<RefundLine>,
    /// Shipping that was paid back, at least 0.
    pub shipping_minor: i64,
    /// What was paid back beyond lines and shipping, at least 0.
    pub discrepancy_minor: i64,
    /// The payments.
    pub transactions: Vec<Transaction>,
}

/// Goods that came back. Amounts are minor units of the shop's currency, for the whole quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundLine {
    /// The order's line.
    pub line_id: String,
    /// How many of it.
    pub quantity: i64,
    /// What was paid for them after discounts; with the tax where prices include it.
    pub subtotal_minor: i64,
    /// The tax on them, on top of the subtotal or inside it.
    pub tax_minor: i64,
    /// Gift cards earned nothing.
    pub gift_card: bool,
    /// The product, where there is one.
    pub product_id: Option<String>,
    /// The variant.
    pub variant_id: Option<String>,
    /// The variant's article number.
    pub sku: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
}

/// Whether the money of a refund moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundMoney {
    /// At least one payment went through.
    Moved,
    /// None went through yet, and at least one may.
    Pending,
    /// All failed.
    Failed,
    /// There is no payment: goods were put back in stock.
    None,
}

impl RefundLine {
    /// What of it had earned by the rule of [`super::Line::earning`], at least 0: the subtotal, without the
    /// tax where it is inside.
    #[must_use]
    pub fn eligible_minor(&self, taxes_included: bool) -> i64 {
        if self.gift_card {
            return 0;
        }
        let tax = if taxes_included { self.tax_minor } else { 0 };
        self.subtotal_minor.saturating_sub(tax).max(0)
    }
}

impl Refund {
    /// Reads the body of `refunds/create`.
    ///
    /// # Errors
    /// [`WebhookError`], naming the path that is not as expected.
    pub fn decode(body: &[u8]) -> Result<Self, WebhookError> {
        read::<RefundWire>(body)?.into_refund(None)
    }

    /// Whether its money moved.
    #[must_use]
    pub fn money(&self) -> RefundMoney {
        let any = |statuses: &[PaymentStatus]| self.transactions.iter().any(|t| statuses.contains(&t.status));
        if any(&[PaymentStatus::Success]) {
            RefundMoney::Moved
        } else if any(&[PaymentStatus::Pending, PaymentStatus::Other]) {
            RefundMoney::Pending
        } else if self.transactions.is_empty() {
            RefundMoney::None
        } else {
            RefundMoney::Failed
        }
    }

    /// What was paid back so far, in minor units of the shop's currency; `None` when a payment was made
    /// in another one.
    #[must_use]
    pub fn moved_minor(&self) -> Option<i64> {
        self.transactions
            .iter()
            .filter(|t| t.kind == PaymentKind::Refund && t.status == PaymentStatus::Success)
            .try_fold(0_i64, |sum, t| Some(sum.saturating_add(t.shop_minor()?)))
    }

    /// What of its lines had earned, in minor units of the shop's currency.
    ///
    /// `taxes_included` is that of the order: a refund does not say it. `excluded` tells which lines had
    /// earned nothing for reasons of the shop's own.
    #[must_use]
    pub fn eligible_minor(&self, taxes_included: bool, excluded: impl Fn(&RefundLine) -> bool) -> i64 {
        let lines = self.lines.iter().filter(|line| !excluded(line));
        lines.fold(0, |sum, line| sum.saturating_add(line.eligible_minor(taxes_included)))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RefundWire {
    id: Id,
    order_id: Id,
    created_at: Stamp,
    processed_at: Stamp,
    total_duties_set: Obj<MoneySet>,
    #[serde(deserialize_with = "list")]
    refund_line_items: Vec<Obj<RefundLineWire>>,
    #[serde(deserialize_with = "list")]
    refund_shipping_lines: Vec<Obj<ShippingWire>>,
    #[serde(deserialize_with = "list")]
    order_adjustments: Vec<Obj<AdjustmentWire>>,
    #[serde(deserialize_with = "list")]
    transactions: Vec<Obj<TransactionWire>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RefundLineWire {
    line_item_id: Id,
    quantity: Count,
    subtotal: Amount,
    subtotal_set: Obj<MoneySet>,
    total_tax: Amount,
    total_tax_set: Obj<MoneySet>,
    line_item: Obj<SoldWire>,
}

/// The copy of the order's line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SoldWire {
    gift_card: Flag,
    product_id: Id,
    variant_id: Id,
    sku: Text,
    vendor: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ShippingWire {
    subtotal_amount: Amount,
    subtotal_amount_set: Obj<MoneySet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AdjustmentWire {
    kind: Text,
    amount: Amount,
    amount_set: Obj<MoneySet>,
}

impl RefundWire {
    /// `shop` is the currency of the order around it; alone, a refund tells it by its sets.
    pub(super) fn into_refund(self, shop: Option<Currency>) -> Result<Refund, WebhookError> {
        let currency = shop.or_else(|| self.shop_currency());
        let shipping_lines = self.shipping_lines(currency)?;
        let shipping = self.adjusted(currency, "shipping_refund")?;
        let discrepancy = self.adjusted(currency, "refund_discrepancy")?;
        let at = self.processed_at.0.or(self.created_at.0);
        let lines = self.refund_line_items.into_iter().zip(0..).filter_map(|(line, at)| Some((line.0?, at)));
        let lines = lines.map(|(line, at): (_, usize)| {
            line.into_line(currency).map_err(|e| e.within(&format!("refund_line_items[{at}]")))
        });
        let payments = self.transactions.into_iter().zip(0..).filter_map(|(t, at)| Some((t.0?, at)));
        let payments = payments.map(|(t, at): (_, usize)| {
            t.into_transaction(currency).map_err(|e| e.within(&format!("transactions[{at}]")))
        });
        Ok(Refund {
            id: self.id.needed("id")?,
            order_id: self.order_id.0,
            at: Stamp(at).needed("created_at")?,
            currency,
            lines: lines.collect::<Result<_, _>>()?,
            // The newer list and the older adjustments tell of the same shipping.
            shipping_minor: shipping_lines.max(shipping),
            discrepancy_minor: discrepancy,
            transactions: payments.collect::<Result<_, _>>()?,
        })
    }

    fn shop_currency(&self) -> Option<Currency> {
        let lines = self.refund_line_items.iter().filter_map(|line| line.0.as_ref());
        let adjustments = self.order_adjustments.iter().filter_map(|a| a.0.as_ref());
        let shipping = self.refund_shipping_lines.iter().filter_map(|line| line.0.as_ref());
        let payments = self.transactions.iter().filter_map(|t| t.0.as_ref());
        lines
            .map(|line| line.subtotal_set.shop_currency())
            .chain(adjustments.map(|adjustment| adjustment.amount_set.shop_currency()))
            .chain(shipping.map(|line| line.subtotal_amount_set.shop_currency()))
            .chain([self.total_duties_set.shop_currency()])
            .chain(payments.map(TransactionWire::shop_currency))
            .find_map(|currency| currency)
    }

    /// Minus the sum of the adjustments of this kind, at least 0: Shopify writes what is paid back as negative.
    fn adjusted(&self, currency: Option<Currency>, kind: &str) -> Result<i64, WebhookError> {
        let mut sum = 0_i64;
        for (adjustment, at) in self.order_adjustments.iter().zip(0_usize..) {
            let Some(adjustment) = adjustment.0.as_ref() else { continue };
            if adjustment.kind.0.as_deref() == Some(kind) {
                let amount = amount(&adjustment.amount_set, &adjustment.amount, currency, "amount")
                    .map_err(|e| e.within(&format!("order_adjustments[{at}]")))?;
                sum = sum.saturating_sub(amount);
            }
        }
        Ok(sum.max(0))
    }

    fn shipping_lines(&self, currency: Option<Currency>) -> Result<i64, WebhookError> {
        let mut sum = 0_i64;
        for (line, at) in self.refund_shipping_lines.iter().zip(0_usize..) {
            let Some(line) = line.0.as_ref() else { continue };
            let amount =
                amount(&line.subtotal_amount_set, &line.subtotal_amount, currency, "subtotal_amount")
                    .map_err(|e| e.within(&format!("refund_shipping_lines[{at}]")))?;
            sum = sum.saturating_add(amount);
        }
        Ok(sum.max(0))
    }
}

impl RefundLineWire {
    fn into_line(self, currency: Option<Currency>) -> Result<RefundLine, WebhookError> {
        let sold = self.line_item.0.unwrap_or_default();
        Ok(RefundLine {
            subtotal_minor: amount(&self.subtotal_set, &self.subtotal, currency, "subtotal")?.max(0),
            tax_minor: amount(&self.total_tax_set, &self.total_tax, currency, "total_tax")?.max(0),
            line_id: self.line_item_id.needed("line_item_id")?,
            quantity: self.quantity.needed("quantity")?,
            gift_card: sold.gift_card.0.unwrap_or_default(),
            product_id: sold.product_id.0,
            variant_id: sold.variant_id.0,
            sku: sold.sku.0,
            vendor: sold.vendor.0,
        })
    }
}

/// An amount that is 0 when absent; one whose currency nobody names can't be read.
fn amount(
    set: &Obj<MoneySet>,
    plain: &Amount,
    currency: Option<Currency>,
    field: &str,
) -> Result<i64, WebhookError> {
    match (currency, &plain.0) {
        (Some(currency), _) => Ok(shop_minor(set, plain, currency, field)?.unwrap_or_default()),
        (None, None) => Ok(0),
        (None, Some(_)) => {
            Err(WebhookError::field(&format!("{field}_set.shop_money.currency_code"), CURRENCY))
        }
    }
}
