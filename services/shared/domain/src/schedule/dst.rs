//! What a schedule does when the clocks change, and when they do.

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::words::words;

words! {
    /// What happens with a local time that does not exist because the clocks skip it
    /// (02:30 in Berlin on 29 March 2026; all of 30 December 2011 in Apia).
    GapPolicy, "gap policy" {
        /// It does not fire.
        Skip = "skip",
        /// It fires at the first instant after the gap. Several times that a gap swallows, and a
        /// regular fire at that instant, are one fire.
        After = "after",
    }
}

words! {
    /// What happens with a local time that comes twice because the clocks go back.
    RepeatPolicy, "repeat policy" {
        /// It fires the first time.
        First = "first",
        /// It fires both times: what a schedule that means real hours or minutes needs.
        Both = "both",
    }
}

/// How far apart two looks at a zone's offset may be without missing that it changed and changed
/// back. The shortest such stretch in the tz database since 1970 lasts a week (Gaza, 2040).
const LOOK: TimeDelta = TimeDelta::days(1);

/// What the zone's clocks show at an instant.
pub(super) fn local(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    instant.naive_utc() + offset(zone, instant)
}

/// What the zone's clocks are ahead of UTC at an instant.
pub(super) fn offset(zone: Tz, instant: DateTime<Utc>) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

/// The first instant in `(from, until]` with another offset than `from`, to the second. Both are
/// whole seconds.
pub(super) fn first_change(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let before = offset(zone, from);
    let mut same = from;
    while same < until {
        let look = (same + LOOK).min(until);
        if offset(zone, look) != before {
            return Some(change_between(zone, same, look));
        }
        same = look;
    }
    None
}

/// The instant of the change between `same`, which is before it, and `other`, which is not.
fn change_between(zone: Tz, same: DateTime<Utc>, other: DateTime<Utc>) -> DateTime<Utc> {
    let before = offset(zone, same);
    let (mut same, mut other) = (same, other);
    while (other - same).num_seconds() > 1 {
        let middle = same + TimeDelta::seconds((other - same).num_seconds() / 2);
        if offset(zone, middle) == before {
            same = middle;
        } else {
            other = middle;
        }
    }
    other
}
