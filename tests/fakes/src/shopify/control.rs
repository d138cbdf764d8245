//! The calls by which another process sets the stand-in up and looks at it.
//!
//! | call | body |
//! |---|---|
//! | `POST /_control/shops` | [`ShopSetup`] |
//! | `GET /_control/shops/{shop}` | answers [`ShopState`](super::ShopState) |
//! | `POST /_control/shops/{shop}/customers` | [`CustomerSetup`] |
//! | `POST /_control/shops/{shop}/listed/orders` | the body of a webhook about an order, to be listed |
//! | `POST /_control/shops/{shop}/listed/customers` | the same about a customer |
//! | `POST /_control/shops/{shop}/faults` | [`Scheduled`] |
//! | `DELETE /_control/shops/{shop}/faults` | |
//! | `POST /_control/shops/{shop}/settings` | [`SettingsChange`] |
//! | `POST /_control/shops/{shop}/spend` | `{"customer": "<number>", "amount": "1.00", "currency": "USD"}` |
//! | `POST /_control/clock` | `{"advance_seconds": 60}` |
//! | `GET /_control/clock` | answers `{"now": ...}` |

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::fault::Scheduled;
use super::server::Shared;
use super::shop::{CustomerSetup, SettingsChange, ShopSetup, money};

#[derive(Deserialize)]
struct Spend {
    customer: String,
    amount: String,
    currency: String,
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u64,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/_control/shops", post(add))
        .route("/_control/shops/{shop}", get(state))
        .route("/_control/shops/{shop}/customers", post(add_customer))
        .route("/_control/shops/{shop}/listed/{kind}", post(plant))
        .route("/_control/shops/{shop}/faults", post(add_fault).delete(clear_faults))
        .route("/_control/shops/{shop}/settings", post(settings))
        .route("/_control/shops/{shop}/spend", post(spend))
        .route("/_control/clock", get(now).post(advance))
}

async fn add(State(shared): State<Shared>, Json(setup): Json<ShopSetup>) -> Response {
    match shared.add_shop(setup) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}

async fn state(State(shared): State<Shared>, Path(shop): Path<String>) -> Response {
    match shared.with_shop(&shop, |shop| shop.state()) {
        Some(state) => Json(state).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn add_customer(
    State(shared): State<Shared>,
    Path(shop): Path<String>,
    Json(customer): Json<CustomerSetup>,
) -> StatusCode {
    let now = shared.clock.now();
    done(shared.with_shop(&shop, |shop| shop.add_customer(customer, now)))
}

async fn plant(
    State(shared): State<Shared>,
    Path((shop, kind)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let planted = shared.with_shop(&shop, |shop| match kind.as_str() {
        "orders" => Some(shop.bodies.plant_order(&body)),
        "customers" => Some(shop.bodies.plant_customer(&body)),
        _ => None,
    });
    match planted.flatten() {
        Some(true) => StatusCode::NO_CONTENT,
        Some(false) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::NOT_FOUND,
    }
}

async fn add_fault(
    State(shared): State<Shared>,
    Path(shop): Path<String>,
    Json(scheduled): Json<Scheduled>,
) -> StatusCode {
    done(shared.with_shop(&shop, |shop| shop.faults.push(scheduled)))
}

async fn clear_faults(State(shared): State<Shared>, Path(shop): Path<String>) -> StatusCode {
    done(shared.with_shop(&shop, |shop| shop.faults.clear()))
}

async fn settings(
    State(shared): State<Shared>,
    Path(shop): Path<String>,
    Json(change): Json<SettingsChange>,
) -> StatusCode {
    let now = shared.clock.now();
    done(shared.with_shop(&shop, |shop| shop.change(change, now)))
}

async fn spend(State(shared): State<Shared>, Path(shop): Path<String>, Json(spend): Json<Spend>) -> Response {
    let owner = format!("gid://shopify/Customer/{}", spend.customer);
    match money(&spend.amount, &spend.currency) {
        Ok(money) if shared.spend(&shop, &owner, money) => StatusCode::NO_CONTENT.into_response(),
        Ok(_) => (StatusCode::CONFLICT, "no such account, or not enough in it").into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}

async fn now(State(shared): State<Shared>) -> Response {
    Json(json!({ "now": shared.clock.now() })).into_response()
}

async fn advance(State(shared): State<Shared>, Json(advance): Json<Advance>) -> Response {
    shared.clock.advance(Duration::from_secs(advance.advance_seconds));
    now(State(shared)).await
}

fn done(found: Option<()>) -> StatusCode {
    if found.is_some() { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}
