//! Amounts on the wire, as Shopify prints and takes them. Written apart from the client's, on purpose.

use serde_json::{Value, json};
use tradeup_domain::{Currency, Money};

/// `MoneyV2`: zeros at the end are cut off, one decimal stays (reference §12.3).
pub(crate) fn printed(minor: i64, currency: Currency) -> Value {
    json!({ "amount": decimal(minor, currency), "currencyCode": currency.code() })
}

fn decimal(minor: i64, currency: Currency) -> String {
    let full = Money { amount_minor: minor, currency }.to_string();
    let number = full.split(' ').next().unwrap_or_default();
    match number.split_once('.') {
        None => format!("{number}.0"),
        Some((whole, decimals)) => match decimals.trim_end_matches('0') {
            "" => format!("{whole}.0"),
            rest => format!("{whole}.{rest}"),
        },
    }
}

/// Reads a signed decimal with at most the currency's decimals, in minor units.
pub(crate) fn read(amount: &Value, currency: Currency) -> Option<i64> {
    let text = amount.as_str()?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    Money::parse(digits, currency).ok().map(|money| sign * money.amount_minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_recorded() {
        let usd: Currency = "USD".parse().unwrap();
        for (minor, text) in [(5_000, "50.0"), (723, "7.23"), (0, "0.0"), (1_250, "12.5"), (-216, "-2.16")] {
            assert_eq!(decimal(minor, usd), text);
        }
        assert_eq!(decimal(16_100, "JPY".parse().unwrap()), "16100.0");
        assert_eq!(read(&json!("-2.16"), usd), Some(-216));
        assert_eq!(read(&json!("2.165"), usd), None);
    }
}
