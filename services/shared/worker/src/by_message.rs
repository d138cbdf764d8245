//! Runs at their messages' word.
//!
//! A message holds all that there is to know of a run that stands for itself, so nothing is looked up before its work is done. The
//! row stays the truth: in the transaction of the work it is asked whether it says the same and whether anything holds the run back,
//! and if it does not, nothing of the work stays ([`tradeup_store::runs::finish_untried`]).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::SubsecRound as _;
use tradeup_proto::convert;
use tradeup_proto::subject::Lane;
use tradeup_signals::trace;
use tradeup_store::runs::Claim;
use tradeup_store::{TenantId, TenantRef};

use crate::places::Held;
use crate::registry::Registered;

/// What the database keeps of a second.
const MICROSECONDS: u16 = 6;

/// Rows are looked at for so long at least, once one has said otherwise than its message.
const LOOKED_AT_FOR: Duration = Duration::from_secs(10);

/// Whether one consumer takes runs at their messages' word: not while rows say otherwise. A pause, say, holds many runs back, and
/// the work of each would be done for nothing.
#[derive(Debug)]
pub(crate) struct Trust {
    lane: Lane,
    lost_at: Mutex<Option<Instant>>,
}

impl Trust {
    /// Of the consumer of this lane.
    pub(crate) fn new(lane: Lane) -> Self {
        Self { lane, lost_at: Mutex::default() }
    }

    /// A row did not say what its message said, or could not be asked. `true` if messages were believed until now.
    pub(crate) fn lose(&self) -> bool {
        self.since(|lost_at| lost_at.replace(Instant::now()).is_none())
    }

    /// Rows were looked at, and nothing was in the way of any.
    pub(crate) fn regain(&self) {
        self.since(|lost_at| *lost_at = lost_at.filter(|at| at.elapsed() < LOOKED_AT_FOR));
    }

    fn since<T>(&self, look: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        look(&mut self.lost_at.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first attempt of the run that a delivery is about, if its message says all that there is to it and is believed. What the
    /// message says goes into it then.
    pub(crate) fn claim(&self, held: &mut Held, task: &Registered) -> Option<Claim> {
        if self.since(|lost_at| lost_at.is_some()) {
            return None;
        }
        let job = held.job.take_if(|job| job.self_contained && job.task == task.kind.task)?;
        let tenant = job.tenant?;
        let scheduled_for = convert::instant("scheduled_for", job.scheduled_for.as_ref()).ok()?;
        let claim = Claim {
            run_id: held.run_id,
            tenant: Some(TenantRef { id: TenantId(tenant.tenant_id), handle: tenant.handle }),
            task: job.task,
            key: job.key,
            parent_id: None,
            // Whoever is nobody's child is its own root.
            root_id: held.run_id,
            payload: job.payload,
            scheduled_for: scheduled_for.trunc_subsecs(MICROSECONDS),
            traceparent: held.delivery.header(trace::TRACEPARENT).filter(|text| trace::is_traceparent(text)),
            waited: None,
            attempt: 1,
            max_attempts: task.retry.attempts_max,
            urgent: self.lane == Lane::Urgent,
            watched: false,
            limited: false,
            batch: None,
        };
        (!claim.is_preview()).then_some(claim)
    }
}
