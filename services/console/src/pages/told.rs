//! What shops told, and what comes of telling it again.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::{filters, written};
use crate::Console;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::event::{EventAsked, OneEvent};
use crate::views::events::{self, Asked, Event};
use crate::views::replay::Replay;
use crate::views::tenants::Seen;

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    frame: Frame,
    shop: String,
    asked: Asked,
    events: Vec<Event>,
}

async fn list(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let events = events::list(console.worker.pool(), shop.id, &asked).await?;
    written(&EventsPage { frame: Frame::of(&who, "shops"), shop: shop.handle, asked, events })
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    frame: Frame,
    shop: String,
    view: OneEvent,
    input: Option<String>,
    result: Option<String>,
}

async fn one(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<EventAsked>,
) -> Result<Response, Failure> {
    let view = OneEvent::read(console.worker.pool(), &who, &shop, &id, &asked).await?;
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (input, result) = (view.input.as_ref().map(pretty), view.result.as_ref().map(pretty));
    written(&EventPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view, input, result })
}

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage {
    frame: Frame,
    shop: String,
    view: Replay,
}

async fn replay(
    State(console): State<Console>,
    Seen { who, shop }: Seen,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let view = Replay::read(console.worker.pool(), &who, &shop, &id).await?;
    written(&ReplayPage { frame: Frame::of(&who, "shops"), shop: shop.handle, view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/shops/{handle}/events", get(list))
        .route("/shops/{handle}/events/{id}", get(one))
        .route("/shops/{handle}/replays/{id}", get(replay))
}
