//! Shops.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tradeup_store::{pauses, schedules};

use super::{charts, filters, written};
use crate::Console;
use crate::access::Who;
use crate::charts::Chart;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::grid::Grid;
use crate::views::ledger::{Ledger, OfPeriod};
use crate::views::member::Member;
use crate::views::reversal::Reversal;
use crate::views::runs::{Asked, Line, Runs};
use crate::views::standing::Standing;
use crate::views::statement;
use crate::views::tenants::{STATES, Seen, Shop, Shops, ShopsAsked};

#[derive(Template)]
#[template(path = "shops.html")]
struct ShopsPage {
    frame: Frame,
    asked: ShopsAsked,
    shops: Vec<Shop>,
    states: [&'static str; 3],
    /// What the next page's address asks.
    next: Option<String>,
}

async fn list(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<ShopsAsked>,
) -> Result<Response, Failure> {
    let Shops { shops, next } = Shops::read(console.worker.pool(), &who, &asked).await?;
    written(&ShopsPage { frame: Frame::of(&who, "shops"), asked, shops, states: STATES, next })
}

#[derive(Template)]
#[template(path = "shop.html")]
struct ShopPage {
    frame: Frame,
    shop: Shop,
    grid: Grid,
    runs: Vec<Line>,
    standing: Standing,
    /// Why its runs are held back.
    paused: Option<String>,
}

async fn one(State(console): State<Console>, Seen { who, shop }: Seen) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let grid = Grid::read(pool, schedules::clock(pool).await?, Some(shop.id)).await?;
    let asked = Asked { tenant: shop.handle.clone(), ..Asked::default() };
    let runs = Runs::read(pool, &who, &asked).await?.runs;
    let paused = pauses::list(pool).await?.into_iter().find(|pause| {
        pause.tenant_handle.as_ref() == Some(&shop.handle)
            && pause.task.is_none()
            && pause.dependency.is_none()
    });
    let paused = paused.map(|pause| pause.because());
    let standing = Standing::read(pool, &shop).await?;
    written(&ShopPage { frame: Frame::of(&who, "shops"), shop, grid, runs, standing, paused })
}

#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    frame: Frame,
    shop: String,
    view: Ledger,
    /// What months moved, by currency.
    charts: Vec<Chart>,
}

async fn ledger(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(of): Query<OfPeriod>,
) -> Result<Response, Failure> {
    let view = Ledger::shown(console.worker.pool(), &console.reckoned, &shop, &of).await?;
    let charts = charts::months(&view.months);
    written(&LedgerPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view, charts })
}

#[derive(Template)]
#[template(path = "reversal.html")]
struct ReversalPage {
    frame: Frame,
    shop: String,
    view: Reversal,
}

async fn reversal(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let view = Reversal::read(console.worker.pool(), &who, &shop, &id).await?;
    written(&ReversalPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view })
}

#[derive(Deserialize)]
struct Sought {
    customer: String,
}

/// Where the form of a shop's page leads.
async fn seek(Seen { shop, .. }: Seen, Query(sought): Query<Sought>) -> Response {
    let Ok(customer) = askama::filters::urlencode_strict(sought.customer.trim());
    Redirect::to(&format!("/shops/{}/members/{customer}", shop.handle)).into_response()
}

#[derive(Template)]
#[template(path = "member.html")]
struct MemberPage {
    frame: Frame,
    shop: String,
    view: Member,
}

async fn member(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, customer)): Path<(String, String)>,
    Query(of): Query<OfPeriod>,
) -> Result<Response, Failure> {
    let view = Member::read(console.worker.pool(), shop.id, &customer, &of, &who).await?;
    written(&MemberPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view })
}

/// The file's name, without what a customer's id may hold besides.
fn file_name(shop: &str, customer: &str) -> String {
    let plain: String = customer.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("attachment; filename=\"statement-{shop}-{plain}.csv\"")
}

async fn statement(
    State(console): State<Console>,
    Seen { shop, .. }: Seen,
    Path((_, customer)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let text = statement::of_member(console.worker.pool(), shop.id, &customer).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, file_name(&shop.handle, &customer)),
    ];
    Ok((headers, text).into_response())
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/shops", get(list))
        .route("/shops/{handle}", get(one))
        .route("/shops/{handle}/ledger", get(ledger))
        .route("/shops/{handle}/reversals/{id}", get(reversal))
        .route("/shops/{handle}/members", get(seek))
        .route("/shops/{handle}/members/{customer}", get(member))
        .route("/shops/{handle}/members/{customer}/statement.csv", get(statement))
}
