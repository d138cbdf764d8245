//! What is done with all runs that a list is narrowed to: asked for here, worked off by [`crate::bulk`].

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use tradeup_store::{Tx, bulk_acts};
use uuid::Uuid;

use super::operator::Counted;
use super::{Nothing, Operator, Said, done};
use crate::Console;
use crate::api::document::{BulkActPath, Problems};
use crate::failure::{Failure, Query};
use crate::views::runs::{Asked, MANY_MAX, counted};

async fn begin(
    console: &Console,
    act: &str,
    asked: &Asked,
    operator: &Operator<Counted>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let (asked, by_state) = counted(pool, &operator.who, asked).await?;
    let number: i64 = by_state.iter().map(|(_, runs)| runs).sum();
    if number > MANY_MAX {
        return Err(Failure::Conflict(format!("More than {MANY_MAX} runs match: narrow it further.")));
    }
    operator.counts(&operator.what.count, number)?;
    if number == 0 {
        return Err(Failure::Conflict("No run matches.".to_owned()));
    }
    let filter = serde_json::to_value(&asked).map_err(|_unwritable| Failure::Internal)?;
    let reason = actor.reason.clone().unwrap_or_default();
    let mut tx = Tx::of_engine(pool).await?;
    let id = bulk_acts::begin(&mut tx, act, &filter, number, &reason, &actor).await?;
    tx.commit().await?;
    Ok(done(&format!("/bulk-acts/{id}"), json!({ "bulk_act": id, "runs": number })))
}

/// Tries again what is dead, cancelled or waiting in all runs that match, and below them. It is worked off in chunks;
/// the answer names the bulk act that says how far it is. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/runs/retry", params(Asked), request_body = Said<Counted>,
    responses((status = 200, description = "It has begun.", body = Object), Problems))]
pub(crate) async fn retry_many(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
    operator: Operator<Counted>,
) -> Result<Response, Failure> {
    begin(&console, "retry", &asked, &operator).await
}

/// Cancels all runs that match and have not ended, with all below them. It is worked off in chunks; the answer names
/// the bulk act that says how far it is. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/runs/cancel", params(Asked), request_body = Said<Counted>,
    responses((status = 200, description = "It has begun.", body = Object), Problems))]
pub(crate) async fn cancel_many(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
    operator: Operator<Counted>,
) -> Result<Response, Failure> {
    begin(&console, "cancel", &asked, &operator).await
}

/// Stops a bulk act: what it has done stays. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/bulk-acts/{id}/stop", params(BulkActPath), request_body = Said<Nothing>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn stop(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let id = given.parse::<Uuid>().map_err(|_no_id| Failure::NotFound)?;
    let pool = console.worker.pool();
    bulk_acts::read(pool, id).await?.ok_or(Failure::NotFound)?;
    let mut tx = Tx::of_engine(pool).await?;
    let stopped = bulk_acts::stop(&mut tx, id, &actor).await?;
    tx.commit().await?;
    if !stopped {
        return Err(Failure::Conflict("It has ended already.".to_owned()));
    }
    Ok(done(&format!("/bulk-acts/{id}"), json!({ "stopped": true })))
}
