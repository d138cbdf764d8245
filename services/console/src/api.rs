//! The API: what pages show, as JSON. Errors are problems (RFC 9457).

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use tradeup_access::Act;

use crate::Console;
use crate::access::Who;
use crate::failure::{self, Failure};
use crate::views::alerts::Alerts;
use crate::views::dead::{self, Group, GroupStory};
use crate::views::events;
use crate::views::ledger::{Ledger, OfPeriod};
use crate::views::member::Member;
use crate::views::overview::Overview;
use crate::views::run::{Run, id};
use crate::views::runs::{Asked, Runs};
use crate::views::schedules::Schedules;
use crate::views::tenants::{self, Seen, Shop};

async fn overview(State(console): State<Console>, who: Who) -> Result<Json<Overview>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Overview::read(console.worker.pool(), console.worker.broker().is_connected()).await?))
}

async fn runs(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Json<Runs>, Failure> {
    Ok(Json(Runs::read(console.worker.pool(), &who, &asked).await?))
}

async fn run(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Json<Run>, Failure> {
    Ok(Json(Run::read(console.worker.pool(), &who, id(&given)?).await?))
}

async fn schedules(State(console): State<Console>, who: Who) -> Result<Json<Schedules>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Schedules::read(console.worker.pool()).await?))
}

async fn dead_groups(State(console): State<Console>, who: Who) -> Result<Json<Vec<Group>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(dead::groups(console.worker.pool()).await?))
}

async fn dead_group(
    State(console): State<Console>,
    who: Who,
    Path(group): Path<String>,
) -> Result<Json<GroupStory>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(dead::group(console.worker.pool(), &group).await?))
}

async fn shops(State(console): State<Console>, who: Who) -> Result<Json<Vec<Shop>>, Failure> {
    Ok(Json(tenants::list(console.worker.pool(), &who).await?))
}

async fn shop(Seen { shop, .. }: Seen) -> Json<Shop> {
    Json(shop)
}

async fn events(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Query(asked): Query<events::Asked>,
) -> Result<Json<Vec<events::Event>>, Failure> {
    Ok(Json(events::list(console.worker.pool(), shop.id, &asked).await?))
}

async fn ledger(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Query(of): Query<OfPeriod>,
) -> Result<Json<Ledger>, Failure> {
    Ok(Json(Ledger::of(console.worker.pool(), shop.id, &of).await?))
}

async fn member(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Path((_, customer)): Path<(String, String)>,
) -> Result<Json<Member>, Failure> {
    Ok(Json(Member::read(console.worker.pool(), shop.id, &customer).await?))
}

async fn alerts(State(console): State<Console>, who: Who) -> Result<Json<Alerts>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Alerts::read(console.worker.pool()).await?))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/overview", get(overview))
        .route("/alerts", get(alerts))
        .route("/runs", get(runs))
        .route("/runs/{id}", get(run))
        .route("/schedules", get(schedules))
        .route("/dead-letters", get(dead_groups))
        .route("/dead-letters/{group}", get(dead_group))
        .route("/shops", get(shops))
        .route("/shops/{handle}", get(shop))
        .route("/shops/{handle}/events", get(events))
        .route("/shops/{handle}/ledger", get(ledger))
        .route("/shops/{handle}/members/{customer}", get(member))
        .fallback(failure::no_such_page)
}
