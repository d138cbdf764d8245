//! Works off bulk acts, a chunk at a time: any console goes on where another one has stopped.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradeup_access::{Act, Role};
use tradeup_store::audit::Actor;
use tradeup_store::bulk_acts::{self, BulkAct, Chunk, LEASE};
use tradeup_store::runs::{self, RunFilter};
use tradeup_store::{Pool, RunId, Tx, dead_letters, users};
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
        // One chunk for each take, so that nobody waits for the end of somebody else's long act.
        while !shutdown.is_cancelled() && work_on_one(pool).await {}
    }
}

/// Whether there was something to do.
async fn work_on_one(pool: &Pool) -> bool {
    let act = match timeout(LEASE, bulk_acts::take(pool)).await {
        Ok(Ok(Some(act))) => act,
        Ok(Ok(None)) => return false,
        Ok(Err(error)) => {
            tracing::warn!("bulk acts can't be looked for: {error}");
            return false;
        }
        Err(_elapsed) => {
            tracing::warn!("bulk acts can't be looked for: PostgreSQL does not answer");
            return false;
        }
    };
    // Somebody else has it when the lease ends.
    let done = timeout(LEASE, chunk(pool, &act)).await;
    let failure = match done {
        Ok(Ok(())) => return true,
        Ok(Err(failure)) => failure,
        Err(_elapsed) => Failure::Database("it took too long".to_owned()),
    };
    // What can't be understood, or may not be done any more, is not tried for ever.
    let for_good = !matches!(failure, Failure::Database(_));
    let why = failure.said();
    tracing::warn!(bulk_act = %act.id, for_good, "a bulk act does not go on: {why}");
    if let Err(error) = bulk_acts::failed(pool, &act, &why, for_good).await {
        tracing::warn!(bulk_act = %act.id, "nor can that be noted: {error}");
    }
    true
}

/// Whoever has asked for it may have been disabled since.
async fn still_may(pool: &Pool, name: &str) -> Result<(), Failure> {
    let role = users::role(pool, name).await?.and_then(|role| role.parse::<Role>().ok());
    match role {
        Some(role) if role.may(Act::Operate) => Ok(()),
        _ => Err(Failure::Conflict(format!("{name} may not operate any more."))),
    }
}

/// Works on the next runs of an act.
async fn chunk(pool: &Pool, act: &BulkAct) -> Result<(), Failure> {
    still_may(pool, &act.asked_by).await?;
    let asked: Asked = serde_json::from_value(act.filter.clone())
        .map_err(|error| Failure::Invalid { field: "filter", why: error.to_string() })?;
    let filter = asked.filter()?;
    // What was made since is not meant, nor more than whoever asked has counted.
    let until = filter.until.map_or(act.created_at, |until| until.min(act.created_at));
    let filter = RunFilter { before: act.reached, until: Some(until), ..filter };
    let most = CHUNK.min(act.total - act.seen);
    let found: Vec<RunId> = match most {
        1.. => runs::list(pool, &filter, most).await?.into_iter().map(|run| run.run_id).collect(),
        _ => Vec::new(),
    };
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let seen = number(found.len());
    let is_last = seen < most || act.seen + seen >= act.total;
    let actor = Actor { name: act.asked_by.clone(), reason: Some(act.reason.clone()) };
    let came_to =
        |changed: usize| Chunk { reached: found.last().copied(), seen, changed: number(changed), is_last };
    if act.act == "cancel" {
        if bulk_acts::read(pool, act.id).await?.is_none_or(|now| now.state != "running") {
            return Ok(());
        }
        // It locks in an order of its own and commits by itself; done twice it changes nothing.
        let chunk = came_to(runs::cancel(pool, &found, &actor).await?.runs.len());
        let mut tx = Tx::of_engine(pool).await?;
        let noted = bulk_acts::went_on(&mut tx, act, chunk).await?;
        tx.commit().await?;
        if !noted {
            bulk_acts::add_late(pool, act.id, chunk).await?;
        }
        return Ok(());
    }
    let mut tx = Tx::of_engine(pool).await?;
    let retried = match found.is_empty() {
        true => 0,
        false => {
            dead_letters::retry(&mut tx, &found, &actor, dead_letters::Discarded::StayDead).await?.total()
        }
    };
    match bulk_acts::went_on(&mut tx, act, came_to(retried)).await? {
        true => tx.commit().await?,
        false => tx.rollback().await?,
    }
    Ok(())
}
