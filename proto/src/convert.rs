//! Conversions between message fields and domain types. Each names the field that is wrong.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use tradeup_domain::merge::{Merge, MergeError};
use tradeup_domain::order::OrderError;
use tradeup_domain::spend::{Spend, SpendError};
use tradeup_domain::{Currency, Grant, GrantError, InvalidPeriod, Money, MoneyError, Period, ValueClass};
use uuid::Uuid;

pub use asked::{
    ASKED_CHARS_MAX, TIMELINE_DAYS, TIMELINE_DAYS_DEFAULT, analyze_member_insights, analyze_segment,
    plan_campaign, plan_strategic_goal,
};
pub use order::fact;

use crate::v1;

mod asked;
mod order;

/// Why a decoded message can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A field that the task needs is absent.
    #[error("field {field} is missing")]
    Missing {
        /// Field name as in the `.proto` file.
        field: &'static str,
    },
    /// A timestamp outside of what a date can hold.
    #[error("field {field} is no valid timestamp")]
    Timestamp {
        /// Field name as in the `.proto` file.
        field: &'static str,
    },
    /// A UUID that is not 16 bytes long.
    #[error("field {field} is no UUID of 16 bytes")]
    Uuid {
        /// Field name as in the `.proto` file.
        field: &'static str,
    },
    /// A period that is not `YYYY-MM`.
    #[error("field period: {0}")]
    Period(#[from] InvalidPeriod),
    /// A currency that is none.
    #[error("field amount.currency: {0}")]
    Currency(#[from] MoneyError),
    /// A currency of an order that is none.
    #[error("field currency: {0}")]
    OrderCurrency(MoneyError),
    /// A credit that can't be given.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// A fact about an order that can't be.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A spend that can't be.
    #[error(transparent)]
    Spend(#[from] SpendError),
    /// A merge that can't be.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Something that agents can't be asked for.
    #[error("field {field} {problem}")]
    Asked {
        /// Field name as in the `.proto` file.
        field: &'static str,
        /// What is wrong with it and what to give, in words.
        problem: &'static str,
    },
}

/// A domain instant as a message field.
#[must_use]
pub fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    let nanos = i32::try_from(instant.timestamp_subsec_nanos()).unwrap_or(0);
    Timestamp { seconds: instant.timestamp(), nanos }
}

/// A required timestamp field as an instant.
///
/// # Errors
/// [`ConvertError::Missing`] or [`ConvertError::Timestamp`], naming `field`.
pub fn instant(field: &'static str, value: Option<&Timestamp>) -> Result<DateTime<Utc>, ConvertError> {
    optional_instant(field, value)?.ok_or(ConvertError::Missing { field })
}

/// An optional timestamp field as an instant.
///
/// # Errors
/// [`ConvertError::Timestamp`], naming `field`.
pub fn optional_instant(
    field: &'static str,
    value: Option<&Timestamp>,
) -> Result<Option<DateTime<Utc>>, ConvertError> {
    let convert = |t: &Timestamp| {
        let nanos = u32::try_from(t.nanos).ok()?;
        DateTime::from_timestamp(t.seconds, nanos)
    };
    value.map(|t| convert(t).ok_or(ConvertError::Timestamp { field })).transpose()
}

/// A UUID field.
///
/// # Errors
/// [`ConvertError::Uuid`], naming `field`.
pub fn uuid(field: &'static str, value: &[u8]) -> Result<Uuid, ConvertError> {
    Uuid::from_slice(value).map_err(|_length| ConvertError::Uuid { field })
}

/// A period field.
///
/// # Errors
/// [`ConvertError::Period`].
pub fn period(value: &str) -> Result<Period, ConvertError> {
    Ok(value.parse()?)
}

/// The input of `grant-credit` as one checked credit.
///
/// # Errors
/// [`ConvertError`], naming the field.
pub fn grant(value: &v1::GrantCredit) -> Result<Grant, ConvertError> {
    let amount = money(value.amount.as_ref())?;
    let grant = Grant {
        member_external_id: value.member_external_id.clone(),
        amount,
        reason: value.reason.clone(),
        expires_at: optional_instant("expires_at", value.expires_at.as_ref())?,
        value_class: value_class(value.value_class)?,
        source_key: value.source_key.clone(),
    };
    Ok(grant.checked()?)
}

/// An amount field.
///
/// # Errors
/// [`ConvertError`], naming the field.
pub fn money(value: Option<&v1::Money>) -> Result<Money, ConvertError> {
    let amount = value.ok_or(ConvertError::Missing { field: "amount" })?;
    Ok(Money { amount_minor: amount.amount_minor, currency: amount.currency.parse::<Currency>()? })
}

/// An optional text field: absent and empty are the same.
#[must_use]
pub fn optional_text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// The input of `spend-credit` as one checked spend.
///
/// # Errors
/// [`ConvertError`], naming the field.
pub fn spend(value: &v1::SpendCredit) -> Result<Spend, ConvertError> {
    let spend = Spend {
        member_external_id: value.member_external_id.clone(),
        amount: money(value.amount.as_ref())?,
        reference: value.reference.clone(),
        reason: optional_text(&value.reason),
    };
    Ok(spend.checked()?)
}

/// The input of `merge-members` as one checked merge.
///
/// # Errors
/// [`ConvertError`], naming the field.
pub fn merge(value: &v1::MergeMembers) -> Result<Merge, ConvertError> {
    let merge = Merge {
        old_member_external_id: value.old_member_external_id.clone(),
        kept_member_external_id: value.kept_member_external_id.clone(),
        reason: optional_text(&value.reason),
    };
    Ok(merge.checked()?)
}

/// A class of value from its number.
fn value_class(number: i32) -> Result<ValueClass, GrantError> {
    match v1::ValueClass::try_from(number) {
        Ok(v1::ValueClass::Unspecified | v1::ValueClass::Promotional) => Ok(ValueClass::Promotional),
        Ok(v1::ValueClass::Paid) => Ok(ValueClass::Paid),
        Err(_unknown) => Err(GrantError::ValueClass),
    }
}

/// A class of value as a message field.
#[must_use]
pub fn value_class_number(class: ValueClass) -> i32 {
    match class {
        ValueClass::Promotional => v1::ValueClass::Promotional.into(),
        ValueClass::Paid => v1::ValueClass::Paid.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn instants_round_trip(seconds in -62_000_000_000_i64..250_000_000_000, nanos in 0_u32..1_000_000_000) {
            let instant_ = DateTime::from_timestamp(seconds, nanos).unwrap();
            prop_assert_eq!(instant("at", Some(&timestamp(instant_))).unwrap(), instant_);
        }

        #[test]
        fn any_bytes_decode_or_fail_without_a_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(job) = v1::Job::decode(bytes.as_slice()) {
                let _either = uuid("run_id", &job.run_id);
                let _either = instant("scheduled_for", job.scheduled_for.as_ref());
            }
        }
    }

    #[test]
    fn a_wrong_credit_names_its_field() {
        let money =
            |amount_minor, currency: &str| Some(v1::Money { amount_minor, currency: currency.to_owned() });
        let good = v1::GrantCredit {
            member_external_id: "5".to_owned(),
            amount: money(500, "USD"),
            reason: "thanks".to_owned(),
            source_key: "manual:1".to_owned(),
            ..v1::GrantCredit::default()
        };
        assert_eq!(grant(&good).unwrap().value_class, ValueClass::Promotional);
        let paid = v1::GrantCredit { value_class: value_class_number(ValueClass::Paid), ..good.clone() };
        assert_eq!(grant(&paid).unwrap().value_class, ValueClass::Paid);
        for (wrong, field) in [
            (v1::GrantCredit { amount: None, ..good.clone() }, "amount"),
            (v1::GrantCredit { amount: money(5, "usd"), ..good.clone() }, "amount.currency"),
            (v1::GrantCredit { amount: money(0, "USD"), ..good.clone() }, "amount.amount_minor"),
            (v1::GrantCredit { value_class: 9, ..good.clone() }, "value_class"),
            (v1::GrantCredit { expires_at: Some(Timestamp { seconds: 0, nanos: -1 }), ..good }, "expires_at"),
        ] {
            let error = grant(&wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("field {field}")), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(instant("as_of", None), Err(ConvertError::Missing { field: "as_of" }));
        let negative = Timestamp { seconds: 0, nanos: -1 };
        assert_eq!(instant("as_of", Some(&negative)), Err(ConvertError::Timestamp { field: "as_of" }));
        assert!(uuid("run_id", b"short").unwrap_err().to_string().contains("run_id"));
    }
}
