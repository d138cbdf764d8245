//! Schedules: when a cron expression fires, and what to do about fires that were missed.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A fire counts as on time up to this long after it was due.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(1);

/// Most fires that one tick decides for one schedule; the rest follow in the next tick.
pub const FIRES_PER_TICK: usize = 100;

/// A five-field cron expression in a time zone.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    cron: Cron,
    zone: Tz,
}

/// Why a schedule can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression does not parse.
    #[error("cron expression {expression:?}: {reason}; write five fields: minute hour day month weekday")]
    Cron {
        /// What was given.
        expression: String,
        /// What the parser says of it.
        reason: String,
    },
    /// The expression never fires (30 February).
    #[error("cron expression {expression:?} never fires")]
    NeverFires {
        /// What was given.
        expression: String,
    },
    /// The policy's name is unknown.
    #[error("missed-fire policy {given:?} is unknown; use all, last or skip")]
    Policy {
        /// What was given.
        given: String,
    },
}

/// What happens with fires that became due while no scheduler ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedPolicy {
    /// Each is fired, oldest first.
    All,
    /// Only the latest is fired.
    Last,
    /// None is fired; the schedule goes on with the next one.
    Skip,
}

impl FromStr for MissedPolicy {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            "last" => Ok(Self::Last),
            "skip" => Ok(Self::Skip),
            given => Err(ScheduleError::Policy { given: given.to_owned() }),
        }
    }
}

/// What was decided about one fire time. Each becomes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Fired within [`ON_TIME`] of its due time.
    Fired,
    /// Fired later than that: caught up.
    Late,
    /// Not fired, because the policy says so.
    Skipped,
    /// Not fired, because it was due before the horizon.
    Missed,
}

impl Decision {
    /// The word stored for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Late => "late",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }

    /// Whether a run is created.
    #[must_use]
    pub fn fires(self) -> bool {
        matches!(self, Self::Fired | Self::Late)
    }
}

/// The decisions of one tick for one schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Each due fire time, oldest first, with what was decided.
    pub decisions: Vec<(DateTime<Utc>, Decision)>,
    /// The next fire time to wait for.
    pub next_fire_at: DateTime<Utc>,
}

impl CronSchedule {
    /// Reads a five-field expression (`0 6 1 * *`, names and `L` allowed).
    ///
    /// # Errors
    /// [`ScheduleError::Cron`] with what the parser found wrong.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, ScheduleError> {
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map(|cron| Self { cron, zone })
            .map_err(|error| ScheduleError::Cron {
                expression: expression.to_owned(),
                reason: error.to_string(),
            })
    }

    /// The first fire time strictly after `instant`.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`].
    pub fn next_after(&self, instant: DateTime<Utc>) -> Result<DateTime<Utc>, ScheduleError> {
        self.cron
            .find_next_occurrence(&instant.with_timezone(&self.zone), false)
            .map(|fire| fire.to_utc())
            .map_err(|_search_limit| ScheduleError::NeverFires { expression: self.cron.as_str().to_owned() })
    }

    /// Decides every fire due from `next_fire_at` through `now`.
    ///
    /// Fires older than `horizon` are missed for good, whatever the policy: crediting a month
    /// that passed long ago is a decision for a person.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`].
    pub fn tick(
        &self,
        next_fire_at: DateTime<Utc>,
        now: DateTime<Utc>,
        policy: MissedPolicy,
        horizon: TimeDelta,
    ) -> Result<Tick, ScheduleError> {
        let mut due = Vec::new();
        let mut fire_at = next_fire_at;
        while fire_at <= now && due.len() < FIRES_PER_TICK {
            due.push(fire_at);
            fire_at = self.next_after(fire_at)?;
        }
        let more_are_due = fire_at <= now;
        let last = due.len().saturating_sub(1);
        let decide = |(n, at): (usize, DateTime<Utc>)| {
            let late_by = now - at;
            let decision = if late_by <= ON_TIME {
                Decision::Fired
            } else if late_by > horizon {
                Decision::Missed
            } else {
                match policy {
                    MissedPolicy::All => Decision::Late,
                    MissedPolicy::Last if n == last && !more_are_due => Decision::Late,
                    MissedPolicy::Last | MissedPolicy::Skip => Decision::Skipped,
                }
            };
            (at, decision)
        };
        Ok(Tick { decisions: due.into_iter().enumerate().map(decide).collect(), next_fire_at: fire_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn monthly() -> CronSchedule {
        CronSchedule::parse("0 6 1 * *", Tz::UTC).unwrap()
    }

    #[test]
    fn the_first_of_each_month_at_six() {
        assert_eq!(monthly().next_after(at("2026-11-25T00:00:00Z")).unwrap(), at("2026-12-01T06:00:00Z"));
        assert_eq!(monthly().next_after(at("2026-12-01T06:00:00Z")).unwrap(), at("2027-01-01T06:00:00Z"));
    }

    #[test]
    fn missed_fires_follow_the_policy_and_the_horizon() {
        let now = at("2026-12-01T06:00:30Z");
        let tick = |policy, days| {
            monthly().tick(at("2026-09-01T06:00:00Z"), now, policy, TimeDelta::days(days)).unwrap()
        };
        let words = |tick: &Tick| tick.decisions.iter().map(|(_, d)| d.as_str()).collect::<Vec<_>>();
        assert_eq!(words(&tick(MissedPolicy::All, 365)), ["late", "late", "late", "fired"]);
        assert_eq!(words(&tick(MissedPolicy::All, 40)), ["missed", "missed", "late", "fired"]);
        assert_eq!(words(&tick(MissedPolicy::Skip, 365)), ["skipped", "skipped", "skipped", "fired"]);
        assert_eq!(tick(MissedPolicy::All, 365).next_fire_at, at("2027-01-01T06:00:00Z"));

        let mid_month = monthly()
            .tick(
                at("2026-10-01T06:00:00Z"),
                at("2026-11-20T00:00:00Z"),
                MissedPolicy::Last,
                TimeDelta::days(60),
            )
            .unwrap();
        assert_eq!(words(&mid_month), ["skipped", "late"]);
    }

    #[test]
    fn bad_expressions_are_refused_with_a_reason() {
        for bad in ["", "* * * *", "61 * * * *", "0 0 6 1 * *", "every day"] {
            assert!(matches!(CronSchedule::parse(bad, Tz::UTC), Err(ScheduleError::Cron { .. })), "{bad:?}");
        }
        let never = CronSchedule::parse("0 0 30 2 *", Tz::UTC).unwrap();
        assert!(matches!(
            never.next_after(at("2026-01-01T00:00:00Z")),
            Err(ScheduleError::NeverFires { .. })
        ));
    }

    proptest! {
        /// However the ticks fall, each fire time is decided exactly once and in order.
        #[test]
        fn every_fire_is_decided_once(gaps in prop::collection::vec(1_i64..200, 1..12)) {
            let schedule = monthly();
            let start = at("2026-01-01T06:00:00Z");
            let (mut now, mut next, mut seen) = (start, start, Vec::new());
            for days in gaps {
                now += TimeDelta::days(days);
                let tick = schedule.tick(next, now, MissedPolicy::All, TimeDelta::days(40)).unwrap();
                seen.extend(tick.decisions.iter().map(|(fire, _)| *fire));
                next = tick.next_fire_at;
            }
            let mut expected = Vec::new();
            let mut fire = start;
            while fire <= now {
                expected.push(fire);
                fire = schedule.next_after(fire).unwrap();
            }
            prop_assert_eq!(seen, expected);
            prop_assert!(next > now);
        }
    }
}
