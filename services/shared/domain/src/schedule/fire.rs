//! From local times to instants: when a schedule fires.
//!
//! The search walks through the stretches between two changes of a zone's clocks, in the order of
//! real time. Within one stretch local times and instants run side by side, so fires come out
//! strictly increasing, none twice and none lost, and the next fire after an instant depends on
//! that instant alone: any two enumerations agree wherever they begin.

use std::fmt;

use chrono::{DateTime, Datelike, LocalResult, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};

use super::dst::{first_change, local, offset};
use super::{CronSchedule, GapPolicy, RepeatPolicy, ScheduleError};

/// How far ahead a fire is searched. 29 February on a given weekday can be 40 years away; more
/// means that each of its times falls into a gap.
const SEARCH: TimeDelta = TimeDelta::days(366 * 60);

/// Years in which fires are searched; outside them dates are no schedule's, and sums of dates
/// could overflow.
const YEARS: std::ops::Range<i32> = 1900..4900;

/// One fire of a schedule, as a preview shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fire {
    /// When.
    pub at: DateTime<Utc>,
    /// What the zone's clocks show then.
    pub local: NaiveDateTime,
    /// What the clocks' change did to it, if anything.
    pub note: Option<DstNote>,
}

/// What a change of the clocks did to a fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstNote {
    /// Its local time does not exist; it fires at the first instant after the gap.
    MovedByGap {
        /// The local time that does not exist; the first, where the gap swallows several.
        nominal: NaiveDateTime,
    },
    /// Its local time comes twice and this is the first.
    FirstOfRepeat,
    /// Its local time comes twice and this is the second.
    SecondOfRepeat,
}

impl fmt::Display for DstNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MovedByGap { nominal } => write!(f, "moved: the clocks skip {nominal}"),
            Self::FirstOfRepeat => f.write_str("first of two: the clocks show this time twice"),
            Self::SecondOfRepeat => f.write_str("second of two"),
        }
    }
}

impl CronSchedule {
    /// The first fire strictly after `instant`.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`] if none comes within 60 years.
    pub fn fire_after(&self, instant: DateTime<Utc>) -> Result<Fire, ScheduleError> {
        let mut from = instant.trunc_subsecs(0);
        let mut inclusive = false;
        while YEARS.contains(&from.year()) && from - instant < SEARCH {
            let ahead = offset(self.zone, from);
            let nominal = self.expression.next(from.naive_utc() + ahead, inclusive)?;
            let at = (nominal - ahead).and_utc();
            if let Some(change) = first_change(self.zone, from, at) {
                let shown = local(self.zone, change);
                if self.gap == GapPolicy::After && nominal < shown && !self.expression.names(shown) {
                    let note = Some(DstNote::MovedByGap { nominal });
                    return Ok(Fire { at: change, local: shown, note });
                }
                (from, inclusive) = (change, true);
                continue;
            }
            let note = self.repeat_note(nominal, at);
            if note == Some(DstNote::SecondOfRepeat) && self.repeat == RepeatPolicy::First {
                (from, inclusive) = (at, false);
                continue;
            }
            return Ok(Fire { at, local: nominal, note });
        }
        Err(ScheduleError::never(self.expression.as_str()))
    }

    /// The first fire time strictly after `instant`. Also what follows an edit or the end of a
    /// pause: a next fire time stored before either must not be used.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`] if none comes within 60 years.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Result<DateTime<Utc>, ScheduleError> {
        self.fire_after(instant).map(|fire| fire.at)
    }

    /// The next `count` fires strictly after `after`, for a preview.
    ///
    /// # Errors
    /// As [`fire_after`](Self::fire_after).
    pub fn upcoming(&self, after: DateTime<Utc>, count: usize) -> Result<Vec<Fire>, ScheduleError> {
        let mut last = after;
        (0..count)
            .map(|_n| {
                let fire = self.fire_after(last)?;
                last = fire.at;
                Ok(fire)
            })
            .collect()
    }

    /// The fires from `from` through `until`, oldest first: `max` at most.
    ///
    /// # Errors
    /// As [`fire_after`](Self::fire_after).
    pub fn between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        max: usize,
    ) -> Result<Vec<Fire>, ScheduleError> {
        let mut fires = Vec::new();
        // A fire is looked for after an instant, and one at the very beginning counts.
        let mut last = from.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(from);
        while fires.len() < max {
            let fire = self.fire_after(last)?;
            if fire.at > until {
                break;
            }
            last = fire.at;
            if fire.at >= from {
                fires.push(fire);
            }
        }
        Ok(fires)
    }

    fn repeat_note(&self, nominal: NaiveDateTime, at: DateTime<Utc>) -> Option<DstNote> {
        match self.zone.from_local_datetime(&nominal) {
            LocalResult::Ambiguous(_, second) if second.to_utc() == at => Some(DstNote::SecondOfRepeat),
            LocalResult::Ambiguous(..) => Some(DstNote::FirstOfRepeat),
            LocalResult::Single(_) | LocalResult::None => None,
        }
    }
}
