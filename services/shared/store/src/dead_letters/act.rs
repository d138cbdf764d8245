//! What people do about dead letters: replay, discard.

use serde_json::json;
use sqlx::types::Json;
use tradeup_domain::ErrorCode;
use uuid::Uuid;

use super::DeadLetter;
use crate::audit::{self, Actor};
use crate::error::{Doing, StoreError};
use crate::ids::new_ids;
use crate::{RunId, Tx};

/// How dead letters are replayed.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Encoded input that takes the place of the old one; `None` keeps each run's own.
    pub payload: Option<Vec<u8>>,
    /// Runs a second, so that what failed together does not come back together.
    pub runs_per_second: f64,
}

/// What a replay set going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Runs with new attempts.
    pub runs: usize,
    /// Messages, that no run stands behind, sent again as they were received.
    pub messages: usize,
    /// Letters whose run has succeeded, or is being tried, since: nothing to do.
    pub settled: usize,
}

/// Replays dead letters: each run gets its task's attempts anew, under its own key. Any number of
/// times, and by any number of people: a run that is not dead any more is left alone.
///
/// # Errors
/// As any statement.
pub async fn replay(
    tx: &mut Tx,
    letters: &[DeadLetter],
    how: &Replay,
    actor: &Actor,
) -> Result<Replayed, StoreError> {
    let mut wanted: Vec<Uuid> = letters.iter().filter_map(|l| l.run_id.map(|id| id.0)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let revived = sqlx::query_file_scalar!(
        "src/dead_letters/replay_runs.sql",
        &wanted,
        how.payload,
        ErrorCode::ChildrenFailed.as_str(),
        how.runs_per_second,
        &new_ids(wanted.len()),
    )
    .fetch_all(&mut **tx)
    .await
    .doing("replaying runs")?;
    let raw: Vec<&DeadLetter> = letters.iter().filter(|l| l.run_id.is_none()).collect();
    for (letter, outbox_id) in raw.iter().zip(new_ids(raw.len())) {
        sqlx::query!(
            "insert into outbox (id, kind, subject, headers, body, next_publish_at)
             values ($1, 'raw', $2, $3, $4, now())",
            outbox_id,
            letter.subject,
            letter.headers.as_ref() as Option<&Json<Vec<(String, String)>>>,
            letter.message,
        )
        .execute(&mut **tx)
        .await
        .doing("replaying a message")?;
    }
    let acted: Vec<Uuid> = letters
        .iter()
        .filter(|l| l.run_id.is_none_or(|run_id| revived.contains(&run_id)))
        .map(|l| l.id)
        .collect();
    resolve(tx, &acted, "replayed", actor).await?;
    let replayed =
        Replayed { runs: revived.len(), messages: raw.len(), settled: letters.len() - acted.len() };
    let subject = json!({ "dead_letters": acted, "runs": revived.iter().map(RunId::to_string).collect::<Vec<_>>(),
        "edited_payload": how.payload.is_some(), "runs_per_second": how.runs_per_second });
    audit::record(tx, actor, "dead_letters.replay", &subject).await?;
    Ok(replayed)
}

/// Sets dead letters aside for good. Their runs stay dead. Returns how many were unresolved.
///
/// # Errors
/// As any statement.
pub async fn discard(tx: &mut Tx, letters: &[DeadLetter], actor: &Actor) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = letters.iter().map(|l| l.id).collect();
    let discarded = resolve(tx, &ids, "discarded", actor).await?;
    audit::record(tx, actor, "dead_letters.discard", &json!({ "dead_letters": ids })).await?;
    Ok(discarded)
}

async fn resolve(tx: &mut Tx, ids: &[Uuid], resolution: &str, actor: &Actor) -> Result<u64, StoreError> {
    sqlx::query!(
        "update dead_letters set resolution = $2, resolved_at = now(), resolved_by = $3
         where id = any($1) and resolution is null",
        ids,
        resolution,
        actor.name,
    )
    .execute(&mut **tx)
    .await
    .doing("resolving dead letters")
    .map(|done| done.rows_affected())
}
