//! Alerts.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::alerts::Alerts;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    frame: Frame,
    view: Alerts,
}

async fn alerts(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = Alerts::read(console.worker.pool()).await?;
    written(&Page { frame: Frame::of(&who, "alerts"), view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/alerts", get(alerts))
}
