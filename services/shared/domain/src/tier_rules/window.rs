//! Which spend counts, and the dates on which a tier may be lowered. Dates are local days of the shop.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::zone::start_of_day;

/// Members are told so many days before a tier is lowered.
pub const NOTICE_DAYS: u64 = 30;
/// Notice is given from so many days before: a few runs may be missed, and there are still
/// [`NOTICE_DAYS`] left.
pub const NOTICE_AHEAD_DAYS: u64 = 35;

/// Orders paid within it count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// All that was ever spent.
    Lifetime,
    /// Since 1 January. The yearly date looks at the year before and at this one, and the better counts.
    CalendarYear,
    /// The last 12 months, by local days.
    #[default]
    Rolling12Months,
    /// Since the last yearly date of the membership, which itself looks at the year that ends with it.
    MembershipYear,
}

impl Window {
    /// Every window.
    pub const ALL: [Self; 4] =
        [Self::Lifetime, Self::CalendarYear, Self::Rolling12Months, Self::MembershipYear];

    /// The name that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::CalendarYear => "calendar-year",
            Self::Rolling12Months => "rolling-12-months",
            Self::MembershipYear => "membership-year",
        }
    }

    /// What counts on a day for being raised. Who never was in a tier has no membership year: the last 12
    /// months count.
    #[must_use]
    pub fn current(self, today: NaiveDate, zone: Tz, joined: Option<NaiveDate>) -> Span {
        let from = match (self, joined) {
            (Self::Lifetime, _) => return Span::EVER,
            (Self::CalendarYear, _) => first_of_year(today.year()),
            (Self::MembershipYear, Some(joined)) => {
                let this_year = yearly_on(joined, today.year());
                if this_year <= today { this_year } else { yearly_on(joined, today.year() - 1) }.max(joined)
            }
            (Self::Rolling12Months | Self::MembershipYear, _) => a_year_before(today),
        };
        Span { from: Some(start_of_day(zone, from)), until: None }
    }

    /// What counts on the yearly date of a membership: the best of these spans. They end where a span has
    /// to; what is known when the date is judged counts, so that a late judgement sees no less.
    #[must_use]
    pub fn reviewed(self, review_on: NaiveDate, zone: Tz, joined: NaiveDate) -> Vec<Span> {
        let since = |day| Span { from: Some(start_of_day(zone, day)), until: None };
        match self {
            Self::Lifetime => vec![Span::EVER],
            Self::Rolling12Months => vec![since(a_year_before(review_on))],
            Self::MembershipYear => vec![since(yearly_on(joined, review_on.year() - 1))],
            Self::CalendarYear => {
                let this_year = since(first_of_year(review_on.year()));
                let last_year = since(first_of_year(review_on.year() - 1));
                vec![Span { until: this_year.from, ..last_year }, this_year]
            }
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use one of lifetime, calendar-year, rolling-12-months and membership-year")]
pub struct UnknownWindow;

impl FromStr for Window {
    type Err = UnknownWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|window| window.as_str() == text).ok_or(UnknownWindow)
    }
}

/// From an instant to before another; open where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after it.
    pub until: Option<DateTime<Utc>>,
}

impl Span {
    /// All of time.
    pub const EVER: Self = Self { from: None, until: None };
}

fn first_of_year(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(NaiveDate::MIN)
}

fn a_year_before(day: NaiveDate) -> NaiveDate {
    day.checked_sub_months(Months::new(12)).unwrap_or(NaiveDate::MIN)
}

/// The yearly date of a membership in a year: who joined on 29 February has it on the 28th in years
/// without one.
#[must_use]
pub fn yearly_on(joined: NaiveDate, year: i32) -> NaiveDate {
    joined
        .with_year(year)
        .or_else(|| NaiveDate::from_ymd_opt(year, 2, 28))
        .unwrap_or(if year > joined.year() { NaiveDate::MAX } else { NaiveDate::MIN })
}

/// The first yearly date after `day`. The day of joining itself is none.
#[must_use]
pub fn next_yearly(joined: NaiveDate, day: NaiveDate) -> NaiveDate {
    let after = day.max(joined);
    let this_year = yearly_on(joined, after.year());
    if this_year > after { this_year } else { yearly_on(joined, after.year().saturating_add(1)) }
}

/// The yearly date for which notice is given on a day, if there is one.
#[must_use]
pub fn notice_for(joined: NaiveDate, today: NaiveDate) -> Option<NaiveDate> {
    let review_on = next_yearly(joined, today);
    let left = review_on.signed_duration_since(today).num_days();
    (i64::try_from(NOTICE_DAYS).ok()?..=i64::try_from(NOTICE_AHEAD_DAYS).ok()?)
        .contains(&left)
        .then_some(review_on)
}

/// Whether notice that was given on a day leaves enough time before the yearly date.
#[must_use]
pub fn notice_in_time(given_on: NaiveDate, review_on: NaiveDate) -> bool {
    given_on.checked_add_days(Days::new(NOTICE_DAYS)).is_some_and(|earliest| earliest <= review_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Option<DateTime<Utc>> {
        Some(text.parse().unwrap())
    }

    const NEW_YORK: Tz = Tz::America__New_York;

    #[test]
    fn joiners_of_february_29th_have_the_28th() {
        let joined = day("2024-02-29");
        for (year, on) in
            [(2025, "2025-02-28"), (2027, "2027-02-28"), (2028, "2028-02-29"), (2100, "2100-02-28")]
        {
            assert_eq!(yearly_on(joined, year), day(on));
        }
        for (after, next) in [
            ("2023-01-01", "2025-02-28"),
            ("2024-02-29", "2025-02-28"),
            ("2025-02-27", "2025-02-28"),
            ("2025-02-28", "2026-02-28"),
            ("2027-03-01", "2028-02-29"),
            ("2028-02-28", "2028-02-29"),
            ("2028-02-29", "2029-02-28"),
        ] {
            assert_eq!(next_yearly(joined, day(after)), day(next), "{after}");
        }
    }

    #[test]
    fn notice_is_given_from_35_to_30_days_before() {
        let joined = day("2024-02-29");
        for (today, given) in [
            ("2027-01-23", false),
            ("2027-01-24", true),
            ("2027-01-29", true),
            ("2027-01-30", false),
            ("2027-02-28", false),
        ] {
            assert_eq!(notice_for(joined, day(today)).is_some(), given, "{today}");
        }
        // In a year with a 29th one day later, and over the turn of a year.
        assert_eq!(notice_for(joined, day("2028-01-30")), Some(day("2028-02-29")));
        assert_eq!(notice_for(day("2024-01-10"), day("2026-12-10")), Some(day("2027-01-10")));
        // Not in the first days: there is no yearly date yet.
        assert_eq!(notice_for(day("2026-12-25"), day("2026-11-25")), None);
        assert!(notice_in_time(day("2026-11-25"), day("2026-12-25")));
        assert!(!notice_in_time(day("2026-11-26"), day("2026-12-25")));
    }

    #[test]
    fn windows_begin_with_a_local_day() {
        let (today, joined) = (day("2026-11-25"), Some(day("2024-12-03")));
        let from = |window: Window, joined| window.current(today, NEW_YORK, joined).from;
        assert_eq!(from(Window::Lifetime, joined), None);
        assert_eq!(from(Window::CalendarYear, joined), at("2026-01-01T05:00:00Z"));
        assert_eq!(from(Window::Rolling12Months, joined), at("2025-11-25T05:00:00Z"));
        assert_eq!(from(Window::MembershipYear, joined), at("2025-12-03T05:00:00Z"));
        assert_eq!(from(Window::MembershipYear, Some(day("2026-11-25"))), at("2026-11-25T05:00:00Z"));
        assert_eq!(from(Window::MembershipYear, Some(day("2026-03-09"))), at("2026-03-09T04:00:00Z"));
        assert_eq!(from(Window::MembershipYear, None), from(Window::Rolling12Months, None));
        let leap = Window::Rolling12Months.current(day("2028-02-29"), Tz::UTC, None);
        assert_eq!(leap.from, at("2027-02-28T00:00:00Z"));
    }

    #[test]
    fn the_yearly_date_looks_at_a_whole_year() {
        let joined = day("2024-02-29");
        let spans = |window: Window, on| window.reviewed(day(on), Tz::UTC, joined);
        assert_eq!(spans(Window::Lifetime, "2026-02-28"), [Span::EVER]);
        assert_eq!(spans(Window::Rolling12Months, "2026-02-28")[0].from, at("2025-02-28T00:00:00Z"));
        assert_eq!(spans(Window::MembershipYear, "2025-02-28")[0].from, at("2024-02-29T00:00:00Z"));
        let years = spans(Window::CalendarYear, "2026-02-28");
        assert_eq!(years[0], Span { from: at("2025-01-01T00:00:00Z"), until: at("2026-01-01T00:00:00Z") });
        assert_eq!(years[1], Span { from: at("2026-01-01T00:00:00Z"), until: None });
    }

    #[test]
    fn windows_have_one_name() {
        for window in Window::ALL {
            assert_eq!(window.to_string().parse(), Ok(window));
        }
        assert_eq!("forever".parse::<Window>(), Err(UnknownWindow));
        assert_eq!(Window::default().as_str(), "rolling-12-months");
    }

    fn any_day() -> impl Strategy<Value = NaiveDate> {
        (0..40_000_u64).prop_map(|days| day("1990-01-01") + Days::new(days))
    }

    proptest! {
        /// There is one yearly date a year, after the day of joining, on its day of the month or Feb 28.
        #[test]
        fn yearly_dates_come_once_a_year(joined in any_day(), after in any_day()) {
            let next = next_yearly(joined, after);
            prop_assert!(next > after && next > joined);
            let clamped = (joined.month(), joined.day()) == (2, 29) && next.day() == 28;
            prop_assert!(clamped || (next.month(), next.day()) == (joined.month(), joined.day()));
            if after >= joined {
                prop_assert!(next.signed_duration_since(after).num_days() <= 366);
            }
        }

        /// Whoever is looked at each day, or after up to five days without a run, is told in time.
        #[test]
        fn five_missed_days_lose_no_notice(joined in any_day(), years in 1..30_i32, missed in 0..6_u64) {
            let review_on = yearly_on(joined, joined.year() + years);
            let first = review_on - Days::new(NOTICE_AHEAD_DAYS);
            prop_assume!(first >= joined);
            let run = first + Days::new(missed);
            prop_assert_eq!(notice_for(joined, run), Some(review_on));
            prop_assert!(notice_in_time(run, review_on));
        }

        /// What counts for being raised begins no later than today, and a year is a year.
        #[test]
        fn windows_hold_today(joined in any_day(), today in any_day()) {
            prop_assume!(joined <= today);
            for window in Window::ALL {
                let span = window.current(today, NEW_YORK, Some(joined));
                let start = start_of_day(NEW_YORK, today);
                prop_assert!(span.from.is_none_or(|from| from <= start));
                prop_assert!(span.from.is_none_or(|from| (start - from).num_days() <= 366));
                // The yearly date sees all that the day before it did.
                let review_on = next_yearly(joined, today);
                let before = window.current(review_on.pred_opt().unwrap(), NEW_YORK, Some(joined));
                let reviewed = window.reviewed(review_on, NEW_YORK, joined);
                let earliest = reviewed.iter().map(|span| span.from).min().unwrap();
                // Less the day that drops out, and 29 February with the 28th: 12 months before 1 March are
                // 1 March.
                let after = before.from.map(|from| from + chrono::TimeDelta::hours(49));
                prop_assert!(earliest.is_none_or(|earliest| after.is_some_and(|after| earliest <= after)));
            }
        }
    }
}
