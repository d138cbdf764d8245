//! When a schedule fires, found the slow way: every local date, every local time of it, and what
//! the tz database says of that time. Shares no code with the rule.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use tradeup_domain::schedule::{GapPolicy, RepeatPolicy};

use crate::at;

/// An expression, and the same in code.
pub(crate) struct Pattern {
    pub(crate) expression: &'static str,
    pub(crate) times: Vec<(u32, u32)>,
    pub(crate) on: fn(NaiveDate) -> bool,
}

impl Pattern {
    pub(crate) fn new(expression: &'static str, times: &[(u32, u32)], on: fn(NaiveDate) -> bool) -> Self {
        Self { expression, times: times.to_vec(), on }
    }

    /// The instants at which it fires on local dates `from..=until`.
    pub(crate) fn fires(
        &self,
        zone: Tz,
        (from, until): (NaiveDate, NaiveDate),
        (gap, repeat): (GapPolicy, RepeatPolicy),
    ) -> BTreeSet<DateTime<Utc>> {
        from.iter_days()
            .take_while(|day| *day <= until)
            .filter(|day| (self.on)(*day))
            .flat_map(|day| self.times.iter().map(move |(h, m)| day.and_hms_opt(*h, *m, 0).unwrap()))
            .flat_map(|local| instants(zone, local, gap, repeat))
            .collect()
    }
}

fn instants(zone: Tz, local: NaiveDateTime, gap: GapPolicy, repeat: RepeatPolicy) -> Vec<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => vec![instant.to_utc()],
        LocalResult::Ambiguous(first, _) if repeat == RepeatPolicy::First => vec![first.to_utc()],
        LocalResult::Ambiguous(first, second) => vec![first.to_utc(), second.to_utc()],
        LocalResult::None if gap == GapPolicy::Skip => vec![],
        LocalResult::None => {
            let minutes = (1..).map(|n| local + TimeDelta::minutes(n));
            vec![
                minutes
                    .filter_map(|later| zone.from_local_datetime(&later).earliest())
                    .next()
                    .unwrap()
                    .to_utc(),
            ]
        }
    }
}

/// What a zone's clocks are ahead of UTC.
fn ahead(zone: Tz, instant: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
}

/// The instants from 2019 to 2051 at which a zone's clocks change, by looking every twelve hours
/// and then at each minute.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let half_day = TimeDelta::hours(12);
    let (mut now, end) = (at("2019-01-01T00:00:00Z"), at("2051-01-01T00:00:00Z"));
    let mut found = Vec::new();
    while now < end {
        if ahead(zone, now) != ahead(zone, now + half_day) {
            let minutes = (1..=12 * 60).map(|n| now + TimeDelta::minutes(n));
            found.extend(minutes.filter(|m| ahead(zone, *m) != ahead(zone, *m - TimeDelta::minutes(1))));
        }
        now += half_day;
    }
    found
}

/// A zone for each different behaviour from 2019 to 2051, with its changes. Zones that always
/// show the same time as another need no second test: a schedule sees nothing else of a zone.
pub(crate) fn zones() -> Vec<(Tz, Vec<DateTime<Utc>>)> {
    let mut different = BTreeMap::new();
    for zone in TZ_VARIANTS {
        let changes = changes(zone);
        let steps: Vec<_> = changes.iter().map(|change| (*change, ahead(zone, *change))).collect();
        different.entry((ahead(zone, at("2019-01-01T00:00:00Z")), steps)).or_insert((zone, changes));
    }
    different.into_values().collect()
}

/// Local dates that hold all fires of an instant's surroundings.
pub(crate) fn dates(from: DateTime<Utc>, until: DateTime<Utc>) -> (NaiveDate, NaiveDate) {
    (from.date_naive() - Days::new(3), until.date_naive() + Days::new(3))
}
