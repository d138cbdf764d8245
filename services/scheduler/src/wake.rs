//! Wakes: a tenant's ledger has something to tell its shop. One run for each tenant and look, however much it is.

use tradeup_store::{StoreError, Tx, pushes, runs, schedules};
use tradeup_worker::{Worker, trigger};

/// Most wakes that one round takes.
const WAKES_MAX: i64 = 10_000;

/// Turns the wakes that are due into runs. Any number of schedulers may do so at the same time.
pub(crate) async fn wake(worker: &Worker) -> Result<(), StoreError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let woken = pushes::take_wakes(&mut tx, WAKES_MAX).await?;
    if woken.is_empty() {
        return tx.rollback().await;
    }
    let now = schedules::now(&mut tx).await?;
    let mut messages = Vec::new();
    for (tenant, wake) in woken {
        messages.extend(runs::create(&mut tx, trigger::push_store_credit(tenant, wake, now)).await?.message);
    }
    tx.commit().await?;
    worker.relay().publish_jobs(&messages).await;
    Ok(())
}
