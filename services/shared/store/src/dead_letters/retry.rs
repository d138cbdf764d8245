//! Trying runs again, whatever keeps them.

use std::collections::HashSet;

use super::{DeadFilter, DeadLetter, DeadOrder, Replay, replay, select};
use crate::audit::Actor;
use crate::error::StoreError;
use crate::{RunId, Tx, runs};

/// Runs a second that are set going.
const RUNS_PER_SECOND: f64 = 1000.0;

/// What was set going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Runs that were dead.
    pub dead: usize,
    /// Runs that were cancelled.
    pub cancelled: usize,
    /// Runs that waited for their next attempt or their time.
    pub waiting: usize,
}

/// What becomes of runs that somebody has set aside for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// They are tried again, too: a person has named them.
    Revive,
    /// They stay dead.
    StayDead,
}

impl Retried {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.dead + self.cancelled + self.waiting
    }
}

/// Sets going what is dead, cancelled or waiting at or below these runs. What succeeded stays as it is.
///
/// # Errors
/// As any statement.
pub async fn retry(
    tx: &mut Tx,
    ids: &[RunId],
    actor: &Actor,
    discarded: Discarded,
) -> Result<Retried, StoreError> {
    let mut retried = Retried {
        cancelled: runs::resume_cancelled(tx, ids, actor).await?,
        waiting: runs::hasten(tx, ids, actor).await?,
        dead: 0,
    };
    let how = Replay { payload: None, runs_per_second: RUNS_PER_SECOND };
    let filter = DeadFilter { runs: Some(ids.to_vec()), resolved: true, ..DeadFilter::default() };
    let mut letters = select(tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    if discarded == Discarded::StayDead {
        let set_aside = |letter: &DeadLetter| letter.resolution.as_deref() == Some("discarded");
        let stay: HashSet<RunId> =
            letters.iter().filter(|letter| set_aside(letter)).filter_map(|letter| letter.run_id).collect();
        letters.retain(|letter| letter.run_id.is_none_or(|run| !stay.contains(&run)));
    }
    if !letters.is_empty() {
        retried.dead = replay(tx, &letters, &how, actor).await?.runs;
    }
    Ok(retried)
}
