//! What schedules do, to be triggered by hand.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;
use tradeup_domain::Period;
use tradeup_store::schedules;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::tasks::Task;

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    frame: Frame,
    tasks: Vec<Task>,
    /// The month that it is, in UTC.
    period: String,
}

async fn list(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let pool = console.worker.pool();
    let now = schedules::clock(pool).await?;
    let tasks = Task::all(pool, &who).await?;
    let period = Period::of(now, chrono_tz::Tz::UTC).to_string();
    written(&TasksPage { frame: Frame::of(&who, "tasks"), tasks, period })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/tasks", get(list))
}
