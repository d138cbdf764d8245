//! Runs at their messages' word.
//!
//! A message holds all that there is to know of a run that stands for itself, so nothing is looked up before its work is done. The
//! row stays the truth: in the transaction of the work it is asked whether it says the same and whether anything holds the run back,
//! and if it does not, nothing of the work stays ([`tradeup_store::runs::finish_untried`]).

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::SubsecRound as _;
use tradeup_proto::convert;
use tradeup_signals::trace;
use tradeup_store::runs::Claim;
use tradeup_store::{RunId, TenantId, TenantRef};

use crate::places::Held;
use crate::registry::Registered;

/// What the database keeps of a second.
const MICROSECONDS: u16 = 6;

/// Whether messages of a task are taken at their word: not while a row has said otherwise. A pause, say, holds many runs back, and
/// the work of each would be done for nothing.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    is_lost: AtomicBool,
}

impl Trust {
    pub(crate) fn is_there(&self) -> bool {
        !self.is_lost.load(Ordering::Relaxed)
    }

    /// A row did not say what a message said.
    pub(crate) fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// Rows were looked at, and nothing was in the way of any.
    pub(crate) fn regain(&self) {
        self.is_lost.store(false, Ordering::Relaxed);
    }
}

/// The first attempt of the run that a delivery is about, if its message says all that there is to it.
pub(crate) fn claim(held: &Held, task: &Registered) -> Option<Claim> {
    let job = &held.job;
    if !job.self_contained || job.task != task.kind.task {
        return None;
    }
    let tenant = job.tenant.as_ref()?;
    let scheduled_for = convert::instant("scheduled_for", job.scheduled_for.as_ref()).ok()?;
    let claim = Claim {
        run_id: held.run_id,
        tenant: Some(TenantRef { id: TenantId(tenant.tenant_id), handle: tenant.handle.clone() }),
        task: job.task.clone(),
        key: job.key.clone(),
        parent_id: None,
        // Whoever is nobody's child is its own root.
        root_id: RunId(held.run_id.0),
        payload: job.payload.clone(),
        scheduled_for: scheduled_for.trunc_subsecs(MICROSECONDS),
        traceparent: held.delivery.header(trace::TRACEPARENT),
        waited: None,
        attempt: 1,
        max_attempts: task.retry.attempts_max,
        urgent: false,
        watched: false,
        limited: false,
        batch: None,
    };
    (!claim.is_preview()).then_some(claim)
}
