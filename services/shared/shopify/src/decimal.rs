//! Amounts on Shopify's wire: signed decimal texts, padded or trimmed as it pleases.
//!
//! Shopify sends "50.0" for 50 dollars and takes "50.00"; webhooks pad. Nothing is ever rounded and
//! no binary floating point is involved (Shopify reference §5).

use serde::{Deserialize, Serialize};
use tradeup_domain::money::AMOUNT_MINOR_MAX;
use tradeup_domain::{Currency, Money};

/// `MoneyV2` and `MoneyInput`: a decimal text and a currency code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WireMoney {
    /// Signed decimal in major units.
    pub(crate) amount: String,
    /// ISO 4217 code, and some more that only occur in answers.
    #[serde(rename = "currencyCode")]
    pub(crate) currency_code: String,
}

/// Why an amount in an answer can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The currency is unknown here.
    #[error("currency {given:?} of an answer is not an ISO 4217 code with minor units")]
    Currency {
        /// What was given, cut to 20 characters.
        given: String,
    },
    /// The text is no signed decimal.
    #[error("amount {given:?} of an answer is not a signed decimal")]
    NotADecimal {
        /// What was given, cut to 40 characters.
        given: String,
    },
    /// A fraction below the smallest unit of the currency.
    #[error("amount {given:?} of an answer has a fraction below the minor unit of {currency}")]
    BelowMinorUnit {
        /// What was given, cut to 40 characters.
        given: String,
        /// The currency's code.
        currency: &'static str,
    },
    /// Further from zero than any amount here may be.
    #[error("amount {given:?} of an answer is above the largest amount of {AMOUNT_MINOR_MAX} minor units")]
    TooLarge {
        /// What was given, cut to 40 characters.
        given: String,
    },
}

/// Reads a signed decimal of `currency`: "50.0", "12.5", "-2.16"; zeros behind the currency's last
/// decimal are padding ("16100.00" yen).
///
/// # Errors
/// [`AmountError`] for anything that is not exactly a number of minor units.
pub fn parse_amount(text: &str, currency: Currency) -> Result<Money, AmountError> {
    let given = || text.chars().take(40).collect::<String>();
    let not_a_decimal = || AmountError::NotADecimal { given: given() };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(not_a_decimal()),
        Some(parts) => parts,
        None => (digits, ""),
    };
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return Err(not_a_decimal());
    }
    let exponent = usize::try_from(currency.exponent()).unwrap_or_default();
    let (kept, padding) = fraction.split_at(fraction.len().min(exponent));
    if padding.bytes().any(|b| b != b'0') {
        return Err(AmountError::BelowMinorUnit { given: given(), currency: currency.code() });
    }
    let whole = whole.trim_start_matches('0');
    let amount = format!("0{whole}{kept:0<exponent$}")
        .parse::<i64>()
        .ok()
        .filter(|amount| *amount <= AMOUNT_MINOR_MAX)
        .ok_or_else(|| AmountError::TooLarge { given: given() })?;
    Ok(Money { amount_minor: if negative { -amount } else { amount }, currency })
}

/// The amount in major units with exactly the currency's decimals: "12.50", "980", "-0.005".
#[must_use]
pub fn amount_text(money: Money) -> String {
    let text = money.to_string();
    // The domain's text is the amount, a space and the code.
    text.split(' ').next().unwrap_or_default().to_owned()
}

impl From<Money> for WireMoney {
    fn from(money: Money) -> Self {
        Self { amount: amount_text(money), currency_code: money.currency.code().to_owned() }
    }
}

impl TryFrom<&WireMoney> for Money {
    type Error = AmountError;

    fn try_from(wire: &WireMoney) -> Result<Self, Self::Error> {
        let currency: Currency = wire.currency_code.parse().map_err(|_unknown| AmountError::Currency {
            given: wire.currency_code.chars().take(20).collect(),
        })?;
        parse_amount(&wire.amount, currency)
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
    fn trimmed_and_padded_texts_are_read_exactly() {
        for (text, code, minor) in [
            ("50.0", "USD", 5_000),
            ("12.5", "USD", 1_250),
            ("-2.16", "USD", -216),
            ("0.0", "USD", 0),
            ("-0.0", "USD", 0),
            ("007.23", "EUR", 723),
            ("16100", "JPY", 16_100),
            ("16100.0", "JPY", 16_100),
            ("16100.00", "JPY", 16_100),
            ("1.5", "KWD", 1_500),
            ("1.0050", "KWD", 1_005),
        ] {
            assert_eq!(parse_amount(text, currency(code)).unwrap().amount_minor, minor, "{text} {code}");
        }
    }

    #[test]
    fn nothing_is_rounded_or_guessed() {
        for (text, code) in [
            ("12.505", "USD"),
            ("16100.5", "JPY"),
            ("16100.01", "JPY"),
            ("1.0005", "KWD"),
            ("", "USD"),
            ("-", "USD"),
            (".5", "USD"),
            ("5.", "USD"),
            ("--5", "USD"),
            ("+5", "USD"),
            ("1e3", "USD"),
            ("1,5", "USD"),
            (" 1", "USD"),
            ("١", "USD"),
            ("99999999999999999999", "USD"),
            ("10000000000.01", "USD"),
        ] {
            assert!(parse_amount(text, currency(code)).is_err(), "{text} {code}");
        }
        let strange = WireMoney { amount: "1".to_owned(), currency_code: "USDC".to_owned() };
        assert!(Money::try_from(&strange).is_err());
    }

    #[test]
    fn sent_with_exactly_the_decimals_of_the_currency() {
        for (minor, code, text) in
            [(5_000, "USD", "50.00"), (5, "USD", "0.05"), (980, "JPY", "980"), (-5, "KWD", "-0.005")]
        {
            assert_eq!(amount_text(Money { amount_minor: minor, currency: currency(code) }), text);
        }
    }

    proptest! {
        /// What is sent comes back the same, whether Shopify trims it or pads it.
        #[test]
        fn survives_trimming_and_padding(
            minor in -AMOUNT_MINOR_MAX..=AMOUNT_MINOR_MAX,
            code in prop::sample::select(vec!["USD", "JPY", "KWD", "CLF"]),
            zeros in 0_usize..4,
        ) {
            let money = Money { amount_minor: minor, currency: currency(code) };
            let sent = amount_text(money);
            prop_assert_eq!(parse_amount(&sent, money.currency).unwrap(), money);
            let point = if sent.contains('.') { "" } else { ".0" };
            let padded = format!("{sent}{point}{}", "0".repeat(zeros));
            prop_assert_eq!(parse_amount(&padded, money.currency).unwrap(), money);
            let mut trimmed = padded.trim_end_matches('0').to_owned();
            if trimmed.ends_with('.') {
                trimmed.push('0');
            }
            prop_assert_eq!(parse_amount(&trimmed, money.currency).unwrap(), money);
        }

        /// Any text is read or refused, never a panic; and what is read, reads the same again.
        #[test]
        fn any_text_is_read_or_refused(text in "-?[0-9.]{0,24}") {
            if let Ok(money) = parse_amount(&text, currency("USD")) {
                prop_assert_eq!(parse_amount(&amount_text(money), money.currency).unwrap(), money);
            }
        }
    }
}
