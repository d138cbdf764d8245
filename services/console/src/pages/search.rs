//! Whatever somebody has in hand, found.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::search::{Search, Sought};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    sought: Sought,
    view: Search,
}

/// What can only be one thing is shown at once.
async fn search(
    State(console): State<Console>,
    who: Who,
    Query(sought): Query<Sought>,
) -> Result<Response, Failure> {
    let view = Search::read(console.worker.pool(), &who, &sought).await?;
    if let [one] = view.found.as_slice() {
        return Ok(Redirect::to(&one.page).into_response());
    }
    written(&SearchPage { frame: Frame::of(&who, "search"), sought, view })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/search", get(search))
}
