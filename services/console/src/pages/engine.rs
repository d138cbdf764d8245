//! The engine as a whole: overview, audit.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tradeup_access::Act;
use tradeup_store::audit::{self, ActFilter, ActView};

use super::{charts, filters, written};
use crate::Console;
use crate::access::Who;
use crate::charts::Chart;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::overview::Overview;
use crate::views::said;
use crate::views::when::When;

/// Acts of a page.
const ACTS: i64 = 100;

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
    acts: Vec<(When, ActView)>,
    next: Option<String>,
}

async fn audit(
    State(console): State<Console>,
    who: Who,
    Query(which): Query<WhichActs>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let filter = ActFilter { actor: said(&which.actor), act: said(&which.act), before: which.before };
    let found = audit::list(console.worker.pool(), &filter, ACTS).await?;
    let full = i64::try_from(found.len()) == Ok(ACTS);
    let next = found.last().filter(|_| full).map(|act| act.id.to_string());
    let acts = found.into_iter().map(|act| (When(act.at), act)).collect();
    written(&AuditPage { frame: Frame::of(&who, "audit"), actor: which.actor, act: which.act, acts, next })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/", get(overview)).route("/audit", get(audit))
}
