//! Tasks, a schedule's or not, with what became of them of late.

use serde::Serialize;
use tradeup_proto::JobKind;
use tradeup_proto::schema::{self, FieldKind};
use tradeup_store::{Pool, overview};
use tradeup_worker::trigger::{Scheduled, startable};
use utoipa::ToSchema;

use super::runs::{Asked, Line, latest};
use super::when::{length, seconds};
use crate::access::Who;
use crate::failure::Failure;

/// What a schedule does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// It is about a month (`period`), and not about an instant (`as_of`).
    pub(crate) of_period: bool,
    /// Its latest runs.
    pub(crate) runs: Vec<Line>,
    /// How long they take; none if none has succeeded.
    pub(crate) durations: Option<Durations>,
}

/// How long the latest runs of a task took that have succeeded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Durations {
    /// Of so many.
    pub(crate) runs: i64,
    pub(crate) p50_seconds: f64,
    pub(crate) p99_seconds: f64,
    /// For people.
    pub(crate) p50: String,
    pub(crate) p99: String,
}

impl Durations {
    fn of(found: &overview::Durations) -> Option<Self> {
        let (half, nearly_all) = (found.half?, found.nearly_all?);
        Some(Self {
            runs: found.runs,
            p50_seconds: half,
            p99_seconds: nearly_all,
            p50: length(seconds(half)),
            p99: length(seconds(nearly_all)),
        })
    }
}

/// A field of a task's input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InputField {
    pub(crate) name: String,
    /// `text`, `number`, `flag`, `instant`, `choice` or `json`.
    pub(crate) kind: &'static str,
    /// Of a choice.
    pub(crate) choices: Vec<String>,
    pub(crate) about: String,
}

impl InputField {
    fn of(field: schema::Field) -> Self {
        let (kind, choices) = match field.kind {
            FieldKind::Text => ("text", Vec::new()),
            FieldKind::Number => ("number", Vec::new()),
            FieldKind::Flag => ("flag", Vec::new()),
            FieldKind::Instant => ("instant", Vec::new()),
            FieldKind::Choice(choices) => ("choice", choices),
            FieldKind::Json => ("json", Vec::new()),
        };
        Self { name: field.name, kind, choices, about: field.about }
    }
}

/// Any task, a schedule's or not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnyTask {
    pub(crate) name: &'static str,
    /// Whose workers execute it.
    pub(crate) service: &'static str,
    /// The message that is its input.
    pub(crate) input: &'static str,
    pub(crate) fields: Vec<InputField>,
    /// Why no run of it is started with an input of one's own.
    pub(crate) not_startable: Option<String>,
    /// Its latest runs.
    pub(crate) runs: Vec<Line>,
    /// How long they take; none if none has succeeded.
    pub(crate) durations: Option<Durations>,
}

/// Runs of one task that are shown.
const RUNS_OF_ONE: i64 = 20;

impl AnyTask {
    pub(crate) async fn read(pool: &Pool, who: &Who, name: &str) -> Result<Self, Failure> {
        let kind = JobKind::by_task(name).ok_or(Failure::NotFound)?;
        let asked = Asked { task: name.to_owned(), ..Asked::default() }.narrowed(who);
        let durations = overview::durations(pool, &[name.to_owned()], MEASURED).await?;
        Ok(Self {
            name: kind.task,
            service: kind.service,
            input: kind.input,
            fields: fields(kind)?.into_iter().map(InputField::of).collect(),
            not_startable: startable(kind).err(),
            runs: latest(pool, &asked, RUNS_OF_ONE).await?,
            durations: durations.first().and_then(Durations::of),
        })
    }
}

/// Names of all tasks, in their order.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = JobKind::ALL.iter().map(|kind| kind.task).collect();
    names.sort_unstable();
    names
}

/// The fields of a task's input.
pub(crate) fn fields(kind: JobKind) -> Result<Vec<schema::Field>, Failure> {
    schema::fields(kind.input).map_err(|error| {
        tracing::error!(task = kind.task, "a task's input is not known: {error}");
        Failure::Internal
    })
}

/// Latest runs of each task.
const RUNS: i64 = 5;
/// Runs of each whose lengths are added up.
const MEASURED: i64 = 1_000;

impl Task {
    pub(crate) async fn all(pool: &Pool, who: &Who) -> Result<Vec<Self>, Failure> {
        let names: Vec<String> = Scheduled::ALL.iter().map(|task| task.kind().task.to_owned()).collect();
        let durations = overview::durations(pool, &names, MEASURED).await?;
        let mut tasks = Vec::with_capacity(Scheduled::ALL.len());
        for task in Scheduled::ALL {
            let name = task.kind().task;
            let asked = Asked { task: name.to_owned(), ..Asked::default() }.narrowed(who);
            let runs = latest(pool, &asked, RUNS).await?;
            let of_period = task == Scheduled::MonthlyCredits;
            let durations = durations.iter().find(|found| found.task == name).and_then(Durations::of);
            tasks.push(Self { name, about: task.about(), of_period, runs, durations });
        }
        Ok(tasks)
    }
}
