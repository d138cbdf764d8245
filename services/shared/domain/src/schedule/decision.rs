//! What is decided about fires, as it is stored.

use chrono::{DateTime, Utc};

use super::OverlapPolicy;
use super::words::words;

/// Consecutive fires that do nothing, for the same reason, get a row each up to this many: a
/// daily schedule's month off can be read day by day. More become one row with their number, so
/// that two weeks of a 5-minute schedule are not 4,032 rows.
pub const SINGLE_ROWS_MAX: usize = 31;

words! {
    /// What was decided about a fire.
    Decision, "decision" {
        /// Fired within [`ON_TIME`](super::ON_TIME) of its due time.
        Fired = "fired",
        /// Fired later than that: caught up.
        Late = "late",
        /// A run was made that waits for the schedule's unfinished run; it was due on time or
        /// late.
        Queued = "queued",
        /// Found late and not fired, because the missed-fire policy says so.
        Skipped = "skipped",
        /// Found so late that it is outside the window.
        Missed = "missed",
        /// Not fired, because the schedule was paused when it fell due.
        Paused = "paused",
        /// Not fired, because an earlier run of the schedule was unfinished, or another was
        /// already waiting for that one.
        SkippedOverlap = "skipped_overlap",
    }
}

impl Decision {
    /// Whether a run is made: to start now, or after another if it is [`Queued`](Self::Queued).
    #[must_use]
    pub fn fires(self) -> bool {
        matches!(self, Self::Fired | Self::Late | Self::Queued)
    }
}

/// A decision about one fire, or about several in a row. Each becomes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The fire time; of several the first. The row's key, with the schedule.
    pub fire_at: DateTime<Utc>,
    /// The last fire time; of one fire the same.
    pub until: DateTime<Utc>,
    /// How many fires. More than one only if none of them fires.
    pub fires: u32,
    /// What was decided.
    pub decision: Decision,
}

/// The decisions of one tick for one schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// What was decided, oldest first; each due fire in exactly one.
    pub decisions: Vec<Decided>,
    /// The next fire time to wait for. Not after the tick's `now` if more is due than one tick
    /// decides: tick again.
    pub next_fire_at: DateTime<Utc>,
}

impl Tick {
    /// The same tick, with each fire of it decided under the overlap policy.
    ///
    /// `unfinished`: a run of this schedule is unfinished (by its lease, not by a flag that a
    /// crash leaves behind). `queued`: another already waits for it. A fire of this tick is an
    /// unfinished run to those after it.
    #[must_use]
    pub fn with_overlap(mut self, policy: OverlapPolicy, mut unfinished: bool, mut queued: bool) -> Self {
        for row in &mut self.decisions {
            row.decision = policy.decide(row.decision, unfinished, queued);
            unfinished |= row.decision.fires();
            queued |= row.decision == Decision::Queued;
        }
        self
    }
}

/// Puts decisions about single fires into rows.
pub(super) fn rows(decided: &[(DateTime<Utc>, Decision)]) -> Vec<Decided> {
    let mut rows = Vec::new();
    for run in decided.chunk_by(|a, b| a.1 == b.1) {
        match (run.first(), run.last(), u32::try_from(run.len())) {
            (Some((fire_at, decision)), Some((until, _)), Ok(fires))
                if run.len() > SINGLE_ROWS_MAX && !decision.fires() =>
            {
                rows.push(Decided { fire_at: *fire_at, until: *until, fires, decision: *decision });
            }
            _ => rows.extend(run.iter().map(|&(fire_at, decision)| Decided {
                fire_at,
                until: fire_at,
                fires: 1,
                decision,
            })),
        }
    }
    rows
}
