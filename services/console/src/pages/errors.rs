//! Runbooks of error codes and alerts: for whoever is signed in, since every page names codes.

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
    /// Address and name of the page that is about all of them, if this is about one.
    above: Option<(&'static str, &'static str)>,
    view: Runbook,
}

async fn all(who: Who) -> Result<Response, Failure> {
    let view = runbooks::index().ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "errors"), above: None, view })
}

async fn one(who: Who, Path(code): Path<String>) -> Result<Response, Failure> {
    let view = runbooks::of(&code).ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "errors"), above: Some(("/errors", "Error codes")), view })
}

async fn alerts(who: Who) -> Result<Response, Failure> {
    let view = runbooks::alerts().ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "alerts"), above: None, view })
}

async fn alert(who: Who, Path(name): Path<String>) -> Result<Response, Failure> {
    let view = runbooks::of_alert(&name).ok_or(Failure::NotFound)?;
    written(&RunbookPage { frame: Frame::of(&who, "alerts"), above: Some(("/runbooks", "Runbooks")), view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/errors", get(all))
        .route("/errors/{code}", get(one))
        .route("/runbooks", get(alerts))
        .route("/runbooks/{name}", get(alert))
}
