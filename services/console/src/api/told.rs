//! How a shop stands, what it told, and what came of telling it again, as JSON.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};

use super::document::{EventPath, Problems, ReplayPath, ReversalPath, ShopPath};
use crate::Console;
use crate::failure::{Failure, Query};
use crate::views::event::{EventAsked, OneEvent};
use crate::views::replay::Replay;
use crate::views::reversal::Reversal;
use crate::views::standing::Standing;
use crate::views::tenants::Seen;

/// An event: what is kept of it, what followed, and with `body=yes` its body, which viewers may not see. Each look at a
/// body is put on record.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/events/{id}", params(EventPath, EventAsked),
    responses((status = 200, body = OneEvent), Problems))]
pub(crate) async fn event(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<EventAsked>,
) -> Result<Json<OneEvent>, Failure> {
    Ok(Json(OneEvent::read(console.worker.pool(), &who, &shop, &id, &asked).await?))
}

/// A replay of events or its preview, and what has come of it.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/replays/{id}", params(ReplayPath),
    responses((status = 200, body = Replay), Problems))]
pub(crate) async fn replay(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Replay>, Failure> {
    Ok(Json(Replay::read(console.worker.pool(), &who, &shop, &id).await?))
}

/// How a shop stands: the rules in force, its wallet, and what is set for it alone.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/standing", params(ShopPath),
    responses((status = 200, body = Standing), Problems))]
pub(crate) async fn standing(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
) -> Result<Json<Standing>, Failure> {
    Ok(Json(Standing::read(console.worker.pool(), &shop).await?))
}

/// What taking back a month's credits would do, by the run that has granted them.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/reversals/{id}", params(ReversalPath),
    responses((status = 200, body = Reversal), Problems))]
pub(crate) async fn reversal(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Reversal>, Failure> {
    Ok(Json(Reversal::read(console.worker.pool(), &who, &shop, &id).await?))
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/shops/{handle}/standing", get(standing))
        .route("/shops/{handle}/events/{id}", get(event))
        .route("/shops/{handle}/replays/{id}", get(replay))
        .route("/shops/{handle}/reversals/{id}", get(reversal))
}
