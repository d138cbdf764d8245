//! A credit that is given to one member for a reason of its own: what may be asked for.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::money::{AMOUNT_MINOR_MAX, Money};

/// Longest customer id, in characters.
pub const MEMBER_MAX: usize = 64;
/// Longest reason, in characters.
pub const REASON_MAX: usize = 200;
/// Longest key, in characters.
pub const SOURCE_KEY_MAX: usize = 600;

/// Where a credit's value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ValueClass {
    /// Given away.
    #[default]
    Promotional,
    /// Given for something: a trade-in, a refund to credit.
    Paid,
}

impl ValueClass {
    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promotional => "promotional",
            Self::Paid => "paid",
        }
    }
}

impl fmt::Display for ValueClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ValueClass {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "promotional" => Ok(Self::Promotional),
            "paid" => Ok(Self::Paid),
            _ => Err(GrantError::ValueClass),
        }
    }
}

/// One credit for one member, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The member's Shopify customer id.
    pub member_external_id: String,
    /// How much.
    pub amount: Money,
    /// Why, in words for people.
    pub reason: String,
    /// When it expires; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where its value comes from.
    pub value_class: ValueClass,
    /// What makes it unique.
    pub source_key: String,
}

/// What is wrong with a credit that is asked for. Each names the field and the fix, and none repeats
/// what was given, which may be somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No customer id.
    #[error(
        "field member_external_id is no customer id; give the Shopify customer id as text, 1 to {MEMBER_MAX} characters without blanks"
    )]
    Member,
    /// Nothing, or less.
    #[error("field amount.amount_minor is not above 0; give the minor units, 500 for 5.00 USD")]
    AmountNotPositive,
    /// More than there may be.
    #[error("field amount.amount_minor is above the largest amount of {AMOUNT_MINOR_MAX} minor units")]
    AmountTooLarge,
    /// No reason, or a novel.
    #[error(
        "field reason is empty, too long or has control characters; give 1 to {REASON_MAX} characters on one line"
    )]
    Reason,
    /// A class that there is not.
    #[error("field value_class is unknown; give promotional or paid, or leave it out for promotional")]
    ValueClass,
    /// A key that can't be one.
    #[error("field source_key is no key; give 1 to {SOURCE_KEY_MAX} characters without control characters")]
    SourceKey,
    /// Would expire before it begins.
    #[error(
        "field expires_at is not after the credit begins; give a later instant, or leave it out for never"
    )]
    Expired,
}

impl Grant {
    /// Checks what can be known without looking anything up.
    ///
    /// # Errors
    /// [`GrantError`], naming the first field that is wrong.
    pub fn checked(self) -> Result<Self, GrantError> {
        let id = &self.member_external_id;
        let blank = |c: char| c.is_whitespace() || c.is_control();
        if id.is_empty() || id.chars().count() > MEMBER_MAX || id.chars().any(blank) {
            return Err(GrantError::Member);
        }
        match self.amount.amount_minor {
            ..=0 => return Err(GrantError::AmountNotPositive),
            minor if minor > AMOUNT_MINOR_MAX => return Err(GrantError::AmountTooLarge),
            _ => {}
        }
        if self.reason.trim().is_empty() || !is_line(&self.reason, REASON_MAX) {
            return Err(GrantError::Reason);
        }
        if self.source_key.is_empty() || !is_line(&self.source_key, SOURCE_KEY_MAX) {
            return Err(GrantError::SourceKey);
        }
        Ok(self)
    }

    /// Checks that it has not expired when it begins.
    ///
    /// # Errors
    /// [`GrantError::Expired`].
    pub fn beginning(&self, at: DateTime<Utc>) -> Result<(), GrantError> {
        if self.expires_at.is_some_and(|expires_at| expires_at <= at) {
            return Err(GrantError::Expired);
        }
        Ok(())
    }
}

fn is_line(text: &str, characters_max: usize) -> bool {
    text.chars().count() <= characters_max && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grant() -> Grant {
        Grant {
            member_external_id: "7250000000017".to_owned(),
            amount: Money { amount_minor: 500, currency: "USD".parse().unwrap() },
            reason: "thanks".to_owned(),
            expires_at: None,
            value_class: ValueClass::Promotional,
            source_key: "manual:1".to_owned(),
        }
    }

    #[test]
    fn each_wrong_field_is_named_and_nothing_given_is_repeated() {
        let minor = |amount_minor| Money { amount_minor, ..grant().amount };
        for (wrong, field) in [
            (Grant { member_external_id: String::new(), ..grant() }, "member_external_id"),
            (
                Grant { member_external_id: "ann@example.com smith".to_owned(), ..grant() },
                "member_external_id",
            ),
            (Grant { amount: minor(0), ..grant() }, "amount.amount_minor"),
            (Grant { amount: minor(-1), ..grant() }, "amount.amount_minor"),
            (Grant { amount: minor(i64::MAX), ..grant() }, "amount.amount_minor"),
            (Grant { reason: " ".to_owned(), ..grant() }, "reason"),
            (Grant { reason: "x".repeat(201), ..grant() }, "reason"),
            (Grant { reason: "a\0b".to_owned(), ..grant() }, "reason"),
            (Grant { source_key: String::new(), ..grant() }, "source_key"),
        ] {
            let error = wrong.checked().unwrap_err().to_string();
            assert!(error.contains(&format!("field {field} ")) && !error.contains("ann"), "{error}");
        }
        assert!("Paid".parse::<ValueClass>().unwrap_err().to_string().contains("field value_class"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_be_stored(reason in any::<String>(), id in any::<String>(), amount_minor in any::<i64>()) {
            let amount = Money { amount_minor, ..grant().amount };
            if let Ok(good) = (Grant { member_external_id: id, reason, amount, ..grant() }).checked() {
                prop_assert!((1..=AMOUNT_MINOR_MAX).contains(&good.amount.amount_minor));
                prop_assert!(!good.reason.contains('\0') && !good.member_external_id.contains('\0'));
                prop_assert!(good.reason.chars().count() <= REASON_MAX);
            }
        }
    }

    #[test]
    fn a_credit_lasts_longer_than_nothing() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(grant().beginning(at), Ok(()));
        assert_eq!(Grant { expires_at: Some(at), ..grant() }.beginning(at), Err(GrantError::Expired));
    }
}
