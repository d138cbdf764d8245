//! How long a grant stays spendable.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::zone::end_of_day;

/// How long a grant is valid, counted from its anchor date. "12 months" and "365 days" are
/// different rules (loyalty reference §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Calendar months; the month's end clamps (31 January plus one month is 28 or 29 February).
    Months(u16),
    /// Calendar months, then to the end of the month that this falls in.
    MonthEnd(u16),
    /// Days.
    Days(u16),
    /// Through this day, whenever it was granted.
    Until(NaiveDate),
    /// For ever.
    Never,
}

/// Why a text is no [`Validity`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no validity; write months like P3M, to the end of a month like P3M/month-end, days like P90D, a last day like 2027-12-31, or never"
)]
pub struct InvalidValidity {
    given: String,
}

impl Validity {
    /// The last valid day of a grant anchored on `anchor`; `None` if it never expires.
    #[must_use]
    pub fn last_valid_day(self, anchor: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Months(n) => anchor.checked_add_months(Months::new(n.into())),
            Self::MonthEnd(n) => {
                let month = anchor.checked_add_months(Months::new(n.into()))?;
                month.with_day(month.num_days_in_month().into())
            }
            Self::Days(n) => anchor.checked_add_days(Days::new(n.into())),
            Self::Until(day) => Some(day),
            Self::Never => None,
        }
    }

    /// The instant at which a grant ends: the end of its last valid day in the tenant's `zone`,
    /// but at least `least_days` days after the local day of `issued_at`, so that a late run does
    /// not hand out credit that is about to end (loyalty reference §1.5, M9 and M10).
    #[must_use]
    pub fn expires_at(
        self,
        anchor: NaiveDate,
        zone: Tz,
        issued_at: DateTime<Utc>,
        least_days: u64,
    ) -> Option<DateTime<Utc>> {
        let by_rule = self.last_valid_day(anchor)?;
        let issued_on = issued_at.with_timezone(&zone).date_naive();
        let least = issued_on.checked_add_days(Days::new(least_days)).unwrap_or(by_rule);
        Some(end_of_day(zone, by_rule.max(least)))
    }
}

impl FromStr for Validity {
    type Err = InvalidValidity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        // Exactly as it is written again: the reader of dates takes "2027-1-1", too.
        if let Ok(day) = text.parse::<NaiveDate>()
            && day.to_string() == text
            && (1970..=9999).contains(&day.year())
        {
            return Ok(Self::Until(day));
        }
        if let Some(months) = text.strip_suffix("/month-end") {
            return match months.parse()? {
                Self::Months(n) => Ok(Self::MonthEnd(n)),
                _ => Err(InvalidValidity { given: text.chars().take(40).collect() }),
            };
        }
        let read = || {
            let inner = text.strip_prefix('P')?;
            let (number, unit) = inner.split_at_checked(inner.len().checked_sub(1)?)?;
            let n = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u16>().ok())??;
            match (n, unit) {
                (1..=1200, "M") => Some(Self::Months(n)),
                (1..=36500, "D") => Some(Self::Days(n)),
                _ => None,
            }
        };
        read().ok_or_else(|| InvalidValidity { given: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Months(n) => write!(f, "P{n}M"),
            Self::MonthEnd(n) => write!(f, "P{n}M/month-end"),
            Self::Days(n) => write!(f, "P{n}D"),
            Self::Until(day) => write!(f, "{day}"),
            Self::Never => f.write_str("never"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Worked examples E4 and E5 of the loyalty reference.
    #[test]
    fn months_clamp_and_count_from_the_anchor() {
        for (anchor, validity, last) in [
            ("2024-01-31", "P1M", "2024-02-29"),
            ("2024-01-31", "P2M", "2024-03-31"),
            ("2024-02-29", "P12M", "2025-02-28"),
            ("2024-02-29", "P48M", "2028-02-29"),
            ("2024-02-29", "P365D", "2025-02-28"),
            ("2024-01-31", "P1M/month-end", "2024-02-29"),
            ("2024-11-05", "P3M/month-end", "2025-02-28"),
            ("2024-11-05", "2026-12-31", "2026-12-31"),
        ] {
            let validity: Validity = validity.parse().unwrap();
            assert_eq!(validity.last_valid_day(day(anchor)), Some(day(last)));
        }
    }

    /// M9 and M10: a late run gives at least 30 days; the rule wins where it gives more.
    #[test]
    fn late_runs_still_give_the_least_days() {
        let rule = Validity::Months(3);
        let utc = Tz::UTC;
        let at = |issued: &str| rule.expires_at(day("2026-12-01"), utc, issued.parse().unwrap(), 30).unwrap();
        assert_eq!(at("2026-12-20T10:00:00Z"), "2027-03-02T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(at("2027-03-10T10:00:00Z"), "2027-04-10T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(
            Validity::Never.expires_at(day("2026-12-01"), utc, "2026-12-01T06:00:00Z".parse().unwrap(), 30),
            None
        );
    }

    #[test]
    fn text_round_trips() {
        for text in ["P3M", "P90D", "never", "P3M/month-end", "2027-12-31"] {
            assert_eq!(text.parse::<Validity>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "P",
            "P0M",
            "3M",
            "P3",
            "P-3M",
            "P3Y",
            "P99999M",
            "Never",
            "P３M",
            "P3D/month-end",
            "never/month-end",
            "P3M/month-end/month-end",
            "2027-1-1",
            "2027-02-30",
        ] {
            assert!(bad.parse::<Validity>().is_err(), "{bad:?} must be refused");
        }
    }
}
