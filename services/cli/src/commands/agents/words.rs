//! How what models write and what they cost is shown.

use anyhow::Context as _;
use tradeup_domain::{Currency, Money};

/// Billionths of a dollar in a cent.
const NANO_OF_A_CENT: i64 = 10_000_000;
/// Billionths of a dollar in the smallest amount that is shown.
const NANO_SHOWN: i64 = 100_000;

/// What models cost, to a hundredth of a cent, rounded up: what was paid is never shown as nothing.
pub(super) fn usd(nano: i64) -> String {
    let shown = nano.max(0).saturating_add(NANO_SHOWN - 1) / NANO_SHOWN;
    format!("{}.{:04} USD", shown / 10_000, shown % 10_000)
}

/// An amount of dollars like 5.00, in billionths.
pub(super) fn nano(option: &str, amount: &str) -> anyhow::Result<i64> {
    let currency: Currency = "USD".parse()?;
    let money = Money::parse(amount, currency).with_context(|| option.to_owned())?;
    money.amount_minor.checked_mul(NANO_OF_A_CENT).with_context(|| format!("{option} is too much"))
}

/// Text of a model or a shop for a terminal: nothing in it moves the cursor or hides.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The same in a cell: one line, cut.
pub(crate) fn short(text: &str, chars: usize) -> String {
    let line = plain(text).replace('\n', " ");
    if line.chars().count() <= chars {
        return line;
    }
    let mut cut: String = line.chars().take(chars.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_and_shown() {
        assert_eq!(usd(0), "0.0000 USD");
        assert_eq!(usd(1), "0.0001 USD");
        assert_eq!(usd(1_234_500_000), "1.2345 USD");
        assert_eq!(nano("--day-limit", "5.00").unwrap(), 5_000_000_000);
        assert!(nano("--day-limit", "-1").is_err() || nano("--day-limit", "-1").unwrap() < 0);
        assert!(nano("--day-limit", "5 EUR").is_err());
    }

    #[test]
    fn what_a_model_writes_does_not_move_the_cursor() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{7}"), "a[2Jb\nc");
        assert_eq!(short("one\ntwo three", 8), "one two…");
    }
}
