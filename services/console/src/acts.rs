//! What people do: each by a form of their session, on record with its reason.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;
use tradeup_access::Act;
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::pauses::{self, Scope};
use tradeup_store::schedules::{self, EditError};
use tradeup_store::{Tx, runs};

use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::run::{Run, id};
use crate::views::tenants;

/// Runs a second that a replay sets going.
const RUNS_PER_SECOND: f64 = 100.0;

/// What every form sends.
#[derive(Deserialize)]
struct Said {
    form: String,
    #[serde(default)]
    reason: String,
    /// How many it is about, typed by the person: for what can't be taken back.
    #[serde(default)]
    count: String,
}

impl Said {
    /// The act may be done: the form is this session's, and the role may.
    fn may(&self, who: &Who) -> Result<(), Failure> {
        if !who.session.sent(&self.form) {
            return Err(Failure::Forged);
        }
        who.may(Act::Operate)
    }

    /// There has to be a reason.
    fn because(&self) -> Result<&str, Failure> {
        match self.reason.trim() {
            "" => Err(Failure::Invalid { field: "reason", why: "say why, for the record".to_owned() }),
            reason => Ok(reason),
        }
    }

    fn counts(&self, number: i64) -> Result<(), Failure> {
        if self.count.trim() == number.to_string() {
            return Ok(());
        }
        let why = format!("it is about {number} now; type that number");
        Err(Failure::Invalid { field: "count", why })
    }
}

fn back(to: &str) -> Response {
    Redirect::to(to).into_response()
}

async fn retry(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let pool = console.worker.pool();
    let id = id(&given)?;
    Run::read(pool, &who, id).await?;
    let mut tx = Tx::of_engine(pool).await?;
    let retried = dead_letters::retry(&mut tx, &[id], &who.actor(Some(&said.reason))).await?;
    tx.commit().await?;
    if retried.total() == 0 {
        return Err(Failure::Conflict("Nothing there is dead, cancelled or waiting.".to_owned()));
    }
    Ok(back(&format!("/runs/{id}")))
}

async fn cancel(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let because = said.because()?;
    let pool = console.worker.pool();
    let id = id(&given)?;
    Run::read(pool, &who, id).await?;
    let cancelled = runs::cancel(pool, &[id], &who.actor(Some(because))).await?;
    if cancelled.runs.is_empty() {
        return Err(Failure::Conflict("It has ended already, with everything below it.".to_owned()));
    }
    Ok(back(&format!("/runs/{id}")))
}

/// What is done with a group of dead letters.
enum With {
    Replay,
    Discard,
}

async fn see_to(
    console: &Console,
    who: &Who,
    group: &str,
    said: &Said,
    with: With,
) -> Result<Response, Failure> {
    said.may(who)?;
    let actor = who.actor(Some(said.because()?));
    let filter = DeadFilter { fingerprint: Some(group.to_owned()), ..DeadFilter::default() };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let letters = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    if letters.is_empty() {
        return Err(Failure::Conflict("Somebody has seen to all of them.".to_owned()));
    }
    said.counts(i64::try_from(letters.len()).unwrap_or(i64::MAX))?;
    match with {
        With::Replay => {
            let how = Replay { payload: None, runs_per_second: RUNS_PER_SECOND };
            dead_letters::replay(&mut tx, &letters, &how, &actor).await?;
        }
        With::Discard => {
            dead_letters::discard(&mut tx, &letters, &actor).await?;
        }
    }
    tx.commit().await?;
    Ok(back("/dead"))
}

async fn replay(
    State(console): State<Console>,
    who: Who,
    Path(group): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    see_to(&console, &who, &group, &said, With::Replay).await
}

async fn discard(
    State(console): State<Console>,
    who: Who,
    Path(group): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    see_to(&console, &who, &group, &said, With::Discard).await
}

async fn pause_shop(
    State(console): State<Console>,
    who: Who,
    Path(handle): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &who, &handle).await?;
    let actor = who.actor(Some(said.because()?));
    let mut tx = Tx::of_engine(pool).await?;
    let scope = Scope { tenant: Some(shop.id), ..Scope::default() };
    pauses::place(&mut tx, &scope, None, &actor).await?;
    tx.commit().await?;
    Ok(back(&format!("/shops/{}", shop.handle)))
}

async fn resume_shop(
    State(console): State<Console>,
    who: Who,
    Path(handle): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &who, &handle).await?;
    let mut tx = Tx::of_engine(pool).await?;
    let scope = Scope { tenant: Some(shop.id), ..Scope::default() };
    let lifted = pauses::lift(&mut tx, &scope, &who.actor(Some(&said.reason))).await?;
    tx.commit().await?;
    if lifted.is_none() {
        return Err(Failure::Conflict("It is not paused.".to_owned()));
    }
    Ok(back(&format!("/shops/{}", shop.handle)))
}

fn edited(result: Result<(), EditError>) -> Result<(), Failure> {
    result.map_err(|error| match error {
        EditError::Store(error) => error.into(),
        other => Failure::Conflict(other.to_string()),
    })
}

async fn pause_schedule(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let actor = who.actor(Some(said.because()?));
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    edited(schedules::pause(&mut tx, &name, None, &actor).await)?;
    tx.commit().await?;
    Ok(back("/schedules"))
}

async fn resume_schedule(
    State(console): State<Console>,
    who: Who,
    Path(name): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    said.may(&who)?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    edited(schedules::resume(&mut tx, &name, None, &who.actor(Some(&said.reason))).await)?;
    tx.commit().await?;
    Ok(back("/schedules"))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/runs/{id}/retry", post(retry))
        .route("/runs/{id}/cancel", post(cancel))
        .route("/dead/{group}/replay", post(replay))
        .route("/dead/{group}/discard", post(discard))
        .route("/shops/{handle}/pause", post(pause_shop))
        .route("/shops/{handle}/resume", post(resume_shop))
        .route("/schedules/{name}/pause", post(pause_schedule))
        .route("/schedules/{name}/resume", post(resume_schedule))
}
