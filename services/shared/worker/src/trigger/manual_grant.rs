//! A credit that a person gives by hand, by command or by the API.

use chrono::{DateTime, Utc};
use tradeup_domain::{Currency, Money, MoneyError, ValueClass};
use tradeup_proto::{convert, v1};

/// One credit for one member, as a person says it.
#[derive(Clone, Copy, Debug)]
pub struct ManualGrant<'a> {
    /// The member's customer id at the shop.
    pub member: &'a str,
    /// How much, in the shop's currency, like 5.00.
    pub amount: &'a str,
    /// What makes it unique for the shop.
    pub key: &'a str,
    /// Why, in words for people.
    pub reason: &'a str,
    /// When it ends; never, if it is not said.
    pub expires_at: Option<DateTime<Utc>>,
    /// Given for something, and not given away.
    pub paid: bool,
}

/// Why it can't be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManualGrantError {
    /// The shop's currency is none that we know.
    #[error("the shop's currency can't be read")]
    Currency,
    /// The amount is none of that currency.
    #[error(transparent)]
    Amount(#[from] MoneyError),
}

impl ManualGrant<'_> {
    /// The input of `grant-credit`, for a shop of this currency (ISO 4217).
    ///
    /// # Errors
    /// [`ManualGrantError`].
    pub fn input(&self, currency: &str) -> Result<v1::GrantCredit, ManualGrantError> {
        let currency: Currency = currency.parse().map_err(|_unknown| ManualGrantError::Currency)?;
        let amount = Money::parse(self.amount, currency)?;
        let value_class = if self.paid { ValueClass::Paid } else { ValueClass::Promotional };
        Ok(v1::GrantCredit {
            member_external_id: self.member.to_owned(),
            amount: Some(v1::Money {
                amount_minor: amount.amount_minor,
                currency: currency.code().to_owned(),
            }),
            reason: self.reason.to_owned(),
            expires_at: self.expires_at.map(convert::timestamp),
            value_class: convert::value_class_number(value_class),
            source_key: format!("manual:{}", self.key),
        })
    }
}
