//! Runs that nothing has been tried of, which are done and ended in one commit.

use std::collections::HashMap;
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
        // Told at the end.
        waited: None,
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

/// Where what is known of a run comes from while it is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// Its row, which was looked at ([`untried`]).
    Row,
    /// Its message. The row decides: at the end it is asked whether it says the same, and whether anything holds the run back.
    Message,
}

/// Ends such runs in the transaction of their effects. Answers how long each has waited for its first attempt since it was there
/// and due.
///
/// # Errors
/// [`ErrorKind::Superseded`] if one of them was claimed or cancelled meanwhile, is held back, or is not what its message said: roll
/// back.
pub async fn finish_untried(
    db: &mut Connection,
    ended: &[(&Claim, FirstEnding<'_>)],
    known_by: KnownBy,
    claimant: &Claimant<'_>,
) -> Result<HashMap<RunId, Duration>, StoreError> {
    if ended.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ended.iter().map(|(claim, _)| claim.run_id.0).collect();
    let result = |ending: &FirstEnding<'_>| match ending {
        FirstEnding::Succeeded(result) => result.cloned(),
        FirstEnding::Waiting => None,
    };
    let results: Vec<Option<serde_json::Value>> = ended.iter().map(|(_, ending)| result(ending)).collect();
    let waits = ended.iter().filter(|(_, ending)| matches!(ending, FirstEnding::Waiting));
    let waiting: Vec<Uuid> = waits.map(|(claim, _)| claim.run_id.0).collect();
    let rows = sqlx::query_file!(
        "src/runs/finish_untried.sql",
        &ids,
        &results as &[Option<serde_json::Value>],
        claimant.worker,
        claimant.build,
        claimant.attempts_max,
        &waiting,
        known_by == KnownBy::Message,
        claimant.needs,
    )
    .fetch_all(db)
    .await
    .doing("ending runs")?;
    let superseded = || StoreError::of_kind(ErrorKind::Superseded, "ending runs");
    if rows.len() != ended.len() {
        return Err(superseded());
    }
    let claims: HashMap<RunId, &Claim> = ended.iter().map(|(claim, _)| (claim.run_id, *claim)).collect();
    let mut waited = HashMap::with_capacity(rows.len());
    for row in rows {
        let claim = claims.get(&row.run_id).ok_or_else(superseded)?;
        let is_as_told = row.task == claim.task
            && row.key == claim.key
            && row.tenant_id == claim.tenant.as_ref().map(|tenant| tenant.id)
            && row.parent_id == claim.parent_id
            && row.scheduled_for == claim.scheduled_for
            && row.payload.is_none_or(|payload| payload == claim.payload);
        if !is_as_told {
            return Err(superseded());
        }
        waited.extend(
            Duration::try_from_secs_f64(row.waited_seconds.max(0.0)).map(|waited| (row.run_id, waited)),
        );
    }
    Ok(waited)
}
