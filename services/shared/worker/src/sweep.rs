//! The sweep: finds what a crash, a lost message or a lost stream left behind, from the rows alone.

use std::time::Duration;

use tradeup_store::{StoreError, Tx, batches, outbox, pauses, runs, schedules};

use crate::{Worker, faultpoint};

/// Most messages that one sweep publishes.
const MESSAGES_MAX: i64 = 1000;
/// Most waiting runs that one sweep looks at.
const WAITING_MAX: i64 = 1000;

/// What a sweep found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Messages that their writer had not got published.
    pub published: usize,
    /// Runs whose message was gone.
    pub requeued: u64,
    /// Batches released to fill a window.
    pub released: usize,
    /// Waiting runs that could end.
    pub settled: u32,
    /// Runs whose parent was cancelled while they were born.
    pub cancelled: usize,
}

impl Swept {
    /// Whether there was anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Sweeps once. Any number of schedulers may do so at the same time.
///
/// # Errors
/// As any statement; the next sweep goes on.
pub async fn sweep(worker: &Worker) -> Result<Swept, StoreError> {
    let pool = worker.pool();
    let mut swept = Swept {
        // A message may be under way for as long as a redelivery takes.
        requeued: runs::requeue_stranded(pool, stranded_after(worker), MESSAGES_MAX).await?,
        cancelled: runs::cancel_orphans(pool).await?,
        ..Swept::default()
    };
    pauses::end_overdue(pool).await?;
    schedules::let_queued_go(pool).await?;
    let overdue = outbox::take_overdue(pool, MESSAGES_MAX).await?;
    swept.published += worker.relay().publish_jobs(&overdue.jobs).await;
    faultpoint::reached("sweep.published").await;
    let mut stored = worker.relay().publish_dead(overdue.dead).await;
    stored.extend(worker.relay().publish_raw(overdue.raw).await);
    if !stored.is_empty() {
        outbox::forget(pool, &stored).await?;
        swept.published += stored.len();
    }
    let (mut windows, mut used_up) = (Vec::new(), Vec::new());
    for run in runs::waiting(pool, WAITING_MAX).await? {
        if run.has_planned {
            let left = batches::window_left(pool, run.run_id).await?;
            windows.extend((left > 0).then_some((run.run_id, left)));
        } else {
            used_up.push(run.run_id);
        }
    }
    if !windows.is_empty() {
        let mut tx = Tx::of_engine(pool).await?;
        let messages = batches::release(&mut tx, &windows).await?;
        tx.commit().await?;
        swept.released += messages.len();
        worker.relay().publish_jobs(&messages).await;
    }
    swept.settled += runs::settle_parents(pool, &used_up).await?;
    Ok(swept)
}

fn stranded_after(worker: &Worker) -> Duration {
    worker.options.ack_wait() + worker.options.lease()
}
