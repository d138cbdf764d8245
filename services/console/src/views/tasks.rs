//! What schedules do, with what became of it of late.

use serde::Serialize;
use tradeup_store::{Pool, overview};
use tradeup_worker::trigger::Scheduled;
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
