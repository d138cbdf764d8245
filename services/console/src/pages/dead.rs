//! Dead letters.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::dead::{Group, GroupStory, group, groups};

#[derive(Template)]
#[template(path = "dead.html")]
struct DeadPage {
    frame: Frame,
    groups: Vec<Group>,
}

async fn list(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let groups = groups(console.worker.pool()).await?;
    written(&DeadPage { frame: Frame::of(&who, "dead"), groups })
}

#[derive(Template)]
#[template(path = "dead_group.html")]
struct GroupPage {
    frame: Frame,
    view: GroupStory,
}

async fn one(
    State(console): State<Console>,
    who: Who,
    Path(fingerprint): Path<String>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = group(console.worker.pool(), &fingerprint).await?;
    written(&GroupPage { frame: Frame::of(&who, "dead"), view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/dead", get(list)).route("/dead/{group}", get(one))
}
