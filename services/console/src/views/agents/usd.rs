//! What models cost: nano-USD, a thousand-millionth of a US dollar, for people and for programs.

use serde::Serialize;
use utoipa::ToSchema;

/// Nano-USD of a US dollar.
const USD: u64 = 1_000_000_000;
/// Nano-USD of the last digit that is shown.
const LAST: u64 = 100_000;

/// An amount of US dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Usd {
    /// A thousand-millionth of a US dollar.
    pub(crate) nano: i64,
    /// For people, like `0.0231 USD`.
    pub(crate) text: String,
}

impl Usd {
    pub(crate) fn of(nano: i64) -> Self {
        Self { nano, text: text(nano) }
    }
}

/// An amount as a field has it: without its currency, and without digits that say nothing.
pub(crate) fn field(nano: i64) -> String {
    let (whole, rest) = (nano.unsigned_abs() / USD, nano.unsigned_abs() % USD);
    let sign = if nano < 0 { "-" } else { "" };
    let digits = format!("{rest:09}");
    match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{digits}"),
    }
}

/// An amount with four decimals, rounded up: what was spent never looks like less.
fn text(nano: i64) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let last = nano.unsigned_abs().div_ceil(LAST);
    let (whole, rest) = (last / (USD / LAST), last % (USD / LAST));
    format!("{sign}{whole}.{rest:04} USD")
}

/// An amount of a field, like `2` or `0.50`, of no more than nine decimals.
pub(crate) fn read(given: &str) -> Option<i64> {
    let given = given.trim();
    let (whole, decimals) = given.split_once('.').unwrap_or((given, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 9 || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let rest: i64 = format!("{decimals:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_four_decimals_and_never_as_less_than_they_are() {
        for (nano, shown) in [
            (0, "0.0000 USD"),
            (1, "0.0001 USD"),
            (23_100_000, "0.0231 USD"),
            (23_100_001, "0.0232 USD"),
            (2_000_000_000, "2.0000 USD"),
            (-1_500_000_000, "-1.5000 USD"),
            (1_999_999_999, "2.0000 USD"),
        ] {
            assert_eq!(Usd::of(nano).text, shown);
        }
        assert!(Usd::of(i64::MIN).text.starts_with("-9223372036.8548"));
    }

    #[test]
    fn what_a_field_says_is_read_to_the_last_digit() {
        for (given, nano) in
            [("2", 2_000_000_000), (" 0.50 ", 500_000_000), ("0.000000001", 1), ("7.", 7_000_000_000)]
        {
            assert_eq!(read(given), Some(nano), "{given}");
        }
        for given in ["", ".5", "-1", "1e3", "0.0000000001", "1,5", "9223372037", "99999999999999999999"] {
            assert_eq!(read(given), None, "{given}");
        }
        for nano in [0, 1, 500_000_000, 2_000_000_000, 12_345_678_901] {
            assert_eq!(read(&field(nano)), Some(nano));
        }
        assert_eq!((field(500_000_000).as_str(), field(2_000_000_000).as_str()), ("0.5", "2"));
    }
}
