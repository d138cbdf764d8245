//! What holds runs back, and what was done with many of them together.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;
use tradeup_domain::Dependency;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::bulk_acts::BulkAct;
use crate::views::holds::Holds;
use crate::views::tasks;

#[derive(Template)]
#[template(path = "holds.html")]
struct HoldsPage {
    frame: Frame,
    view: Holds,
    tasks: Vec<&'static str>,
    dependencies: Vec<&'static str>,
}

async fn holds(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = Holds::read(console.worker.pool()).await?;
    let dependencies = Dependency::ALL.map(Dependency::as_str).to_vec();
    written(&HoldsPage { frame: Frame::of(&who, "holds"), view, tasks: tasks::names(), dependencies })
}

#[derive(Template)]
#[template(path = "bulk_acts.html")]
struct BulkActsPage {
    frame: Frame,
    acts: Vec<BulkAct>,
}

async fn bulk_acts(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let acts = BulkAct::list(console.worker.pool()).await?;
    written(&BulkActsPage { frame: Frame::of(&who, "runs"), acts })
}

#[derive(Template)]
#[template(path = "bulk_act.html")]
struct BulkActPage {
    frame: Frame,
    act: BulkAct,
}

async fn bulk_act(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let act = BulkAct::read(console.worker.pool(), &given).await?;
    written(&BulkActPage { frame: Frame::of(&who, "runs"), act })
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/holds", get(holds))
        .route("/bulk-acts", get(bulk_acts))
        .route("/bulk-acts/{id}", get(bulk_act))
}
