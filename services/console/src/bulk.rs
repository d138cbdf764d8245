//! Works off bulk acts, a chunk at a time: any console goes on where another one has stopped.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_store::audit::Actor;
use tradeup_store::bulk_acts::{self, BulkAct};
use tradeup_store::runs::{self, RunFilter};
use tradeup_store::{Pool, RunId, Tx, dead_letters};
use tradeup_worker::Worker;

use crate::failure::Failure;
use crate::views::runs::Asked;

/// How often is looked whether somebody has asked for something.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Runs of a chunk: their effects are one transaction, and it is stopped between two.
const CHUNK: i64 = 100;

/// Works until `shutdown`.
pub(crate) async fn work(worker: Worker, shutdown: CancellationToken) {
    let pool = worker.pool();
    while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
        match bulk_acts::take(pool).await {
            Ok(Some(act)) => work_off(pool, act, &shutdown).await,
            Ok(None) => {}
            Err(error) => tracing::warn!("bulk acts can't be looked for: {error}"),
        }
    }
}

async fn work_off(pool: &Pool, mut act: BulkAct, shutdown: &CancellationToken) {
    // At shutdown its lease ends by itself, and another console goes on.
    while !shutdown.is_cancelled() {
        match chunk(pool, &act).await {
            Ok(Some(reached)) => act.reached = Some(reached),
            Ok(None) => return,
            Err(failure) => {
                let why = failure.said();
                tracing::warn!(bulk_act = %act.id, "a bulk act does not go on: {why}");
                if let Err(error) = bulk_acts::failed(pool, act.id, &why).await {
                    tracing::warn!(bulk_act = %act.id, "nor can that be noted: {error}");
                }
                return;
            }
        }
    }
}

/// The next runs of an act. Returns how far it is; `None` if it has ended, or is somebody else's.
async fn chunk(pool: &Pool, act: &BulkAct) -> Result<Option<RunId>, Failure> {
    let asked: Asked = serde_json::from_value(act.filter.clone())
        .map_err(|error| Failure::Invalid { field: "filter", why: error.to_string() })?;
    let filter = asked.filter()?;
    // What was made since is not meant.
    let until = filter.until.map_or(act.created_at, |until| until.min(act.created_at));
    let filter = RunFilter { before: act.reached, until: Some(until), ..filter };
    let found: Vec<RunId> =
        runs::list(pool, &filter, CHUNK).await?.into_iter().map(|run| run.run_id).collect();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (reached, seen) = (found.last().copied(), number(found.len()));
    let is_last = seen < CHUNK;
    let actor = Actor { name: act.asked_by.clone(), reason: Some(act.reason.clone()) };
    let is_cancel = act.act == "cancel";
    // A cancellation locks in an order of its own and commits by itself; done twice it changes nothing.
    let cancelled = if is_cancel { runs::cancel(pool, &found, &actor).await?.runs.len() } else { 0 };
    let mut tx = Tx::of_engine(pool).await?;
    let changed = if is_cancel || found.is_empty() {
        cancelled
    } else {
        dead_letters::retry(&mut tx, &found, &actor).await?.total()
    };
    if !bulk_acts::went_on(&mut tx, act, reached, seen, number(changed), is_last).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(reached.filter(|_| !is_last))
}
