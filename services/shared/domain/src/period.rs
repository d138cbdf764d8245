//! Periods: the calendar month that a money run is about.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use chrono_tz::Tz;

/// Years that a period may lie in: others are slips of the pen.
const YEARS: RangeInclusive<i32> = 2000..=2999;

/// One calendar month. Its text form `YYYY-MM` is part of the keys that make a credit unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    first_day: NaiveDate,
}

/// Why a text is no [`Period`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no period; write year and month like 2026-11")]
pub struct InvalidPeriod {
    given: String,
}

impl Period {
    /// The month in which `instant` lies in `zone`: that of the schedule, since the period is that of
    /// the *scheduled* fire time (loyalty reference §1.5), and a schedule in Tokyo means Tokyo's month.
    #[must_use]
    pub fn of(instant: DateTime<Utc>, zone: Tz) -> Self {
        let day = instant.with_timezone(&zone).date_naive();
        Self { first_day: day.with_day(1).unwrap_or(day) }
    }

    /// The first day of the month: the anchor date of its credits.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The month after it.
    #[must_use]
    pub fn following(self) -> Self {
        Self { first_day: self.first_day.checked_add_months(Months::new(1)).unwrap_or(self.first_day) }
    }

    /// The month before it.
    #[must_use]
    pub fn preceding(self) -> Self {
        Self { first_day: self.first_day.checked_sub_months(Months::new(1)).unwrap_or(self.first_day) }
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = text.len() == 7
            && text.bytes().enumerate().all(|(i, b)| if i == 4 { b == b'-' } else { b.is_ascii_digit() });
        let year_month = || {
            let (year, month) = text.split_once('-')?;
            let year = year.parse().ok().filter(|year| YEARS.contains(year))?;
            NaiveDate::from_ymd_opt(year, month.parse().ok()?, 1)
        };
        Some(())
            .filter(|()| well_formed)
            .and_then(|()| year_month())
            .map(|first_day| Self { first_day })
            .ok_or_else(|| InvalidPeriod { given: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_bad_text_is_refused() {
        let period: Period = "2026-11".parse().unwrap();
        assert_eq!(period.to_string(), "2026-11");
        assert_eq!(period.first_day(), NaiveDate::from_ymd_opt(2026, 11, 1).unwrap());
        assert_eq!(period.following().following().to_string(), "2027-01");
        assert_eq!(period.following().following().preceding().preceding(), period);
        assert_eq!("2026-01".parse::<Period>().unwrap().preceding().to_string(), "2025-12");
        for bad in [
            "2026-13",
            "2026-00",
            "2026-1",
            "26-11",
            "0000-01",
            "1999-12",
            "3000-01",
            "2026-11-01",
            "2026/11",
            "",
            "+026-11",
            "２０26-1",
        ] {
            assert!(bad.parse::<Period>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn the_period_is_that_of_the_scheduled_instant_in_its_zone() {
        let last_second = "2026-11-30T23:59:59Z".parse().unwrap();
        let first_second = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(Period::of(last_second, Tz::UTC).to_string(), "2026-11");
        assert_eq!(Period::of(first_second, Tz::UTC).to_string(), "2026-12");
        assert_eq!(Period::of(last_second, Tz::Asia__Tokyo).to_string(), "2026-12");
    }
}
