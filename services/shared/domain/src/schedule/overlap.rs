//! What happens with a fire while an earlier run of its schedule is unfinished.

use super::words::words;
use super::{Decision, MissedPolicy, ScheduleError};

words! {
    /// What happens with a fire while an earlier run of its schedule is unfinished.
    OverlapPolicy, "overlap policy" {
        /// It does not fire.
        Skip = "skip",
        /// It makes a run that waits for the unfinished one; only one waits at a time.
        QueueOne = "queue_one",
        /// It fires; runs of the schedule may run side by side.
        Allow = "allow",
    }
}

impl OverlapPolicy {
    /// What becomes of a decision, if it fires, while a run of the schedule is `unfinished` or
    /// one is `queued` behind it. Decisions that do not fire stay as they are.
    ///
    /// A queued run alone counts as one unfinished: it starts at any moment.
    #[must_use]
    pub fn decide(self, decision: Decision, unfinished: bool, queued: bool) -> Decision {
        let free = !unfinished && !queued;
        match self {
            _ if free || !decision.fires() => decision,
            Self::Allow => decision,
            Self::QueueOne if !queued => Decision::Queued,
            Self::QueueOne | Self::Skip => Decision::SkippedOverlap,
        }
    }
}

/// Refuses pairs of policies that can't both be kept: catching up several fires at once, with an
/// overlap policy under which only the first of them would ever run.
///
/// # Errors
/// [`ScheduleError::Contradiction`].
pub fn check_policies(missed: MissedPolicy, overlap: OverlapPolicy) -> Result<(), ScheduleError> {
    let MissedPolicy::All { max } = missed else { return Ok(()) };
    let reason = match overlap {
        OverlapPolicy::Skip if max > 1 => {
            "late fires come together, so all but the first would be skipped as overlapping; \
             use missed-fire policy latest, or overlap policy allow"
        }
        OverlapPolicy::QueueOne if max > 2 => {
            "late fires come together, so one would run, one wait and the others be skipped; \
             use missed-fire policy latest or all:2, or overlap policy allow"
        }
        OverlapPolicy::Skip | OverlapPolicy::QueueOne | OverlapPolicy::Allow => return Ok(()),
    };
    Err(ScheduleError::Contradiction { overlap: overlap.to_string(), missed: missed.to_string(), reason })
}
