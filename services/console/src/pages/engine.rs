//! The engine as a whole: overview, audit.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tradeup_access::Act;
use tradeup_store::audit::ActFilter;

use super::{charts, filters, written};
use crate::Console;
use crate::access::Who;
use crate::charts::Chart;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::audit::Acts;
use crate::views::overview::Overview;
use crate::views::said;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    view: Overview,
    /// How runs ended of late; none if none did.
    ended: Option<Chart>,
}

async fn overview(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    if let Some((_, handle)) = &who.tenant {
        return Ok(Redirect::to(&format!("/shops/{handle}")).into_response());
    }
    let view = Overview::read(&console).await?;
    let ended = charts::ended(&view.ended);
    written(&OverviewPage { frame: Frame::of(&who, "overview"), view, ended })
}

#[derive(Deserialize)]
struct WhichActs {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    act: String,
    before: Option<uuid::Uuid>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    actor: String,
    act: String,
    view: Acts,
}

async fn audit(
    State(console): State<Console>,
    who: Who,
    Query(which): Query<WhichActs>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let filter = ActFilter { actor: said(&which.actor), act: said(&which.act), before: which.before };
    let view = Acts::read(console.worker.pool(), &filter).await?;
    written(&AuditPage { frame: Frame::of(&who, "audit"), actor: which.actor, act: which.act, view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/", get(overview)).route("/audit", get(audit))
}
