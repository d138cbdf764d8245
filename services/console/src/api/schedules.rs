//! Schedules, and what could be made up for of each.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use tradeup_access::Act;

use super::document::{Problems, SchedulePath};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::views::make_up::{BackfillAsked, CatchUpAsked, MakeUp};
use crate::views::schedule::{Found, OfShop, OneSchedule};
use crate::views::schedules::Schedules;

/// Schedules, when they fire next, and what was decided of late.
#[utoipa::path(get, path = "/api/v1/schedules", operation_id = "schedules",
    responses((status = 200, body = Schedules), Problems))]
pub(super) async fn list(State(console): State<Console>, who: Who) -> Result<Json<Schedules>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Schedules::read(console.worker.pool()).await?))
}

/// A schedule: its terms, its next ten fires, what was decided of late, and what could be caught up. Of a shop that has
/// none of its own, that for all shops.
#[utoipa::path(get, path = "/api/v1/schedules/{name}", operation_id = "schedule", params(SchedulePath, OfShop),
    responses((status = 200, body = OneSchedule), Problems))]
pub(super) async fn one(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Query(of): Query<OfShop>,
) -> Result<Json<OneSchedule>, Failure> {
    who.may(Act::SeeAll)?;
    let pool = console.worker.pool();
    let found = Found::of(pool, &who, &name, &of.tenant).await?;
    Ok(Json(OneSchedule::read(pool, &who, found).await?))
}

/// Fires that were missed, skipped for being late, or fell into a pause, and have no run since: what catching up would
/// make. 400 at most, the oldest.
#[utoipa::path(get, path = "/api/v1/schedules/{name}/catch-up", operation_id = "schedule_catch_up_preview",
    params(SchedulePath, CatchUpAsked), responses((status = 200, body = MakeUp), Problems))]
pub(super) async fn catch_up(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Query(asked): Query<CatchUpAsked>,
) -> Result<Json<MakeUp>, Failure> {
    who.may(Act::SeeAll)?;
    let (_, planned) = asked.planned(console.worker.pool(), &who, &name).await?;
    Ok(Json(MakeUp::of(&planned)))
}

/// The fires of a range or of months, and which of them a backfill would make runs of.
#[utoipa::path(get, path = "/api/v1/schedules/{name}/backfill", operation_id = "schedule_backfill_preview",
    params(SchedulePath, BackfillAsked), responses((status = 200, body = MakeUp), Problems))]
pub(super) async fn backfill(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Query(asked): Query<BackfillAsked>,
) -> Result<Json<MakeUp>, Failure> {
    who.may(Act::SeeAll)?;
    let (_, planned) = asked.planned(console.worker.pool(), &who, &name).await?;
    Ok(Json(MakeUp::of(&planned)))
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/schedules", get(list))
        .route("/schedules/{name}", get(one))
        .route("/schedules/{name}/catch-up", get(catch_up))
        .route("/schedules/{name}/backfill", get(backfill))
}
