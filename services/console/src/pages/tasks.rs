//! What schedules do, to be triggered by hand; and every task, with a form made from its message.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;
use tradeup_access::Act;
use tradeup_domain::Period;
use tradeup_store::schedules;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::views::tasks::{self, AnyTask, Task};

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    frame: Frame,
    tasks: Vec<Task>,
    /// The month that it is, in UTC.
    period: String,
    /// Names of all tasks, a schedule's or not.
    all: Vec<&'static str>,
}

async fn list(State(console): State<Console>, who: Who) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let pool = console.worker.pool();
    let now = schedules::clock(pool).await?;
    let tasks = Task::all(pool, &who).await?;
    let period = Period::of(now, chrono_tz::Tz::UTC).to_string();
    written(&TasksPage { frame: Frame::of(&who, "tasks"), tasks, period, all: tasks::names() })
}

/// What a form is filled in with.
#[derive(Default)]
pub(crate) struct Filled {
    pub(crate) tenant: String,
    pub(crate) key: String,
    /// As it was understood when it was tried out; nothing was done.
    pub(crate) input: Option<Value>,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    view: AnyTask,
    filled: Filled,
}

impl TaskPage {
    /// What a field is filled in with.
    fn filled_in(&self, field: &str) -> String {
        match self.filled.input.as_ref().and_then(|input| input.get(field)) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }
}

async fn one(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    page(&console, &who, &name, Filled::default()).await
}

/// A task's page, with its form filled in.
pub(crate) async fn page(
    console: &Console,
    who: &Who,
    name: &str,
    filled: Filled,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = AnyTask::read(console.worker.pool(), who, name).await?;
    written(&TaskPage { frame: Frame::of(who, "tasks"), view, filled })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/tasks", get(list)).route("/tasks/{name}", get(one))
}
