//! What people do about runs on their way: cancel, take up again, skip a wait.

use serde_json::json;
use uuid::Uuid;

use super::end::settle_parents;
use crate::audit::{self, Actor};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::ids::new_ids;
use crate::{Pool, RunId, TenantId, Tx};

/// Deadlocks that a cancellation survives: PostgreSQL ends one side, and each time less is under way.
const CONFLICTS_MAX: u32 = 20;

/// What a cancellation ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Runs, those below included.
    pub runs: Vec<RunId>,
}

/// Cancels runs and everything below them. What is committed stays; whoever works on one of them
/// can't commit any more and is told so when it next extends its lease.
///
/// # Errors
/// As any statement. What was cancelled until then stays so; call it again.
pub async fn cancel(pool: &Pool, ids: &[RunId], actor: &Actor) -> Result<Cancelled, StoreError> {
    let why = match &actor.reason {
        Some(reason) => format!("cancelled by {}: {reason}", actor.name),
        None => format!("cancelled by {}", actor.name),
    };
    cancel_because(pool, ids, &why, Some(actor)).await
}

/// A tenant's runs that have not ended, but for `except`.
///
/// # Errors
/// As any statement.
pub async fn unfinished_of(pool: &Pool, tenant: TenantId, except: RunId) -> Result<Vec<RunId>, StoreError> {
    sqlx::query_scalar!(
        r#"select id as "id: RunId" from runs where tenant_id = $1 and finished_at is null and id <> $2 order by id"#,
        tenant as TenantId,
        except as RunId,
    )
    .fetch_all(pool)
    .await
    .doing("looking for a tenant's unfinished runs")
}

/// Cancels unfinished runs whose parent was cancelled: born in the moment of the cancellation.
///
/// # Errors
/// As any statement; the next sweep goes on.
pub async fn cancel_orphans(pool: &Pool) -> Result<usize, StoreError> {
    let orphans = sqlx::query_scalar!(
        // From those that have not ended to their parents, one by one: never through all runs for one that was cancelled.
        r#"select c.id as "id: RunId" from runs c
           where c.finished_at is null and c.parent_id is not null
               and (select p.state from runs p where p.id = c.parent_id) = 'cancelled'"#
    )
    .fetch_all(pool)
    .await
    .doing("looking for runs below cancelled ones")?;
    if orphans.is_empty() {
        return Ok(0);
    }
    Ok(cancel_because(pool, &orphans, "the run that waited for it was cancelled", None).await?.runs.len())
}

async fn cancel_because(
    pool: &Pool,
    ids: &[RunId],
    why: &str,
    actor: Option<&Actor>,
) -> Result<Cancelled, StoreError> {
    let mut wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    wanted.sort_unstable();
    let (mut cancelled, mut parents, mut conflicts) = (Cancelled::default(), Vec::new(), 0);
    loop {
        match cancel_once(pool, &wanted, why, actor).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                for (run, parent) in rows {
                    cancelled.runs.push(run);
                    parents.extend(parent);
                }
            }
            // Whoever ends a batch holds the same rows, in another order.
            Err(error) if error.kind() == ErrorKind::Conflict && conflicts < CONFLICTS_MAX => conflicts += 1,
            Err(error) => return Err(error),
        }
    }
    parents.retain(|parent| !cancelled.runs.contains(parent));
    settle_parents(pool, &parents).await?;
    Ok(cancelled)
}

async fn cancel_once(
    pool: &Pool,
    wanted: &[Uuid],
    why: &str,
    actor: Option<&Actor>,
) -> Result<Vec<(RunId, Option<RunId>)>, StoreError> {
    let mut tx = Tx::of_engine(pool).await?;
    // Locked in a statement of its own: the next one sees what others did until they let go, attempts
    // that began in that moment among it. Runs that a batch's end creates at the same time are not seen
    // yet: it is asked until there are none.
    let locked = sqlx::query_scalar!(
        "with recursive tree as (
            select id from runs where id = any($1)
            union
            select c.id from tree join runs c on c.parent_id = tree.id
        )
        select id from runs where id in (select id from tree) and finished_at is null
        order by id for no key update",
        wanted,
    )
    .fetch_all(&mut *tx)
    .await
    .doing("locking runs")?;
    let rows = sqlx::query_file!("src/runs/cancel.sql", &locked, why)
        .fetch_all(&mut *tx)
        .await
        .doing("cancelling runs")?;
    if let Some(actor) = actor.filter(|_| !rows.is_empty()) {
        let subject = json!({ "asked_for": wanted, "runs": rows.len() });
        audit::record(&mut tx, actor, "runs.cancel", &subject).await?;
    }
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.parent_id)).collect())
}

/// Takes up again what was cancelled at or below these runs, under their old keys: what they did
/// before stays done. The sweep publishes them. Returns how many will be tried.
///
/// # Errors
/// As any statement.
pub async fn resume_cancelled(tx: &mut Tx, ids: &[RunId], actor: &Actor) -> Result<usize, StoreError> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let queued = sqlx::query_file_scalar!("src/runs/resume_cancelled.sql", &wanted)
        .fetch_all(&mut **tx)
        .await
        .doing("taking up cancelled runs")?;
    let queued: Vec<Uuid> = queued.into_iter().map(|id| id.0).collect();
    publish_now(tx, &queued).await?;
    let subject = json!({ "asked_for": wanted, "runs": queued.len() });
    audit::record(tx, actor, "runs.resume", &subject).await?;
    Ok(queued.len())
}

/// Ends the wait of runs at or below these that wait for their next attempt, or for their time.
/// Returns how many.
///
/// # Errors
/// As any statement.
pub async fn hasten(tx: &mut Tx, ids: &[RunId], actor: &Actor) -> Result<usize, StoreError> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let hastened = sqlx::query_scalar!(
        r#"with recursive tree as (
            select id from runs where id = any($1)
            union
            select c.id from tree join runs c on c.parent_id = tree.id
        )
        update runs set next_attempt_at = now()
        where id in (select id from tree) and state in ('retrying', 'scheduled') and next_attempt_at > now()
        returning id"#,
        &wanted,
    )
    .fetch_all(&mut **tx)
    .await
    .doing("ending the wait of runs")?;
    publish_now(tx, &hastened).await?;
    audit::record(tx, actor, "runs.hasten", &json!({ "asked_for": wanted, "runs": hastened.len() })).await?;
    Ok(hastened.len())
}

async fn publish_now(tx: &mut Tx, runs: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "with old as (
            delete from outbox where run_id = any($2) and kind = 'job'
        )
        insert into outbox (id, kind, run_id, next_publish_at)
        select o, 'job', r, now() from unnest($1::uuid[], $2::uuid[]) as n (o, r)",
        &new_ids(runs.len()),
        runs,
    )
    .execute(&mut **tx)
    .await
    .doing("writing messages of runs")
    .map(drop)
}
