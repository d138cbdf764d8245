//! Facts about an order, as another system tells them: what may be said.

use chrono::{DateTime, Utc};

use serde::{Deserialize, Serialize};

use crate::grant::MEMBER_MAX;
use crate::money::{AMOUNT_MINOR_MAX, Currency, Money};
use crate::rules::BoughtLine;

/// Longest id of an order or refund, in characters.
pub const ORDER_ID_MAX: usize = 100;
/// Most lines of an order.
pub const LINES_MAX: usize = 1_000;

/// A line of an order as it is kept: what rules look at, and nothing about a person. Amounts are minor units of the
/// order's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// Price of one, before discounts.
    pub price_minor: i64,
    /// How many.
    pub quantity: i64,
    /// How many pieces it is of, where the price is that of all of them and the quantity 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub pieces_in_all: i64,
    /// Discounts of the line and its share of the order's, together.
    #[serde(skip_serializing_if = "is_zero")]
    pub discounts_minor: i64,
    /// Tax that is inside the price.
    #[serde(skip_serializing_if = "is_zero")]
    pub tax_included_minor: i64,
    /// A gift card.
    #[serde(skip_serializing_if = "is_false")]
    pub gift_card: bool,
    /// Left out by whoever tells of it.
    #[serde(skip_serializing_if = "is_false")]
    pub excluded: bool,
    /// The product's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The variant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// The SKU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
}

/// What is in an order, as it is kept for the rules. Amounts are minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderContent {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where it came from, as the shop system says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// All that was to be paid, with shipping and tax; 0 if it was not told.
    #[serde(skip_serializing_if = "is_zero")]
    pub total_minor: i64,
    /// What of it was paid with credit, if whoever tells of the order says so at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub paid_by_credit_minor: i64,
    /// How it was paid, where single payments are told apart from the order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// A test order.
    #[serde(skip_serializing_if = "is_false")]
    pub test: bool,
    /// Tax is inside of its prices.
    #[serde(skip_serializing_if = "is_false")]
    pub taxes_included: bool,
}

/// What was refunded, as it is kept for the rules. Amounts are minor units of the order's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefundContent {
    /// The refunded lines, each with the quantity that was refunded.
    pub lines: Vec<Line>,
    /// Money that was given back for no line.
    #[serde(skip_serializing_if = "is_zero")]
    pub money_minor: i64,
    /// The lines tell their tax without saying whether it is inside of the price: it is as with the order.
    #[serde(skip_serializing_if = "is_false")]
    pub tax_as_order: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Line {
    /// As far as memberships go.
    #[must_use]
    pub fn bought(&self) -> BoughtLine<'_> {
        BoughtLine {
            product_id: self.product_id.as_deref(),
            variant_id: self.variant_id.as_deref(),
            sku: self.sku.as_deref(),
            quantity: self.pieces(),
        }
    }

    /// How many pieces it is of.
    #[must_use]
    pub fn pieces(&self) -> i64 {
        if self.pieces_in_all > 0 { self.pieces_in_all } else { self.quantity }
    }

    /// A line of so much, for what tells of no lines.
    #[must_use]
    pub fn of(amount_minor: i64) -> Self {
        Self { price_minor: amount_minor, quantity: 1, ..Self::default() }
    }
}

impl OrderContent {
    /// An order of one line of so much.
    #[must_use]
    pub fn of(amount_minor: i64) -> Self {
        Self { lines: vec![Line::of(amount_minor)], ..Self::default() }
    }

    /// Checks that it can be kept and reckoned with.
    ///
    /// # Errors
    /// [`OrderError`], naming the first field that is wrong.
    pub fn check(&self) -> Result<(), OrderError> {
        check_lines(&self.lines)?;
        check_amount("paid_by_credit_minor", self.paid_by_credit_minor)?;
        check_amount("total_minor", self.total_minor)
    }
}

impl RefundContent {
    /// A refund of one line of so much.
    #[must_use]
    pub fn of(amount_minor: i64) -> Self {
        Self { lines: vec![Line::of(amount_minor)], ..Self::default() }
    }

    /// Checks that it can be kept and reckoned with.
    ///
    /// # Errors
    /// [`OrderError`], naming the first field that is wrong.
    pub fn check(&self) -> Result<(), OrderError> {
        check_lines(&self.lines)?;
        check_amount("money_minor", self.money_minor)
    }
}

/// An order as the shop system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidOrder {
    /// The customer id; `None` for a guest.
    pub member_external_id: Option<String>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// What is in it.
    pub content: OrderContent,
    /// When it was made, if that was told.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
    /// Which version of it this is, by the shop system's clock.
    pub version_at: DateTime<Utc>,
    /// Of two versions of one instant the one that was sent later counts.
    pub sent_at: DateTime<Utc>,
    /// Whether its cashback waits for the fulfilment.
    pub needs_fulfilment: bool,
}

/// Whether the money of a refund has moved. It counts once it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// It has.
    Moved,
    /// It will, or will not.
    Pending,
    /// It has not.
    Failed,
    /// No money is told of: goods came back, and nothing was paid for them so far.
    NoMoney,
}

impl RefundState {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::NoMoney => "none",
        }
    }
}

/// Something about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It was paid, or edited after that.
    Paid(PaidOrder),
    /// A part of it was paid so; told apart from the order itself.
    Payment {
        /// The payment's id.
        external_id: String,
        /// How, as the shop system calls it.
        gateway: String,
        /// How much of the order it covers.
        amount: Money,
        /// When.
        paid_at: DateTime<Utc>,
    },
    /// A part of it was refunded.
    Refunded {
        /// The refund's id.
        external_id: String,
        /// What.
        content: RefundContent,
        /// Whether its money has moved.
        state: RefundState,
        /// When.
        refunded_at: DateTime<Utc>,
    },
    /// It was fulfilled.
    Fulfilled(DateTime<Utc>),
    /// It was cancelled as a whole.
    Cancelled(DateTime<Utc>),
    /// Its payment is disputed.
    Disputed(DateTime<Utc>),
    /// The dispute was decided for the shop: it counts no more, whichever is heard of first.
    DisputeWon(DateTime<Utc>),
}

/// What is wrong with a fact. Each names the field and the fix, and none repeats what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// An id that can't be one.
    #[error(
        "field {field} is no id; give 1 to {ORDER_ID_MAX} characters of A-Z, a-z, 0-9, '.', '_', '-' and '#'"
    )]
    Id {
        /// Which field.
        field: &'static str,
    },
    /// A customer id that can't be one.
    #[error(
        "field member_external_id is no customer id; give 1 to {MEMBER_MAX} characters without blanks, or leave it out for a guest"
    )]
    Member,
    /// An amount below 0 or above the largest.
    #[error("field {field} is below 0 or above the largest amount of {AMOUNT_MINOR_MAX} minor units")]
    Amount {
        /// Which field.
        field: &'static str,
    },
    /// Too many lines.
    #[error("field lines has more than {LINES_MAX} lines")]
    Lines,
}

/// Checks the id of an order or a refund: keys are made of it.
///
/// # Errors
/// [`OrderError::Id`].
pub fn check_id(field: &'static str, id: &str) -> Result<(), OrderError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '#');
    if id.is_empty() || id.len() > ORDER_ID_MAX || !id.chars().all(good) {
        return Err(OrderError::Id { field });
    }
    Ok(())
}

/// Checks a customer id.
///
/// # Errors
/// [`OrderError::Member`].
pub fn check_member(id: &str) -> Result<(), OrderError> {
    let good = |c: char| !c.is_whitespace() && !c.is_control();
    if id.is_empty() || id.chars().count() > MEMBER_MAX || !id.chars().all(good) {
        return Err(OrderError::Member);
    }
    Ok(())
}

fn check_amount(field: &'static str, minor: i64) -> Result<(), OrderError> {
    if (0..=AMOUNT_MINOR_MAX).contains(&minor) { Ok(()) } else { Err(OrderError::Amount { field }) }
}

fn check_lines(lines: &[Line]) -> Result<(), OrderError> {
    if lines.len() > LINES_MAX {
        return Err(OrderError::Lines);
    }
    let mut sum_minor = 0_i64;
    for line in lines {
        check_amount("lines.price_minor", line.price_minor)?;
        check_amount("lines.discounts_minor", line.discounts_minor)?;
        check_amount("lines.tax_included_minor", line.tax_included_minor)?;
        check_amount("lines.quantity", line.quantity)?;
        sum_minor = sum_minor.saturating_add(line.price_minor.saturating_mul(line.quantity));
    }
    check_amount("lines", sum_minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keys_are_made_of_has_no_separator() {
        for good in ["5678901234567", "#1001", "gift-7_a.b"] {
            assert_eq!(check_id("order_external_id", good), Ok(()));
        }
        let long = "x".repeat(ORDER_ID_MAX + 1);
        for bad in ["", "7:v2", "a b", "ä", "a/b", long.as_str()] {
            let error = check_id("order_external_id", bad).unwrap_err().to_string();
            assert!(error.starts_with("field order_external_id "), "{error}");
        }
    }

    #[test]
    fn amounts_out_of_range_name_their_field() {
        let line = Line { price_minor: 100, quantity: 2, ..Line::default() };
        let good =
            OrderContent { lines: vec![line.clone()], paid_by_credit_minor: 50, ..OrderContent::default() };
        assert_eq!(good.check(), Ok(()));
        for (lines, paid, field) in [
            (vec![Line { price_minor: -1, ..line.clone() }], 0, "lines.price_minor"),
            (vec![Line { discounts_minor: i64::MAX, ..line.clone() }], 0, "lines.discounts_minor"),
            (vec![Line { quantity: -1, ..line.clone() }], 0, "lines.quantity"),
            (vec![Line { price_minor: AMOUNT_MINOR_MAX, ..line.clone() }], 0, "lines"),
            (vec![line.clone()], -1, "paid_by_credit_minor"),
            (vec![line; LINES_MAX + 1], 0, "lines"),
        ] {
            let wrong = OrderContent { lines, paid_by_credit_minor: paid, ..OrderContent::default() };
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains(&format!("field {field} ")), "{error}");
        }
        let wrong = RefundContent { money_minor: -1, ..RefundContent::default() };
        assert!(wrong.check().unwrap_err().to_string().contains("field money_minor "));
    }

    #[test]
    fn what_is_kept_reads_back_and_leaves_out_what_is_not_there() {
        let content = OrderContent { tags: vec!["VIP".to_owned()], ..OrderContent::of(500) };
        let text = serde_json::to_string(&content).unwrap();
        assert_eq!(text, r#"{"lines":[{"price_minor":500,"quantity":1}],"tags":["VIP"]}"#);
        assert_eq!(serde_json::from_str::<OrderContent>(&text).unwrap(), content);
    }
}
