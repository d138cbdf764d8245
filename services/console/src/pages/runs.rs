//! Runs, and one of them.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;
use tradeup_proto::JobKind;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::run::{Run, id};
use crate::views::runs::{Asked, MANY_MAX, Runs, matching};

/// Every state that a run may be in.
const STATES: [&str; 8] =
    ["scheduled", "queued", "running", "waiting", "retrying", "succeeded", "dead", "cancelled"];

/// What can be done with all runs that match: the act, its button, and how it looks.
const MANY: [(&str, &str, &str); 2] = [("retry", "Try all again", "go"), ("cancel", "Cancel all", "danger")];

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    asked: Asked,
    view: Runs,
    tasks: Vec<&'static str>,
    states: [&'static str; 8],
    next: Option<String>,
    /// How many match in all, where something may be done with them: the address of the acts, too.
    many: Option<(u16, String)>,
}

async fn list(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let view = Runs::read(console.worker.pool(), &who, &asked).await?;
    let next = match view.next.clone() {
        Some(before) => Some(format!("/runs?{}", Asked { before, ..asked.clone() }.query()?)),
        None => None,
    };
    let many = if who.role.may(Act::Operate) && asked.narrows() && !view.runs.is_empty() {
        // A list that is on one page shows all of them.
        let number = match (&view.next, asked.before.is_empty()) {
            (None, true) => view.runs.len(),
            _ => matching(console.worker.pool(), &who, &asked).await?.len(),
        };
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        Some((number, Asked { before: String::new(), ..asked.clone() }.query()?))
    } else {
        None
    };
    let mut tasks: Vec<&str> = JobKind::ALL.iter().map(|kind| kind.task).collect();
    tasks.sort_unstable();
    written(&RunsPage { frame: Frame::of(&who, "runs"), asked, view, tasks, states: STATES, next, many })
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    view: Run,
    result: Option<String>,
}

async fn one(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Response, Failure> {
    let view = Run::read(console.worker.pool(), &who, id(&given)?).await?;
    let result = view.result.as_ref().map(|result| serde_json::to_string_pretty(result).unwrap_or_default());
    written(&RunPage { frame: Frame::of(&who, "runs"), view, result })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/runs", get(list)).route("/runs/{id}", get(one))
}
