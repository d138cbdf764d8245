//! Runs that nothing has been tried of, which are done and ended in one commit.

use std::time::Duration;

use uuid::Uuid;

use super::claim::batch_range;
use super::{Claim, Claimant};
use crate::error::{Doing, ErrorKind, StoreError};
use crate::{Connection, Pool, RunId, TenantId, TenantRef};

/// Those of `ids` that nothing has been tried of and nothing holds back, as they are at their first attempt. They are
/// not claimed: whether somebody else was quicker is found out by [`finish_untried`]. What dies with its process before
/// that leaves no attempt behind, so what may have taken a process with it before has to be claimed.
///
/// # Errors
/// As any statement.
pub async fn untried(pool: &Pool, ids: &[RunId], claimant: &Claimant<'_>) -> Result<Vec<Claim>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_file!("src/runs/untried.sql", &ids, claimant.attempts_max, claimant.needs)
        .fetch_all(pool)
        .await
        .doing("looking at runs")?;
    let claims = rows.into_iter().map(|row| Claim {
        run_id: row.run_id,
        tenant: Some(TenantRef { id: row.tenant_id, handle: row.tenant_handle }),
        task: row.task,
        key: row.key,
        parent_id: row.parent_id,
        root_id: row.root_id,
        payload: row.payload,
        scheduled_for: row.scheduled_for,
        traceparent: row.traceparent,
        waited: Duration::try_from_secs_f64(row.waited_seconds.max(0.0)).ok(),
        attempt: 1,
        max_attempts: row.max_attempts,
        urgent: row.urgent,
        watched: false,
        limited: false,
        batch: batch_range(row.first_member_id, row.last_member_id, row.members),
    });
    Ok(claims.collect())
}

/// How such a run ends.
#[derive(Clone, Copy, Debug)]
pub enum FirstEnding<'a> {
    /// Done, with what to show of it if there is something.
    Succeeded(Option<&'a serde_json::Value>),
    /// It waits for its batches.
    Waiting,
}

/// Ends such runs in the transaction of their effects.
///
/// # Errors
/// [`ErrorKind::Superseded`] if one of them was claimed or cancelled meanwhile: roll back.
pub async fn finish_untried(
    db: &mut Connection,
    ended: &[(RunId, FirstEnding<'_>)],
    claimant: &Claimant<'_>,
) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ended.iter().map(|(run_id, _)| run_id.0).collect();
    let result = |ending: &FirstEnding<'_>| match ending {
        FirstEnding::Succeeded(result) => result.cloned(),
        FirstEnding::Waiting => None,
    };
    let results: Vec<Option<serde_json::Value>> = ended.iter().map(|(_, ending)| result(ending)).collect();
    let waits = ended.iter().filter(|(_, ending)| matches!(ending, FirstEnding::Waiting));
    let waiting: Vec<Uuid> = waits.map(|(run_id, _)| run_id.0).collect();
    let finished = sqlx::query_file_scalar!(
        "src/runs/finish_untried.sql",
        &ids,
        &results as &[Option<serde_json::Value>],
        claimant.worker,
        claimant.build,
        claimant.attempts_max,
        &waiting,
    )
    .fetch_one(db)
    .await
    .doing("ending runs")?;
    if usize::try_from(finished) == Ok(ended.len()) {
        Ok(())
    } else {
        Err(StoreError::of_kind(ErrorKind::Superseded, "ending runs"))
    }
}
