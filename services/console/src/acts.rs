//! What people and programs do: each on record with its reason. A page sends a form of its session, a program JSON.

pub(crate) mod many;
mod operator;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tradeup_domain::Period;
use tradeup_store::audit::{self, Actor};
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::pauses::{self, Scope};
use tradeup_store::runs::{self, Created, Trigger};
use tradeup_store::{Pool, RunId, TenantRef, Tx, alerts, schedules};
use tradeup_worker::Relay;
use tradeup_worker::trigger::{Scheduled, When, monthly_backfill};
use uuid::Uuid;

use crate::Console;
use crate::api::document::{AlertPath, GroupPath, Problems, RunPath, SchedulePath, ShopPath, TaskPath};
use crate::failure::{Done, Failure};
use crate::views::ledger;
use crate::views::run::{id, seen};
use crate::views::runs::instant;
use crate::views::tenants;

pub(crate) use operator::{Operator, Said};

/// Runs a second that a replay sets going.
const RUNS_PER_SECOND: f64 = 100.0;

/// What was done: a browser is led to a page that shows it, a program is told.
pub(crate) fn done(to: &str, value: Value) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.extensions_mut().insert(Done(value));
    response
}

/// The run that an act has created, or has found there; what is new is published.
pub(crate) async fn begun(console: &Console, created: Created) -> Response {
    // Without NATS the scheduler's sweep publishes it.
    Relay::new(console.worker.broker().clone()).publish_jobs(created.message.as_slice()).await;
    let value = json!({ "run_id": created.run_id.to_string(), "new": created.is_new });
    done(&format!("/runs/{}", created.run_id), value)
}

async fn retry_all(pool: &Pool, ids: &[RunId], actor: &Actor, to: &str) -> Result<Response, Failure> {
    let mut tx = Tx::of_engine(pool).await?;
    let retried = dead_letters::retry(&mut tx, ids, actor).await?;
    tx.commit().await?;
    if retried.total() == 0 {
        return Err(Failure::Conflict("Nothing there is dead, cancelled or waiting.".to_owned()));
    }
    let value = json!({ "dead": retried.dead, "cancelled": retried.cancelled, "waiting": retried.waiting });
    Ok(done(to, value))
}

/// Tries again what is dead, cancelled or waiting in a run and below it.
#[utoipa::path(post, path = "/api/v1/runs/{id}/retry", params(RunPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn retry(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let id = id(&given)?;
    seen(pool, &operator.who, id).await?;
    retry_all(pool, &[id], &operator.actor(), &format!("/runs/{id}")).await
}

/// Cancels a run and all below it. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", params(RunPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn cancel(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let pool = console.worker.pool();
    let id = id(&given)?;
    seen(pool, &operator.who, id).await?;
    let cancelled = runs::cancel(pool, &[id], &actor).await?;
    if cancelled.runs.is_empty() {
        return Err(Failure::Conflict("It has ended already, with everything below it.".to_owned()));
    }
    Ok(done(&format!("/runs/{id}"), json!({ "cancelled": cancelled.runs.len() })))
}

/// What is done with a group of dead letters.
#[derive(Clone, Copy)]
enum With {
    Replay,
    Discard,
}

async fn see_to(
    console: &Console,
    group: String,
    operator: &Operator,
    with: With,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let filter = DeadFilter { fingerprint: Some(group), ..DeadFilter::default() };
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let letters = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, i64::MAX).await?;
    if letters.is_empty() {
        return Err(Failure::Conflict("Somebody has seen to all of them.".to_owned()));
    }
    operator.said.counts(i64::try_from(letters.len()).unwrap_or(i64::MAX))?;
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
    Ok(done("/dead", json!({ "letters": letters.len() })))
}

/// Tries the dead letters of one cause again. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/dead-letters/{group}/replay", params(GroupPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn replay_group(
    State(console): State<Console>,
    Path(group): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    see_to(&console, group, &operator, With::Replay).await
}

/// Sets the dead letters of one cause aside. Needs `reason` and `count`.
#[utoipa::path(post, path = "/api/v1/dead-letters/{group}/discard", params(GroupPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn discard_group(
    State(console): State<Console>,
    Path(group): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    see_to(&console, group, &operator, With::Discard).await
}

/// Holds back what comes next of a shop. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/pause", params(ShopPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn pause_shop(
    State(console): State<Console>,
    Path(handle): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let actor = operator.because()?;
    let mut tx = Tx::of_engine(pool).await?;
    let scope = Scope { tenant: Some(shop.id), ..Scope::default() };
    pauses::place(&mut tx, &scope, None, &actor).await?;
    tx.commit().await?;
    Ok(done(&format!("/shops/{}", shop.handle), json!({ "paused": true })))
}

/// Lets a shop go on.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/resume", params(ShopPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn resume_shop(
    State(console): State<Console>,
    Path(handle): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let mut tx = Tx::of_engine(pool).await?;
    let scope = Scope { tenant: Some(shop.id), ..Scope::default() };
    let lifted = pauses::lift(&mut tx, &scope, &operator.actor()).await?;
    tx.commit().await?;
    if lifted.is_none() {
        return Err(Failure::Conflict("It is not paused.".to_owned()));
    }
    Ok(done(&format!("/shops/{}", shop.handle), json!({ "paused": false })))
}

/// Pauses a schedule. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/pause", params(SchedulePath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn pause_schedule(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    schedules::pause(&mut tx, &name, None, &actor).await?;
    tx.commit().await?;
    Ok(done("/schedules", json!({ "paused": true })))
}

/// Lets a schedule fire again.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/resume", params(SchedulePath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn resume_schedule(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    schedules::resume(&mut tx, &name, None, &operator.actor()).await?;
    tx.commit().await?;
    Ok(done("/schedules", json!({ "paused": false })))
}

/// Takes an alert: nobody is reminded of it any more.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", params(AlertPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn acknowledge(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let id = given.parse::<Uuid>().map_err(|_no_id| Failure::NotFound)?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let taken = alerts::acknowledge(&mut tx, &[id], &operator.actor()).await?;
    tx.commit().await?;
    if taken.is_empty() {
        return Err(Failure::Conflict("It is over, or somebody has it already.".to_owned()));
    }
    Ok(done("/alerts", json!({ "acknowledged": taken })))
}

/// Sends a test to every channel.
#[utoipa::path(post, path = "/api/v1/alerts/test", request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn test_channels(
    State(console): State<Console>,
    operator: Operator,
) -> Result<Response, Failure> {
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let messages = alerts::tell_all(&mut tx).await?;
    audit::record(&mut tx, &operator.actor(), "alert.test", &json!({ "channels": messages })).await?;
    tx.commit().await?;
    if messages == 0 {
        return Err(Failure::Conflict("No channel is set: nobody would be told.".to_owned()));
    }
    Ok(done("/alerts", json!({ "messages": messages })))
}

/// What a task is to be about, as it was said.
fn when(task: Scheduled, said: &Said) -> Result<When, Failure> {
    if task == Scheduled::MonthlyCredits {
        let period = said.period.trim().parse::<Period>();
        return period
            .map(When::Period)
            .map_err(|error| Failure::Invalid { field: "period", why: error.to_string() });
    }
    Ok(instant("as_of", &said.as_of)?.map_or(When::Now, When::Instant))
}

/// Does what a schedule does, now. Needs `reason`, and `period` or `as_of`; `tenant` narrows it to one shop.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/trigger", params(TaskPath), request_body = Said,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn trigger(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let said = &operator.said;
    let task = Scheduled::ALL.into_iter().find(|task| task.kind().task == name).ok_or(Failure::NotFound)?;
    let pool = console.worker.pool();
    let tenant = match said.tenant.trim() {
        "" => None,
        handle => {
            let shop = tenants::named(pool, &operator.who, handle).await?;
            Some(TenantRef { id: shop.id, handle: shop.handle })
        }
    };
    let when = when(task, said)?;
    // Whoever was shown how many it is about says so.
    let counted = match (when, &tenant, said.counted()) {
        (When::Period(period), Some(of), true) => {
            said.counts(ledger::to_grant(pool, of.id, period).await?)?;
            Some((of.clone(), period))
        }
        _ => None,
    };
    let subject = json!({ "task": name, "tenant": tenant.as_ref().map(|tenant| &tenant.handle),
        "period": said.period, "as_of": said.as_of });
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    let new = task
        .by_hand(tenant, when, now, &operator.who.name)
        .map_err(|error| Failure::Conflict(error.to_string()))?;
    let mut created = runs::create(&mut tx, new).await?;
    if let (false, Some((of, period))) = (created.is_new, counted) {
        // The month's run knew of fewer members than there are now: they are made up for.
        let existing = seen(pool, &operator.who, created.run_id).await?;
        if existing.state != "succeeded" {
            let why =
                format!("The run of that month is {}: see to {} first.", existing.state, existing.run_id);
            return Err(Failure::Conflict(why));
        }
        let by = Trigger::Manual(operator.who.name.clone());
        created = runs::create(&mut tx, monthly_backfill(of, period, now, by)).await?;
    }
    audit::record(&mut tx, &actor, "runs.trigger", &subject).await?;
    tx.commit().await?;
    Ok(begun(&console, created).await)
}

/// The same paths on pages and below the API, but for dead letters, which a page calls shorter.
pub(crate) fn routes(dead: &str) -> Router<Console> {
    Router::new()
        .route("/runs/retry", post(many::retry_many))
        .route("/runs/cancel", post(many::cancel_many))
        .route("/runs/{id}/retry", post(retry))
        .route("/runs/{id}/cancel", post(cancel))
        .route(&format!("/{dead}/{{group}}/replay"), post(replay_group))
        .route(&format!("/{dead}/{{group}}/discard"), post(discard_group))
        .route("/shops/{handle}/pause", post(pause_shop))
        .route("/shops/{handle}/resume", post(resume_shop))
        .route("/schedules/{name}/pause", post(pause_schedule))
        .route("/schedules/{name}/resume", post(resume_schedule))
        .route("/tasks/{name}/trigger", post(trigger))
        .route("/alerts/{id}/acknowledge", post(acknowledge))
        .route("/alerts/test", post(test_channels))
}
