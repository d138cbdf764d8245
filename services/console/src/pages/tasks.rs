//! What schedules do, to be triggered by hand.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tradeup_access::Act;
use tradeup_domain::Period;
use tradeup_store::schedules;
use tradeup_worker::trigger::Scheduled;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::runs::{Asked, Line, Runs};

/// Latest runs of each task.
const RUNS: usize = 5;

struct Task {
    name: &'static str,
    about: &'static str,
    /// It is about a month, and not about an instant.
    of_period: bool,
    runs: Vec<Line>,
}

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
    let mut tasks = Vec::with_capacity(Scheduled::ALL.len());
    for task in Scheduled::ALL {
        let asked = Asked { task: task.kind().task.to_owned(), ..Asked::default() };
        let mut runs = Runs::read(pool, &who, &asked).await?.runs;
        runs.truncate(RUNS);
        let of_period = task == Scheduled::MonthlyCredits;
        tasks.push(Task { name: task.kind().task, about: task.about(), of_period, runs });
    }
    let period = Period::of(now, chrono_tz::Tz::UTC).to_string();
    written(&TasksPage { frame: Frame::of(&who, "tasks"), tasks, period })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/tasks", get(list))
}
