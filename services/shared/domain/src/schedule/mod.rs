//! Schedules: when they fire, and what is decided about each fire.
//!
//! - [`CronSchedule`]: an expression in a zone with its rules for the days the clocks change.
//! - [`MissedPolicy`]: what happens with fires that fell due while nobody looked.
//! - [`OverlapPolicy`]: what happens with a fire while an earlier run is unfinished.
//! - [`Decision`]: the word stored for each fire; every fire gets one, also those that do nothing.
//! - [`mod@spread`]: how far after its fire time a tenant's run starts.

mod decision;
mod dst;
mod error;
mod expression;
mod fire;
mod length;
mod missed;
mod overlap;
mod spread;
mod tick;
mod words;

use chrono_tz::Tz;

pub use decision::{Decided, Decision, SINGLE_ROWS_MAX, Tick};
pub use dst::{GapPolicy, RepeatPolicy};
pub use error::ScheduleError;
pub use fire::{DstNote, Fire};
pub use length::{InvalidLength, length_text, parse_length};
pub use missed::MissedPolicy;
pub use overlap::{OverlapPolicy, check_policies};
pub use spread::spread;
pub use tick::{FIRES_PER_TICK, LOOKED_AT_PER_TICK, ON_TIME};

use expression::Expression;

/// A five-field cron expression in a time zone, with its rules for changes of the clocks.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    expression: Expression,
    zone: Tz,
    gap: GapPolicy,
    repeat: RepeatPolicy,
}

impl CronSchedule {
    /// Reads an expression: minute, hour, day of month, month, day of week.
    ///
    /// Lists, ranges, steps, names (`JAN`, `MON`), 0 or 7 for Sunday, `L` (last day of the month),
    /// `LW`, `15W`, `FRIL` (last Friday) and `MON#2` (second Monday) are allowed. Where day of
    /// month and day of week are both given, either is enough, as in any cron.
    ///
    /// The rules for changes of the clocks follow from what the expression means. One that names
    /// every hour (`*/15 * * * *`) means real time: [`GapPolicy::Skip`], because no real hour is
    /// missing, and [`RepeatPolicy::Both`], because the repeated hour is one. Any other means
    /// times of the day: [`GapPolicy::After`] and [`RepeatPolicy::First`], so that each day has
    /// its fires once. [`with_dst`](Self::with_dst) sets others.
    ///
    /// # Errors
    /// [`ScheduleError::Cron`] with the field that is wrong and what to write;
    /// [`ScheduleError::NeverFires`] for dates that do not exist.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, ScheduleError> {
        let expression = Expression::parse(expression)?;
        let (gap, repeat) = if expression.every_hour() {
            (GapPolicy::Skip, RepeatPolicy::Both)
        } else {
            (GapPolicy::After, RepeatPolicy::First)
        };
        Ok(Self { expression, zone, gap, repeat })
    }

    /// The same schedule with these rules for changes of the clocks, taken literally.
    #[must_use]
    pub fn with_dst(self, gap: GapPolicy, repeat: RepeatPolicy) -> Self {
        Self { gap, repeat, ..self }
    }

    /// The expression as it was given.
    #[must_use]
    pub fn expression(&self) -> &str {
        self.expression.as_str()
    }

    /// The expression as a sentence in English, for people; `None` for what a sentence would say wrongly.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        self.expression.words()
    }

    /// The zone in which it is read.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// What happens with local times that do not exist.
    #[must_use]
    pub fn gap(&self) -> GapPolicy {
        self.gap
    }

    /// What happens with local times that come twice.
    #[must_use]
    pub fn repeat(&self) -> RepeatPolicy {
        self.repeat
    }
}
