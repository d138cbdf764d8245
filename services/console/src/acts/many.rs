//! What is done with all runs that a list is narrowed to.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use tradeup_store::{RunId, runs};

use super::{Operator, Said, done, retry_all};
use crate::Console;
use crate::api::document::Problems;
use crate::failure::{Failure, Query};
use crate::views::runs::{Asked, MANY_MAX, matching};

/// The runs, as many as whoever acts has said that there are.
async fn counted(console: &Console, asked: &Asked, operator: &Operator) -> Result<Vec<RunId>, Failure> {
    if !asked.narrows() {
        let why = "say which runs: task, state, tenant, tag, key, since or until".to_owned();
        return Err(Failure::Invalid { field: "query", why });
    }
    let ids = matching(console.worker.pool(), &operator.who, asked).await?;
    let number = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if number > i64::from(MANY_MAX) {
        return Err(Failure::Conflict(format!("More than {MANY_MAX} runs match: narrow it further.")));
    }
    operator.said.counts(number)?;
    Ok(ids)
}

/// Tries again what is dead, cancelled or waiting in all runs that match, and below them. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/runs/retry", params(Asked), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn retry_many(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let ids = counted(&console, &asked, &operator).await?;
    retry_all(console.worker.pool(), &ids, &actor, &format!("/runs?{}", asked.query()?)).await
}

/// Cancels all runs that match and have not ended, with all below them. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/runs/cancel", params(Asked), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn cancel_many(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let ids = counted(&console, &asked, &operator).await?;
    let cancelled = runs::cancel(console.worker.pool(), &ids, &actor).await?;
    if cancelled.runs.is_empty() {
        return Err(Failure::Conflict("All of them have ended already.".to_owned()));
    }
    Ok(done(&format!("/runs?{}", asked.query()?), json!({ "cancelled": cancelled.runs.len() })))
}
