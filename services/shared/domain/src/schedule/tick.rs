//! A tick: every fire that is due gets its decision, with bounded work.

use chrono::{DateTime, TimeDelta, Utc};

use super::decision::rows;
use super::{CronSchedule, Decision, MissedPolicy, ScheduleError, Tick};

/// A fire counts as on time up to this long after it was due.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(1);

/// Most fires that one tick lets fire for one schedule; the rest follow in the next tick.
pub const FIRES_PER_TICK: usize = 100;

/// Most due fires that one tick looks at: a month of each minute. If more are due, the tick
/// decides those about which the newer ones change nothing, and the rest follow in the next.
pub const LOOKED_AT_PER_TICK: usize = 45_000;

/// Fires that are due.
struct Due {
    /// Oldest first.
    fires: Vec<DateTime<Utc>>,
    /// The one after them; if not after now there are more.
    next: DateTime<Utc>,
}

impl CronSchedule {
    /// Decides every fire due from `next_fire_at` through `now`.
    ///
    /// Within [`ON_TIME`] a fire fires. Older than the `window` it is missed for good, whatever
    /// the policy: crediting a month that passed long ago is a decision for a person. Between the
    /// two the policy decides.
    ///
    /// `next_fire_at` is the last tick's; after an edit or a pause it must be a new one
    /// ([`next_after`](Self::next_after), [`resume`](Self::resume)).
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`].
    pub fn tick(
        &self,
        next_fire_at: DateTime<Utc>,
        now: DateTime<Utc>,
        policy: MissedPolicy,
        window: TimeDelta,
    ) -> Result<Tick, ScheduleError> {
        let due = self.due(next_fire_at, now)?;
        let decided = decide(&due, now, policy, window);
        let next_fire_at = due.fires.get(decided.len()).copied().unwrap_or(due.next);
        Ok(Tick { decisions: rows(&decided), next_fire_at })
    }

    /// As [`tick`](Self::tick), for a schedule that is paused: each due fire is
    /// [`Paused`](Decision::Paused), none fires.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`].
    pub fn tick_paused(
        &self,
        next_fire_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Tick, ScheduleError> {
        let due = self.due(next_fire_at, now)?;
        let paused: Vec<_> = due.fires.into_iter().map(|at| (at, Decision::Paused)).collect();
        Ok(Tick { decisions: rows(&paused), next_fire_at: due.next })
    }

    /// Ends a pause: what fell due in it is [`Paused`](Decision::Paused), and the next fire is
    /// the first after `now`, never the one that was waited for before.
    ///
    /// If more than [`LOOKED_AT_PER_TICK`] are due (nobody ticked the paused schedule) the last
    /// row reaches to `now` and its number counts only those that were looked at.
    ///
    /// # Errors
    /// [`ScheduleError::NeverFires`].
    pub fn resume(&self, next_fire_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Tick, ScheduleError> {
        let mut tick = self.tick_paused(next_fire_at, now)?;
        if tick.next_fire_at <= now
            && let Some(last) = tick.decisions.last_mut()
        {
            last.until = now;
        }
        tick.next_fire_at = self.next_after(now)?;
        Ok(tick)
    }

    fn due(&self, next_fire_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Due, ScheduleError> {
        let (mut fires, mut next) = (Vec::new(), next_fire_at);
        while next <= now && fires.len() < LOOKED_AT_PER_TICK {
            fires.push(next);
            next = self.next_after(next)?;
        }
        Ok(Due { fires, next })
    }
}

/// Decides the due fires, oldest first; those left out at the end wait for the next tick.
fn decide(
    due: &Due,
    now: DateTime<Utc>,
    policy: MissedPolicy,
    window: TimeDelta,
) -> Vec<(DateTime<Utc>, Decision)> {
    let on_time = due.fires.partition_point(|at| now - *at > ON_TIME);
    let missed = due.fires.partition_point(|at| now - *at > window).min(on_time);
    let caught_up = match policy {
        MissedPolicy::Skip => 0,
        MissedPolicy::Latest => usize::from(on_time == due.fires.len()),
        MissedPolicy::All { max } if max >= MissedPolicy::ALL_MAX => usize::MAX,
        MissedPolicy::All { max } => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let late = missed.max(on_time.saturating_sub(caught_up));
    // With more due than was looked at, these may not be the newest: only what is already too
    // old for any policy, or has enough newer ones behind it, is decided now.
    let more_are_due = due.next <= now;
    let decidable = if more_are_due && caught_up != usize::MAX { late } else { due.fires.len() };

    let mut firing = 0;
    due.fires
        .iter()
        .take(decidable)
        .enumerate()
        .map(|(n, at)| match n {
            n if n >= on_time => (*at, Decision::Fired),
            n if n >= late => (*at, Decision::Late),
            n if n >= missed => (*at, Decision::Skipped),
            _ => (*at, Decision::Missed),
        })
        .take_while(|(_, decision)| {
            firing += usize::from(decision.fires());
            firing <= FIRES_PER_TICK
        })
        .collect()
}
