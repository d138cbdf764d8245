//! What schedules do, to be triggered by hand.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value};
use tradeup_access::Act;
use tradeup_domain::Period;
use tradeup_store::schedules;

use super::{filters, written};
use crate::Console;
use crate::access::Who;
use crate::failure::{Failure, Query};
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
#[derive(Default, Deserialize)]
#[serde(default)]
struct Filled {
    tenant: String,
    key: String,
    /// JSON.
    input: String,
    /// It was tried out: nothing was done.
    checked: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    view: AnyTask,
    filled: Filled,
    input: Map<String, Value>,
}

impl TaskPage {
    /// What a field is filled in with.
    fn filled_in(&self, field: &str) -> String {
        match self.input.get(field) {
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
    Query(filled): Query<Filled>,
) -> Result<Response, Failure> {
    who.may(Act::SeeAll)?;
    let view = AnyTask::read(console.worker.pool(), &who, &name).await?;
    let input = serde_json::from_str(&filled.input).unwrap_or_default();
    written(&TaskPage { frame: Frame::of(&who, "tasks"), view, filled, input })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/tasks", get(list)).route("/tasks/{name}", get(one))
}
