//! Runs, and one of them.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;
use tradeup_access::Act;
use tradeup_store::runs::{STATES, TRIGGERS, UNFINISHED};
use tradeup_store::schedules;

use super::{filters, timeline, written};
use crate::Console;
use crate::access::Who;
use crate::charts::timeline::Timeline;
use crate::failure::{Failure, Query};
use crate::frame::Frame;
use crate::views::ended::EndedHour;
use crate::views::overview;
use crate::views::run::{Run, id};
use crate::views::runs::{Asked, MANY_MAX, Runs, counted};
use crate::views::tasks;

/// What can be done with all runs that match: the act, its button, how it looks, and what it would do.
const MANY: [(&str, &str, &str, &str); 2] =
    [("retry", "Try all again", "go", "Would try again"), ("cancel", "Cancel all", "danger", "Would cancel")];

/// What matches in all.
struct Many {
    /// How many runs, and one more than [`MANY_MAX`] if there are more.
    number: i64,
    /// How many of each state.
    by_state: Vec<(String, i64)>,
    /// What they are narrowed to, in words.
    about: String,
    /// The address of the acts.
    query: String,
}

impl Many {
    async fn of(console: &Console, who: &Who, asked: &Asked) -> Result<Self, Failure> {
        let (asked, mut by_state) = counted(console.worker.pool(), who, asked).await?;
        by_state.sort_unstable();
        let number = by_state.iter().map(|(_, runs)| runs).sum();
        Ok(Self { number, by_state, about: asked.words(), query: asked.query()? })
    }

    /// What an act would do, in words.
    fn effect(&self, act: &str) -> String {
        let acted_on: &[&str] = match act {
            "retry" => &["dead", "cancelled", "retrying", "scheduled"],
            _ => &UNFINISHED,
        };
        let of =
            |state: &str| self.by_state.iter().find(|(name, _)| name == state).map_or(0, |(_, runs)| *runs);
        let acted: i64 = acted_on.iter().map(|state| of(state)).sum();
        format!("{acted} of {}, and what is below any of them", self.number)
    }
}

/// How many runs there are in a state.
struct StateOf {
    state: String,
    runs: i64,
    /// Those that ended of late alone.
    ended: bool,
}

/// Runs that have not ended and those that ended within two days, by state: on the first page, of whoever sees all shops.
async fn states(console: &Console, who: &Who, asked: &Asked) -> Result<Vec<StateOf>, Failure> {
    if who.role.may(Act::SeeAll) && asked.before.trim().is_empty() {
        let pool = console.worker.pool();
        let mut states: Vec<StateOf> = overview::unfinished(pool)
            .await?
            .into_iter()
            .map(|count| StateOf { state: count.state, runs: count.runs, ended: false })
            .collect();
        let hours = console.ended.hours(pool, schedules::clock(pool).await?).await?;
        let sum = |of: fn(&EndedHour) -> i64| hours.iter().map(of).sum::<i64>();
        for (state, runs) in [
            ("dead", sum(|hour| hour.failed)),
            ("cancelled", sum(|hour| hour.cancelled)),
            ("succeeded", sum(|hour| hour.succeeded)),
        ] {
            if runs > 0 {
                states.push(StateOf { state: state.to_owned(), runs, ended: true });
            }
        }
        return Ok(states);
    }
    Ok(Vec::new())
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    asked: Asked,
    view: Runs,
    /// How many there are in all.
    counts: Vec<StateOf>,
    tasks: Vec<&'static str>,
    states: [&'static str; 8],
    triggers: [&'static str; 4],
    next: Option<String>,
    /// The address of what may be done with all that match. They are counted there: with ten million runs that takes
    /// longer than the list.
    many: Option<String>,
}

#[derive(Template)]
#[template(path = "runs_many.html")]
struct ManyPage {
    frame: Frame,
    many: Many,
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
    let many = match who.role.may(Act::Operate) && asked.narrows() && !view.runs.is_empty() {
        true => Some(asked.narrowed(&who).query()?),
        false => None,
    };
    let counts = states(&console, &who, &asked).await?;
    let (frame, tasks) = (Frame::of(&who, "runs"), tasks::names());
    written(&RunsPage { frame, asked, view, counts, tasks, states: STATES, triggers: TRIGGERS, next, many })
}

async fn many(
    State(console): State<Console>,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    who.may(Act::Operate)?;
    let many = Many::of(&console, &who, &asked).await?;
    written(&ManyPage { frame: Frame::of(&who, "runs"), many })
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    view: Run,
    /// Its attempts and what is below it; none if there is nothing that its tables do not show.
    timeline: Option<Timeline>,
    payload: Option<String>,
    result: Option<String>,
    /// Where its trace is shown.
    trace: Option<String>,
}

async fn one(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Response, Failure> {
    let id = id(&given)?;
    let view = Run::read(console.worker.pool(), &who, id).await?;
    // Traces are about all shops.
    let links = console.traces.as_ref().filter(|_| who.role.may(Act::SeeAll));
    let trace = match links {
        Some(links) => links.of(console.worker.pool(), id).await?,
        None => None,
    };
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (payload, result) = (view.payload.as_ref().map(pretty), view.result.as_ref().map(pretty));
    let timeline = timeline::timeline(&view);
    written(&RunPage { frame: Frame::of(&who, "runs"), view, timeline, payload, result, trace })
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/runs", get(list)).route("/runs/many", get(many)).route("/runs/{id}", get(one))
}
