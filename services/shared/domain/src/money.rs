//! Money: integer minor units with their ISO 4217 currency beside them.

use std::fmt;
use std::str::FromStr;

/// Largest amount anything here may hold, in minor units. Far above any real balance, and small
/// enough that thousands of such amounts add up without leaving `i64`.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// An ISO 4217 currency with a known number of decimals (its exponent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three-letter code, upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Number of decimals of the major unit: 0 for JPY, 2 for USD, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(text)
            // Codes without an exponent (gold, test codes) can't hold an amount.
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency { given: text.chars().take(20).collect() })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Amount in minor units (cents for USD, yen for JPY).
    pub amount_minor: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// An amount for people; the bare number where the currency is none.
#[must_use]
pub fn amount_text(amount_minor: i64, currency: &str) -> String {
    currency.parse::<Currency>().map_or_else(
        |_unknown| format!("{amount_minor} {currency}"),
        |currency| Money { amount_minor, currency }.to_string(),
    )
}

/// An amount as a bare decimal like `-12.50`, without its currency's code: for spreadsheets and fields of forms. In minor
/// units where the currency is none.
#[must_use]
pub fn decimal_text(amount_minor: i64, currency: &str) -> String {
    let Ok(currency) = currency.parse::<Currency>() else { return amount_minor.to_string() };
    let text = Money { amount_minor, currency }.to_string();
    text.rsplit_once(' ').map_or_else(|| text.clone(), |(number, _code)| number.to_owned())
}

/// Why a text is no amount or no currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not in ISO 4217, or names something without minor units.
    #[error("currency {given:?} is not an ISO 4217 code with minor units; use one like USD, EUR or JPY")]
    UnknownCurrency {
        /// What was given, cut to 20 characters.
        given: String,
    },
    /// The text is not a plain decimal number.
    #[error(
        "amount {given:?} is not a decimal number; write it like 12.50, without signs, spaces or thousands separators"
    )]
    NotANumber {
        /// What was given, cut to 40 characters.
        given: String,
    },
    /// More decimals than the currency has.
    #[error(
        "amount {given:?} has more than the {exponent} decimals of {currency}; nothing is rounded, give the exact amount"
    )]
    TooManyDecimals {
        /// What was given.
        given: String,
        /// The currency's code.
        currency: &'static str,
        /// How many decimals it has.
        exponent: u32,
    },
    /// Above [`AMOUNT_MINOR_MAX`].
    #[error("amount {given:?} is above the largest amount of {AMOUNT_MINOR_MAX} minor units")]
    TooLarge {
        /// What was given, cut to 40 characters.
        given: String,
    },
}

impl Money {
    /// Reads a non-negative decimal amount ("12.5", "980") of `currency`.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is not a plain decimal number, has more decimals than the
    /// currency (nothing is ever rounded) or is too large.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let given = || text.chars().take(40).collect::<String>();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let dangling = text.ends_with('.');
        if whole.is_empty() || dangling || !digits(whole) || !digits(decimals) {
            return Err(MoneyError::NotANumber { given: given() });
        }
        let exponent = currency.exponent();
        let decimals_len = u32::try_from(decimals.len()).unwrap_or(u32::MAX);
        let Some(missing) = exponent.checked_sub(decimals_len) else {
            return Err(MoneyError::TooManyDecimals { given: given(), currency: currency.code(), exponent });
        };
        let padding = 10_i64.pow(missing);
        let amount_minor = format!("{whole}{decimals}")
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(padding))
            .filter(|n| *n <= AMOUNT_MINOR_MAX)
            .ok_or_else(|| MoneyError::TooLarge { given: given() })?;
        Ok(Self { amount_minor, currency })
    }
}

impl fmt::Display for Money {
    /// Exact decimal text with the code behind it: `12.50 USD`, `980 JPY`, `-0.005 KWD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::try_from(self.currency.exponent()).unwrap_or(0);
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.amount_minor.unsigned_abs(), width = exponent + 1);
        let (whole, decimals) = digits.split_at(digits.len() - exponent);
        let point = if exponent == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn exponent_decides_the_minor_units() {
        for (text, code, minor) in [
            ("12.50", "USD", 1250),
            ("12.5", "USD", 1250),
            ("980", "JPY", 980),
            ("12.345", "KWD", 12345),
            ("0", "EUR", 0),
        ] {
            assert_eq!(Money::parse(text, currency(code)).unwrap().amount_minor, minor);
        }
    }

    #[test]
    fn nothing_is_rounded_or_guessed() {
        for (text, code) in [
            ("12.345", "USD"),
            ("1.0", "JPY"),
            ("1,000", "USD"),
            ("-1", "USD"),
            (".5", "USD"),
            ("1.", "USD"),
            ("", "USD"),
            ("1e3", "USD"),
            ("99999999999999999999", "USD"),
        ] {
            assert!(Money::parse(text, currency(code)).is_err(), "{text} {code} must be refused");
        }
        for code in ["usd", "ZZZ", "XAU", "", "USDX"] {
            assert!(code.parse::<Currency>().is_err(), "{code} must be refused");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(amount_minor in 0..=AMOUNT_MINOR_MAX, code in prop::sample::select(vec!["USD", "JPY", "KWD", "CLP", "EUR"])) {
            let money = Money { amount_minor, currency: currency(code) };
            let text = money.to_string();
            let number = text.split(' ').next().unwrap();
            prop_assert_eq!(Money::parse(number, money.currency).unwrap(), money);
        }
    }
}
