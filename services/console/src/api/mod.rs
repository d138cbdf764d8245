//! The API: what pages show, as JSON. Errors are problems (RFC 9457).

mod agents;
pub(crate) mod document;
pub(crate) mod etag;
pub(crate) mod once;
pub(crate) mod scheduled_tasks;
mod schedules;
mod told;
mod users;

use axum::extract::{Path, State};
use axum::http::header::{HeaderValue, LINK};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use tradeup_access::Act;

use crate::Console;
use crate::access::Who;
use crate::failure::{self, Failure, Query};
use crate::views::alerts::Alerts;
use crate::views::bulk_acts::BulkAct;
use crate::views::dead::{self, Group, GroupStory};
use crate::views::events;
use crate::views::holds::Holds;
use crate::views::ledger::{Ledger, OfPeriod};
use crate::views::member::Member;
use crate::views::overview::Overview;
use crate::views::run::{Run, id};
use crate::views::runs::{Asked, Runs};
use crate::views::search::{Search, Sought};
use crate::views::tasks::{self, AnyTask};
use crate::views::tenants::{Seen, Shop, Shops, ShopsAsked};
use document::{BulkActPath, GroupPath, MemberPath, Problems, RunPath, ShopPath, TaskPath};

/// Is anything wrong, at a glance.
#[utoipa::path(get, path = "/api/v1/overview",
    responses((status = 200, body = Overview), Problems))]
async fn overview(State(console): State<Console>, who: Who) -> Result<Json<Overview>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Overview::read(&console).await?))
}

/// Runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", params(Asked),
    responses((status = 200, body = Runs), Problems))]
async fn runs(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Json<Runs>, Failure> {
    Ok(Json(Runs::read(console.worker.pool(), &who, &asked).await?))
}

/// A run with what is above and below it, its attempts, failures, and log.
#[utoipa::path(get, path = "/api/v1/runs/{id}", params(RunPath),
    responses((status = 200, body = Run), Problems))]
async fn run(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Json<Run>, Failure> {
    Ok(Json(Run::read(console.worker.pool(), &who, id(&given)?).await?))
}

/// What was done with many runs together, newest first: 100 at most.
#[utoipa::path(get, path = "/api/v1/bulk-acts",
    responses((status = 200, body = Vec<BulkAct>), Problems))]
async fn bulk_acts(State(console): State<Console>, who: Who) -> Result<Json<Vec<BulkAct>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(BulkAct::list(console.worker.pool()).await?))
}

/// A bulk act, and how far it is.
#[utoipa::path(get, path = "/api/v1/bulk-acts/{id}", params(BulkActPath),
    responses((status = 200, body = BulkAct), Problems))]
async fn bulk_act(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Json<BulkAct>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(BulkAct::read(console.worker.pool(), &given).await?))
}

/// What holds runs back, and who waits.
#[utoipa::path(get, path = "/api/v1/holds",
    responses((status = 200, body = Holds), Problems))]
async fn holds(State(console): State<Console>, who: Who) -> Result<Json<Holds>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Holds::read(console.worker.pool()).await?))
}

/// Whatever somebody has in hand, found: 10 of each kind at most.
#[utoipa::path(get, path = "/api/v1/search", params(Sought),
    responses((status = 200, body = Search), Problems))]
async fn search(
    State(console): State<Console>,
    who: Who,
    Query(sought): Query<Sought>,
) -> Result<Json<Search>, Failure> {
    Ok(Json(Search::read(console.worker.pool(), &who, &sought).await?))
}

/// Names of all tasks.
#[utoipa::path(get, path = "/api/v1/tasks",
    responses((status = 200, body = Vec<String>), Problems))]
async fn tasks(who: Who) -> Result<Json<Vec<&'static str>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(tasks::names()))
}

/// A task: what its input is, its latest runs, and how long they take.
#[utoipa::path(get, path = "/api/v1/tasks/{name}", params(TaskPath),
    responses((status = 200, body = AnyTask), Problems))]
async fn task(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
) -> Result<Json<AnyTask>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(AnyTask::read(console.worker.pool(), &who, &name).await?))
}

/// Dead letters that nobody has seen to, by cause.
#[utoipa::path(get, path = "/api/v1/dead-letters",
    responses((status = 200, body = Vec<Group>), Problems))]
async fn dead_groups(State(console): State<Console>, who: Who) -> Result<Json<Vec<Group>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(dead::groups(console.worker.pool()).await?))
}

/// The dead letters of one cause.
#[utoipa::path(get, path = "/api/v1/dead-letters/{group}", params(GroupPath),
    responses((status = 200, body = GroupStory), Problems))]
async fn dead_group(
    State(console): State<Console>,
    who: Who,
    Path(group): Path<String>,
) -> Result<Json<GroupStory>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(dead::group(console.worker.pool(), &group).await?))
}

/// Shops that may be seen, by handle: 100 at most. If there are more, header `Link` has the next page (`rel="next"`,
/// RFC 8288): the same with `after`, the last handle of this one.
#[utoipa::path(get, path = "/api/v1/shops", params(ShopsAsked),
    responses((status = 200, body = Vec<Shop>), Problems))]
async fn shops(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<ShopsAsked>,
) -> Result<Response, Failure> {
    let Shops { shops, next } = Shops::read(console.worker.pool(), &who, &asked).await?;
    let mut response = Json(shops).into_response();
    if let Some(next) = next {
        let link = HeaderValue::from_str(&format!("</api/v1/shops?{next}>; rel=\"next\""));
        response.headers_mut().insert(LINK, link.map_err(|_unwritable| Failure::Internal)?);
    }
    Ok(response)
}

/// A shop.
#[utoipa::path(get, path = "/api/v1/shops/{handle}", params(ShopPath),
    responses((status = 200, body = Shop), Problems))]
async fn shop(Seen { shop, .. }: Seen) -> Json<Shop> {
    Json(shop)
}

/// What a shop or another system told, newest first: 100 at most.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/events", params(ShopPath, events::Asked),
    responses((status = 200, body = Vec<events::Event>), Problems))]
async fn events(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Query(asked): Query<events::Asked>,
) -> Result<Json<Vec<events::Event>>, Failure> {
    Ok(Json(events::list(console.worker.pool(), shop.id, &asked).await?))
}

/// What a shop owes, its months, what a month would give, and its latest proofs.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/ledger", params(ShopPath, OfPeriod),
    responses((status = 200, body = Ledger), Problems))]
async fn ledger(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Query(of): Query<OfPeriod>,
) -> Result<Json<Ledger>, Failure> {
    Ok(Json(Ledger::of(console.worker.pool(), &shop, &of).await?))
}

/// What a member has to spend, until when, and every movement.
#[utoipa::path(get, path = "/api/v1/shops/{handle}/members/{customer}", params(MemberPath, OfPeriod),
    responses((status = 200, body = Member), Problems))]
async fn member(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, customer)): Path<(String, String)>,
    Query(of): Query<OfPeriod>,
) -> Result<Json<Member>, Failure> {
    Ok(Json(Member::read(console.worker.pool(), shop.id, &customer, &of, &who).await?))
}

/// Alerts, their rules, and who is told.
#[utoipa::path(get, path = "/api/v1/alerts",
    responses((status = 200, body = Alerts), Problems))]
async fn alerts(State(console): State<Console>, who: Who) -> Result<Json<Alerts>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Alerts::read(console.worker.pool()).await?))
}

pub(crate) fn routes() -> Router<Console> {
    told::routes()
        .route("/overview", get(overview))
        .route("/alerts", get(alerts))
        .route("/runs", get(runs))
        .route("/runs/{id}", get(run))
        .route("/bulk-acts", get(bulk_acts))
        .route("/bulk-acts/{id}", get(bulk_act))
        .route("/holds", get(holds))
        .route("/search", get(search))
        .merge(agents::routes())
        .merge(schedules::routes())
        .merge(users::routes())
        .route("/tasks", get(tasks))
        .route("/tasks/{name}", get(task))
        .route("/dead-letters", get(dead_groups))
        .route("/dead-letters/{group}", get(dead_group))
        .route("/shops", get(shops))
        .route("/shops/{handle}", get(shop))
        .route("/shops/{handle}/events", get(events))
        .route("/shops/{handle}/ledger", get(ledger))
        .route("/shops/{handle}/members/{customer}", get(member))
        .route("/openapi.json", get(document::document))
        .fallback(failure::no_such_page)
}
