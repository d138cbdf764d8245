//! All zones of the tz database, 2020 to 2050, against the oracle.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use tradeup_domain::schedule::{GapPolicy, RepeatPolicy};

use crate::oracle::{Pattern, dates, zones};
use crate::{at, cron};

const DST: [(GapPolicy, RepeatPolicy); 4] = [
    (GapPolicy::After, RepeatPolicy::First),
    (GapPolicy::Skip, RepeatPolicy::Both),
    (GapPolicy::After, RepeatPolicy::Both),
    (GapPolicy::Skip, RepeatPolicy::First),
];

fn every_day(_: NaiveDate) -> bool {
    true
}

fn last_of_month(day: NaiveDate) -> bool {
    (day + Days::new(1)).day() == 1
}

fn patterns() -> Vec<Pattern> {
    vec![
        Pattern::new("30 2 * * *", &[(2, 30)], every_day),
        Pattern::new("0 0 * * *", &[(0, 0)], every_day),
        Pattern::new("0 6 1 * *", &[(6, 0)], |day| day.day() == 1),
        Pattern::new("0 0 L * *", &[(0, 0)], last_of_month),
        Pattern::new("30 1 * * SUN", &[(1, 30)], |day| day.weekday() == Weekday::Sun),
        Pattern::new("0 0 29 2 *", &[(0, 0)], |day| (day.month(), day.day()) == (2, 29)),
    ]
}

/// Patterns with many fires a day, tested around the changes only.
fn dense_patterns() -> Vec<Pattern> {
    let each = |minutes: &[u32]| -> Vec<(u32, u32)> {
        (0..24).flat_map(|hour| minutes.iter().map(move |minute| (hour, *minute))).collect()
    };
    vec![
        Pattern::new("*/15 * * * *", &each(&[0, 15, 30, 45]), every_day),
        Pattern::new("20 * * * *", &each(&[20]), every_day),
        Pattern::new("5,50 0-3 * * *", &each(&[5, 50])[..8], every_day),
    ]
}

/// Compares fires in `(from, until]`, and the next fire after other instants, with the oracle.
fn compare(
    zone: Tz,
    pattern: &Pattern,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    policies: (GapPolicy, RepeatPolicy),
    probes: impl Iterator<Item = DateTime<Utc>>,
) {
    let schedule = cron(pattern.expression, zone).with_dst(policies.0, policies.1);
    let all: BTreeSet<_> = pattern.fires(zone, dates(from, until), policies);
    let what = || format!("{zone} {} {policies:?}", pattern.expression);
    let mut last = from;
    for expected in all.range(from + TimeDelta::nanoseconds(1)..=until) {
        let next = schedule.next_after(last).unwrap();
        assert_eq!(next, *expected, "{} after {last}", what());
        last = next;
    }
    assert!(schedule.next_after(last).unwrap() > until, "{} after {last}", what());
    for probe in probes {
        let expected = all.range(probe + TimeDelta::nanoseconds(1)..).next().unwrap();
        assert_eq!(schedule.next_after(probe).unwrap(), *expected, "{} after {probe}", what());
    }
}

#[test]
fn thirty_years_of_every_zone() {
    let span = (at("2020-01-01T00:00:00Z"), at("2050-01-01T00:00:00Z"));
    for (zone, _) in zones() {
        for pattern in patterns() {
            compare(zone, &pattern, span, DST[0], std::iter::empty());
        }
    }
}

#[test]
fn around_each_change_of_every_zone() {
    let hours = TimeDelta::hours;
    for (zone, changes) in zones() {
        for change in changes {
            for policies in DST {
                let probes =
                    || (-12..=12).map(|n| change + TimeDelta::minutes(17 * n) - TimeDelta::seconds(1));
                for pattern in &dense_patterns() {
                    compare(zone, pattern, (change - hours(6), change + hours(6)), policies, probes());
                }
                for pattern in &patterns()[..2] {
                    compare(zone, pattern, (change - hours(30), change + hours(30)), policies, probes());
                }
            }
        }
    }
}

/// One fire each local date whatever the clocks do, unless the date itself does not exist.
#[test]
fn with_after_and_first_a_daily_schedule_fires_once_each_local_day() {
    for zone in TZ_VARIANTS {
        let schedule = cron("30 2 * * *", zone);
        let mut day = None;
        for fire in schedule.upcoming(at("2026-01-01T12:00:00Z"), 400).unwrap() {
            let next = fire.local.date();
            assert!(day.is_none_or(|day: NaiveDate| day + Days::new(1) == next), "{zone} {next}");
            day = Some(next);
        }
    }
}
