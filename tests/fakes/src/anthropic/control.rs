//! The calls by which another process sets the stand-in up and looks at it.
//!
//! | call | body |
//! |---|---|
//! | `POST /_control/faults` | [`Scheduled`]: `{"faults": [{"fault": "status", "code": 529}], "times": 2, "only": {"turn": 1}}` |
//! | `DELETE /_control/faults` | |
//! | `POST /_control/hold` | `{"at": "accepted", "only": {"turn": 1}}`: see [`Point`] and [`Fits`] |
//! | `POST /_control/release` | `{}` for all that are held, or `{"id": 3}` |
//! | `POST /_control/retire` | `{"model": "...", "at": "2026-11-30T00:00:00Z"}`; without `at`: now |
//! | `POST /_control/revive` | `{"model": "..."}` |
//! | `POST /_control/limits` | `{"family": "opus", "requests": 5, "input_tokens": 1000, "output_tokens": 1000}` |
//! | `GET /_control/ledger` | answers [`Ledger`]; with `?accepted=3&held=1&refused=0&ended=2` as soon as there are so many at least, or 408 after a minute |
//! | `GET /_control/bodies` | answers the bodies of all requests, as texts |
//! | `POST /_control/clock` | `{"advance_seconds": 60}` |
//! | `GET /_control/clock` | answers `{"now": ...}` |

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::fault::{Fault, Fits, Point, Scheduled};
use super::ledger::{End, Ledger};
use super::limit::Limits;
use super::profile::Family;
use super::server::Shared;

/// Who waits for something to happen waits no longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    at: Point,
    #[serde(default)]
    only: Fits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    model: String,
    at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Limited {
    family: Family,
    #[serde(flatten)]
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

/// At least so many.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Least {
    arrived: u64,
    accepted: usize,
    refused: usize,
    held: usize,
    ended: usize,
}

impl Least {
    fn is_reached(&self, ledger: &Ledger) -> bool {
        let ended = ledger.accepted.iter().filter(|entry| entry.end != End::Open).count();
        ledger.arrived >= self.arrived
            && ledger.accepted.len() >= self.accepted
            && ledger.refused.len() >= self.refused
            && ledger.held.len() >= self.held
            && ended >= self.ended
    }
}

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/_control/faults", post(add_faults).delete(clear_faults))
        .route("/_control/hold", post(hold))
        .route("/_control/release", post(release))
        .route("/_control/retire", post(retire))
        .route("/_control/revive", post(revive))
        .route("/_control/limits", post(limits))
        .route("/_control/ledger", get(ledger))
        .route("/_control/bodies", get(bodies))
        .route("/_control/clock", get(now).post(advance))
}

async fn add_faults(State(shared): State<Shared>, Json(scheduled): Json<Scheduled>) -> StatusCode {
    shared.change(|inside| inside.schedule.push(scheduled));
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    shared.change(|inside| inside.schedule.clear());
    StatusCode::NO_CONTENT
}

async fn hold(State(shared): State<Shared>, Json(hold): Json<Hold>) -> StatusCode {
    let scheduled = Scheduled::from(Fault::Hold { at: hold.at }).only(hold.only);
    shared.change(|inside| inside.schedule.push(scheduled));
    StatusCode::NO_CONTENT
}

async fn release(State(shared): State<Shared>, Json(release): Json<Release>) -> Response {
    Json(json!({ "released": shared.release(release.id) })).into_response()
}

async fn retire(State(shared): State<Shared>, Json(model): Json<Model>) -> StatusCode {
    let at = model.at.unwrap_or_else(|| shared.options.clock.now());
    shared.change(|inside| inside.retired.insert(model.model, at));
    StatusCode::NO_CONTENT
}

async fn revive(State(shared): State<Shared>, Json(model): Json<Model>) -> StatusCode {
    shared.change(|inside| inside.retired.remove(&model.model));
    StatusCode::NO_CONTENT
}

async fn limits(State(shared): State<Shared>, Json(limited): Json<Limited>) -> StatusCode {
    let now = shared.options.clock.now();
    shared.change(|inside| inside.buckets.set(limited.family, limited.limits, now));
    StatusCode::NO_CONTENT
}

async fn ledger(State(shared): State<Shared>, Query(least): Query<Least>) -> Response {
    match shared.until(PATIENCE, |ledger| least.is_reached(ledger)).await {
        Ok(ledger) => Json(ledger).into_response(),
        Err(ledger) => (StatusCode::REQUEST_TIMEOUT, Json(*ledger)).into_response(),
    }
}

async fn bodies(State(shared): State<Shared>) -> Response {
    Json(shared.inside().bodies.clone()).into_response()
}

async fn now(State(shared): State<Shared>) -> Response {
    Json(json!({ "now": shared.options.clock.now() })).into_response()
}

async fn advance(State(shared): State<Shared>, Json(advance): Json<Advance>) -> Response {
    shared.options.clock.advance(Duration::from_secs(advance.advance_seconds));
    now(State(shared)).await
}
