//! What is done about dead letters.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tradeup_access::Act;
use tradeup_proto::{JobKind, json as payload_json};
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::{Tx, audit};
use utoipa::ToSchema;

use super::operator::Counted;
use super::{Operator, Said, done};
use crate::Console;
use crate::api::document::{GroupPath, Problems, RunPath};
use crate::failure::Failure;
use crate::views::run::{id, seen};

/// Runs a second that a replay sets going.
const RUNS_PER_SECOND: f64 = 100.0;

/// What is done with a group of dead letters.
#[derive(Clone, Copy)]
enum With {
    Replay,
    Discard,
}

async fn see_to(
    console: &Console,
    group: String,
    operator: &Operator<Counted>,
    with: With,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let filter = DeadFilter { fingerprint: Some(group), ..DeadFilter::default() };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let letters = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    if letters.is_empty() {
        return Err(Failure::Conflict("Somebody has seen to all of them.".to_owned()));
    }
    operator.counts(&operator.what.count, i64::try_from(letters.len()).unwrap_or(i64::MAX))?;
    match with {
        With::Replay => {
            let how = Replay { payload: None, runs_per_second: RUNS_PER_SECOND };
            dead_letters::replay(&mut tx, &letters, &how, &actor).await?;
        }
        With::Discard => {
            dead_letters::discard(&mut tx, &letters, &actor).await?;
        }
    }
    tx.commit().await?;
    Ok(done("/dead", json!({ "letters": letters.len() })))
}

/// Tries the dead letters of one cause again. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/dead-letters/{group}/replay", params(GroupPath), request_body = Said<Counted>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn replay_group(
    State(console): State<Console>,
    Path(group): Path<String>,
    operator: Operator<Counted>,
) -> Result<Response, Failure> {
    see_to(&console, group, &operator, With::Replay).await
}

/// Sets the dead letters of one cause aside. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/dead-letters/{group}/discard", params(GroupPath), request_body = Said<Counted>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn discard_group(
    State(console): State<Console>,
    Path(group): Path<String>,
    operator: Operator<Counted>,
) -> Result<Response, Failure> {
    see_to(&console, group, &operator, With::Discard).await
}

/// The fields in which two inputs differ, by name: what they say may be about people.
fn changed(message: &str, before: &[u8], after: &[u8]) -> Vec<String> {
    let read = |bytes: &[u8]| match payload_json::from_bytes(message, bytes) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (before, after) = (read(before), read(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Another input for a run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edited {
    /// Its input as JSON, all of it, as the run shows it: an object, or the text of one.
    #[schema(value_type = Object)]
    payload: Value,
}

/// Tries a dead run again with another input. Needs `reason`, and an admin: it may be any amount. What it did before
/// stays done.
#[utoipa::path(post, path = "/api/v1/runs/{id}/replay", params(RunPath), request_body = Said<Edited>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn replay_edited(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator<Edited>,
) -> Result<Response, Failure> {
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let id = id(&given)?;
    let run = seen(pool, &operator.who, id).await?;
    let kind = JobKind::by_task(&run.task)
        .ok_or_else(|| Failure::Conflict(format!("This build does not know the task {}.", run.task)))?;
    let text = match &operator.what.payload {
        Value::String(text) => text.clone(),
        object => object.to_string(),
    };
    let payload = payload_json::to_bytes(kind.input, &text)
        .map_err(|error| Failure::Invalid { field: "payload", why: error.to_string() })?;
    let filter = DeadFilter { runs: Some(vec![id]), ..DeadFilter::default() };
    let mut tx = Tx::of_engine(pool).await?;
    let mut letters = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    // Those below it have inputs of their own.
    letters.retain(|letter| letter.run_id == Some(id));
    if letters.is_empty() {
        let why = format!("It is {}: only a dead run is tried again with another input.", run.state);
        return Err(Failure::Conflict(why));
    }
    let before = letters.iter().find_map(|letter| letter.run_payload.as_deref()).unwrap_or_default();
    let subject = json!({ "run": id.to_string(), "changed": changed(kind.input, before, &payload) });
    let how = Replay { payload: Some(payload), runs_per_second: RUNS_PER_SECOND };
    // Somebody may have tried it again a moment ago, as it was.
    if dead_letters::replay(&mut tx, &letters, &how, &actor).await?.runs == 0 {
        return Err(Failure::Conflict("It is not dead any more; nothing was changed.".to_owned()));
    }
    audit::record(&mut tx, &actor, "runs.edit", &subject).await?;
    tx.commit().await?;
    Ok(done(&format!("/runs/{id}"), json!({ "letters": letters.len() })))
}
