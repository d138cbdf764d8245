//! Runbooks of error codes: for whoever is signed in, since every page names codes.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::runbooks::{self, Runbook};

#[derive(Template)]
#[template(path = "errors.html")]
struct RunbookPage {
    frame: Frame,
    /// It is about all codes.
    is_index: bool,
    view: Runbook,
}

async fn all(who: Who) -> Result<Response, Failure> {
    let view = runbooks::index().ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "errors"), is_index: true, view })
}

async fn one(who: Who, Path(code): Path<String>) -> Result<Response, Failure> {
    let view = runbooks::of(&code).ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "errors"), is_index: false, view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/errors", get(all)).route("/errors/{code}", get(one))
}
