//! Local days as instants.

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Why a text is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no IANA time zone; use a name like Europe/Berlin or UTC")]
pub struct UnknownZone {
    given: String,
}

/// Reads an IANA zone name, exactly as the tz database spells it.
///
/// # Errors
/// [`UnknownZone`] when the database does not know the name.
pub fn parse_zone(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_unknown| UnknownZone { given: name.chars().take(60).collect() })
}

/// The first instant of `day` in `zone`.
///
/// Where the clocks skip midnight (Santiago, 6 September 2026) that is the first instant which
/// exists; where midnight comes twice, the earlier one.
#[must_use]
pub fn start_of_day(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    // Gaps in the tz database end on a quarter hour and are at most a day long (Samoa, 2011).
    let quarter_hours = 0..=(24 * 4);
    quarter_hours
        .map(|n| midnight + TimeDelta::minutes(15 * n))
        .find_map(|local| match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
            LocalResult::None => None,
        })
        .unwrap_or_else(|| midnight.and_utc())
}

/// The instant at which everything valid through `last_valid_day` in `zone` ends: the start of
/// the day after. Half-open, so nothing is valid *at* this instant (loyalty reference §0.3).
#[must_use]
pub fn end_of_day(zone: Tz, last_valid_day: NaiveDate) -> DateTime<Utc> {
    let next = last_valid_day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    start_of_day(zone, next)
}

/// When what is shown to end at `expires_at` really ends, with `grace_days` more local days (loyalty
/// reference §1.3). Where `expires_at` is a start of a day the result is one, too, over changes of the
/// clocks; else it is as many times 24 hours later.
#[must_use]
pub fn with_grace(zone: Tz, expires_at: DateTime<Utc>, grace_days: u16) -> DateTime<Utc> {
    let day = expires_at.with_timezone(&zone).date_naive();
    match day.checked_add_days(Days::new(grace_days.into())) {
        Some(later) if start_of_day(zone, day) == expires_at => start_of_day(zone, later),
        _ => expires_at + TimeDelta::days(grace_days.into()),
    }
}

/// The last local day of which any part comes before `ends_at`: what members are told as the last day on
/// which they can spend.
#[must_use]
pub fn last_day_before(zone: Tz, ends_at: DateTime<Utc>) -> NaiveDate {
    (ends_at - TimeDelta::nanoseconds(1)).with_timezone(&zone).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_adds_local_days_and_the_last_day_is_the_one_before_the_end() {
        let new_york = parse_zone("America/New_York").unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        // The clocks go back on 1 November: three local days are 73 hours.
        assert_eq!(with_grace(new_york, at("2026-10-31T04:00:00Z"), 3), at("2026-11-03T05:00:00Z"));
        assert_eq!(with_grace(new_york, at("2026-10-31T04:00:01Z"), 3), at("2026-11-03T04:00:01Z"));
        assert_eq!(with_grace(new_york, at("2026-10-31T04:00:00Z"), 0), at("2026-10-31T04:00:00Z"));
        for (ends, day) in [("2026-11-02T05:00:00Z", "2026-11-01"), ("2026-11-02T05:00:01Z", "2026-11-02")] {
            assert_eq!(last_day_before(new_york, at(ends)).to_string(), day);
        }
    }

    /// Worked examples E1 to E3 of the loyalty reference.
    #[test]
    fn last_valid_days_end_where_the_zone_says() {
        for (zone, day, instant) in [
            ("America/New_York", "2026-10-31", "2026-11-01T04:00:00Z"),
            ("America/New_York", "2026-11-01", "2026-11-02T05:00:00Z"),
            ("America/Santiago", "2026-09-05", "2026-09-06T04:00:00Z"),
            ("Pacific/Kiritimati", "2026-12-01", "2026-12-01T10:00:00Z"),
            ("Pacific/Pago_Pago", "2026-12-01", "2026-12-02T11:00:00Z"),
            ("UTC", "2026-12-31", "2027-01-01T00:00:00Z"),
        ] {
            let end = end_of_day(parse_zone(zone).unwrap(), day.parse().unwrap());
            assert_eq!(end, instant.parse::<DateTime<Utc>>().unwrap(), "{zone} {day}");
        }
    }

    #[test]
    fn a_skipped_day_ends_at_the_next_that_exists() {
        // Samoa had no 30 December 2011: the clocks went from the 29th to the 31st.
        let end = end_of_day(parse_zone("Pacific/Apia").unwrap(), "2011-12-29".parse().unwrap());
        assert_eq!(end, "2011-12-30T10:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn unknown_zones_are_refused() {
        assert!(parse_zone("Europe/Atlantis").is_err());
        assert!(parse_zone("europe/berlin ").is_err());
    }
}
