//! Facts about an order, as another system tells them: what may be said.

use chrono::{DateTime, Utc};

use crate::cashback::{OrderLine, eligible_base_minor};
use crate::grant::MEMBER_MAX;
use crate::money::{AMOUNT_MINOR_MAX, Currency};

/// Longest id of an order or refund, in characters.
pub const ORDER_ID_MAX: usize = 100;
/// Most lines of an order.
pub const LINES_MAX: usize = 1_000;

/// An order as the shop system knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidOrder {
    /// The customer id; `None` for a guest.
    pub member_external_id: Option<String>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// What of it earns, in minor units.
    pub base_minor: i64,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
    /// Which version of it this is, by the shop system's clock.
    pub version_at: DateTime<Utc>,
    /// Whether its cashback waits for the fulfilment.
    pub needs_fulfilment: bool,
    /// A test order earns nothing.
    pub test: bool,
}

/// Something about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It was paid, or edited after that.
    Paid(PaidOrder),
    /// A part of it was refunded.
    Refunded {
        /// The refund's id.
        external_id: String,
        /// What of the refunded lines had earned, in minor units.
        eligible_minor: i64,
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

/// What of the lines earns, in minor units, less what was paid with credit.
///
/// # Errors
/// [`OrderError`], naming the first field that is wrong.
pub fn base_of(lines: &[OrderLine], paid_by_credit_minor: i64) -> Result<i64, OrderError> {
    let amount = |field: &'static str, minor: i64| {
        if (0..=AMOUNT_MINOR_MAX).contains(&minor) { Ok(()) } else { Err(OrderError::Amount { field }) }
    };
    if lines.len() > LINES_MAX {
        return Err(OrderError::Lines);
    }
    for line in lines {
        amount("lines.price_minor", line.price_minor)?;
        amount("lines.discounts_minor", line.discounts_minor)?;
        amount("lines.tax_included_minor", line.tax_included_minor)?;
        amount("lines.quantity", line.quantity)?;
    }
    amount("paid_by_credit_minor", paid_by_credit_minor)?;
    let base_minor = eligible_base_minor(lines, paid_by_credit_minor);
    amount("lines", base_minor)?;
    Ok(base_minor)
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
        let line = OrderLine { price_minor: 100, quantity: 2, ..OrderLine::default() };
        assert_eq!(base_of(&[line], 50), Ok(150));
        for (lines, paid, field) in [
            (vec![OrderLine { price_minor: -1, ..line }], 0, "lines.price_minor"),
            (vec![OrderLine { discounts_minor: i64::MAX, ..line }], 0, "lines.discounts_minor"),
            (vec![OrderLine { quantity: -1, ..line }], 0, "lines.quantity"),
            (vec![OrderLine { price_minor: AMOUNT_MINOR_MAX, ..line }], 0, "lines"),
            (vec![line], -1, "paid_by_credit_minor"),
            (vec![line; LINES_MAX + 1], 0, "lines"),
        ] {
            let error = base_of(&lines, paid).unwrap_err().to_string();
            assert!(error.contains(&format!("field {field} ")), "{error}");
        }
    }
}
