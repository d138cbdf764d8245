//! A spend, as another system asks for it: what may be asked.

use crate::grant::REASON_MAX;
use crate::ledger::{HOLD_SECONDS, HOLD_SECONDS_MAX};
use crate::money::{AMOUNT_MINOR_MAX, Money};
use crate::order::{OrderError, check_member};

/// Longest reference, in characters.
pub const REFERENCE_MAX: usize = 200;

/// A spend, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// The member's customer id.
    pub member_external_id: String,
    /// How much.
    pub amount: Money,
    /// What the other system calls it: an order and payment, for instance. Unique within that system.
    pub reference: String,
    /// Why, in words for people.
    pub reason: Option<String>,
}

/// What is wrong with a spend. Each names the field and the fix, and none repeats what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// No customer id.
    #[error(transparent)]
    Member(#[from] OrderError),
    /// Nothing, less, or more than there may be.
    #[error(
        "field amount.amount_minor is not above 0, or above the largest amount of {AMOUNT_MINOR_MAX} minor units"
    )]
    Amount,
    /// A reference that can't be one.
    #[error(
        "field reference is empty, too long or has control characters; give 1 to {REFERENCE_MAX} characters on one line"
    )]
    Reference,
    /// A reason that is too long.
    #[error(
        "field reason is empty, too long or has control characters; give 1 to {REASON_MAX} characters on one line, or leave it out"
    )]
    Reason,
    /// A hold for no time, or for too long.
    #[error(
        "field valid_seconds is not above 0, or above {HOLD_SECONDS_MAX}; a hold is valid for 7 days at most, for a day if it is left out"
    )]
    ValidSeconds,
}

impl Spend {
    /// Checks what can be known without looking anything up.
    ///
    /// # Errors
    /// [`SpendError`], naming the first field that is wrong.
    pub fn checked(self) -> Result<Self, SpendError> {
        check_member(&self.member_external_id)?;
        check_amount(self.amount.amount_minor)?;
        check_reference(&self.reference)?;
        if self.reason.as_deref().is_some_and(|reason| !is_line(reason, REASON_MAX)) {
            return Err(SpendError::Reason);
        }
        Ok(self)
    }
}

/// Checks an amount that has to move something.
///
/// # Errors
/// [`SpendError::Amount`].
pub fn check_amount(amount_minor: i64) -> Result<(), SpendError> {
    if (1..=AMOUNT_MINOR_MAX).contains(&amount_minor) { Ok(()) } else { Err(SpendError::Amount) }
}

/// For how long a hold is valid: as many seconds as are asked for, a day if none are named.
///
/// # Errors
/// [`SpendError::ValidSeconds`].
pub fn hold_seconds(asked: Option<i64>) -> Result<i64, SpendError> {
    let seconds = asked.unwrap_or(HOLD_SECONDS);
    if (1..=HOLD_SECONDS_MAX).contains(&seconds) { Ok(seconds) } else { Err(SpendError::ValidSeconds) }
}

/// Checks what another system calls a spend.
///
/// # Errors
/// [`SpendError::Reference`].
pub fn check_reference(reference: &str) -> Result<(), SpendError> {
    if is_line(reference, REFERENCE_MAX) { Ok(()) } else { Err(SpendError::Reference) }
}

fn is_line(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_field_is_named() {
        let good = Spend {
            member_external_id: "7".to_owned(),
            amount: Money { amount_minor: 5, currency: "USD".parse().unwrap() },
            reference: "order 1001, payment 2".to_owned(),
            reason: None,
        };
        assert_eq!(good.clone().checked(), Ok(good.clone()));
        let minor = |amount_minor| Money { amount_minor, ..good.amount };
        for (wrong, field) in [
            (Spend { member_external_id: "a b".to_owned(), ..good.clone() }, "member_external_id"),
            (Spend { amount: minor(0), ..good.clone() }, "amount.amount_minor"),
            (Spend { amount: minor(i64::MAX), ..good.clone() }, "amount.amount_minor"),
            (Spend { reference: " ".to_owned(), ..good.clone() }, "reference"),
            (Spend { reference: "a\nb".to_owned(), ..good.clone() }, "reference"),
            (Spend { reason: Some(String::new()), ..good.clone() }, "reason"),
        ] {
            let error = wrong.checked().unwrap_err().to_string();
            assert!(error.contains(&format!("field {field} ")), "{error}");
        }
    }
}
