//! Figures: a number that says what it counts, in which unit, and over which window. Never a float: shares are basis
//! points, money is minor units.

use serde::{Deserialize, Serialize};

use crate::amount_text;

/// What a figure's value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things: members, orders, lots.
    Count,
    /// Money, in minor units of the figure's currency.
    Minor,
    /// A share or a change, in basis points: 10,000 is all of it.
    Bps,
    /// Days.
    Days,
    /// A score from 0 to 100.
    Score,
}

impl Unit {
    /// The unit with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Count, Self::Minor, Self::Bps, Self::Days, Self::Score]
            .into_iter()
            .find(|unit| unit.as_str() == name)
    }

    /// The name that is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Minor => "minor",
            Self::Bps => "bps",
            Self::Days => "days",
            Self::Score => "score",
        }
    }
}

/// One number with everything that is needed to read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Figure {
    /// What is counted, like `members_at_risk`: lower case, with underscores.
    pub name: String,
    /// The number, in its unit.
    pub value: i64,
    /// The unit.
    pub unit: Unit,
    /// The currency of money, as its ISO 4217 code; none for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The window that it was counted over, like `90d` or `2026-10`; none for a state as of an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// The tier that it is of, by its handle, if that is all that sets it apart from the others of its name: by this it is
    /// counted again later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

impl Figure {
    /// A number of things.
    #[must_use]
    pub fn count(name: impl Into<String>, value: i64) -> Self {
        Self::of(name, value, Unit::Count)
    }

    /// An amount of money, in minor units.
    #[must_use]
    pub fn minor(name: impl Into<String>, value: i64, currency: &str) -> Self {
        Self { currency: Some(currency.to_owned()), ..Self::of(name, value, Unit::Minor) }
    }

    /// A share, in basis points.
    #[must_use]
    pub fn bps(name: impl Into<String>, value: i64) -> Self {
        Self::of(name, value, Unit::Bps)
    }

    /// A number in a unit that has no currency.
    #[must_use]
    pub fn of(name: impl Into<String>, value: i64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, currency: None, window: None, tier: None }
    }

    /// The same, counted over a window.
    #[must_use]
    pub fn over(mut self, window: impl Into<String>) -> Self {
        self.window = Some(window.into());
        self
    }

    /// The same, of one tier.
    #[must_use]
    pub fn of_tier(mut self, handle: &str) -> Self {
        self.tier = Some(handle.to_owned());
        self
    }

    /// For people: `1,234`, `12.34 USD`, `25.3 %`, `30 days`.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(self.value, self.unit, self.currency.as_deref())
    }
}

/// A number in a unit, for people.
#[must_use]
pub fn shown(value: i64, unit: Unit, currency: Option<&str>) -> String {
    match unit {
        Unit::Count => grouped(value),
        Unit::Minor => amount_text(value, currency.unwrap_or_default()),
        Unit::Bps => share(value),
        Unit::Days if value == 1 => "1 day".to_owned(),
        Unit::Days => format!("{} days", grouped(value)),
        Unit::Score => format!("{value} of 100"),
    }
}

/// Basis points as a percentage with one decimal, rounded half away from zero; whole ones without.
fn share(bps: i64) -> String {
    let sign = if bps < 0 { "-" } else { "" };
    let tenths = (bps.unsigned_abs() + 5) / 10;
    match tenths % 10 {
        0 => format!("{sign}{} %", tenths / 10),
        tenth => format!("{sign}{}.{tenth} %", tenths / 10),
    }
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(Figure::count("members", 1_234_567).shown(), "1,234,567");
        assert_eq!(Figure::count("members", -1_234).shown(), "-1,234");
        assert_eq!(Figure::count("members", 999).shown(), "999");
        assert_eq!(Figure::minor("owed", 123_456, "USD").shown(), amount_text(123_456, "USD"));
        assert_eq!(Figure::bps("share", 2_530).shown(), "25.3 %");
        assert_eq!(Figure::bps("share", 2_000).shown(), "20 %");
        assert_eq!(Figure::bps("share", -5).shown(), "-0.1 %");
        assert_eq!(Figure::of("silence", 1, Unit::Days).shown(), "1 day");
        assert_eq!(Figure::of("risk", 80, Unit::Score).shown(), "80 of 100");
    }
}
