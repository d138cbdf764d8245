//! What people and programs do: each on record with its reason. A page sends a form of its session, a program JSON.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod dead;
pub(crate) mod holds;
pub(crate) mod many;
mod operator;
pub(crate) mod plans;
pub(crate) mod replays;
pub(crate) mod reversals;
pub(crate) mod schedules;
pub(crate) mod start;
pub(crate) mod users;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_domain::Period;
use tradeup_store::dead_letters::{self, Discarded};
use tradeup_store::runs::{self, Created, Trigger};
use tradeup_store::schedules::now;
use tradeup_store::{TenantRef, Tx, audit};
use tradeup_worker::Relay;
use tradeup_worker::trigger::{Scheduled, When, monthly_backfill};
use utoipa::ToSchema;

use crate::Console;
use crate::api::document::{Problems, RunPath, TaskPath};
use crate::failure::{Done, Failure};
use crate::views::ledger;
use crate::views::run::{id, seen};
use crate::views::runs::instant;
use crate::views::tenants;

use operator::Number;
pub(crate) use operator::{Nothing, Operator, Said};

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

/// Tries again what is dead, cancelled or waiting in a run and below it.
#[utoipa::path(post, path = "/api/v1/runs/{id}/retry", params(RunPath), request_body = Said<Nothing>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn retry(
    State(console): State<Console>,
    Path(given): Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    let pool = console.worker.pool();
    let id = id(&given)?;
    seen(pool, &operator.who, id).await?;
    let mut tx = Tx::of_engine(pool).await?;
    let retried = dead_letters::retry(&mut tx, &[id], &operator.actor(), Discarded::Revive).await?;
    tx.commit().await?;
    if retried.total() == 0 {
        return Err(Failure::Conflict("Nothing there is dead, cancelled or waiting.".to_owned()));
    }
    let value = json!({ "dead": retried.dead, "cancelled": retried.cancelled, "waiting": retried.waiting });
    Ok(done(&format!("/runs/{id}"), value))
}

/// Cancels a run and all below it. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", params(RunPath), request_body = Said<Nothing>,
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

/// What a task is to be about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The month, for what is about one.
    #[serde(default)]
    period: String,
    /// The instant, for all else; now, if it is not said.
    #[serde(default)]
    as_of: String,
    /// The shop; all, if it is not said.
    #[serde(default)]
    tenant: String,
    /// How many members a shop's month would be given to, as it was shown.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    count: Number,
}

/// What a task is to be about, as it was said.
fn when(task: Scheduled, wanted: &Wanted) -> Result<When, Failure> {
    if task == Scheduled::MonthlyCredits {
        let period = wanted.period.trim().parse::<Period>();
        return period
            .map(When::Period)
            .map_err(|error| Failure::Invalid { field: "period", why: error.to_string() });
    }
    Ok(instant("as_of", &wanted.as_of)?.map_or(When::Now, When::Instant))
}

/// Does what a schedule does, now. Needs `reason`, and `period` or `as_of`; `tenant` narrows it to one shop.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/trigger", params(TaskPath), request_body = Said<Wanted>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn trigger(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<Wanted>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let wanted = &operator.what;
    let task = Scheduled::by_task(&name).ok_or(Failure::NotFound)?;
    let pool = console.worker.pool();
    let tenant = match wanted.tenant.trim() {
        "" => None,
        handle => {
            let shop = tenants::named(pool, &operator.who, handle).await?;
            Some(TenantRef { id: shop.id, handle: shop.handle })
        }
    };
    let when = when(task, wanted)?;
    // Whoever was shown how many it is about says so.
    let is_counted = operator.number("count", &wanted.count)?.is_some();
    let counted = match (when, &tenant, is_counted) {
        (When::Period(period), Some(of), true) => {
            operator.counts(&wanted.count, ledger::to_grant(pool, of.id, period).await?)?;
            Some((of.clone(), period))
        }
        _ => None,
    };
    let subject = json!({ "task": name, "tenant": tenant.as_ref().map(|tenant| &tenant.handle),
        "period": wanted.period, "as_of": wanted.as_of });
    let mut tx = Tx::of_engine(pool).await?;
    let now = now(&mut tx).await?;
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
        .route("/bulk-acts/{id}/stop", post(many::stop))
        .route("/runs/{id}/retry", post(retry))
        .route("/runs/{id}/cancel", post(cancel))
        .route("/runs/{id}/replay", post(dead::replay_edited))
        .route(&format!("/{dead}/{{group}}/replay"), post(dead::replay_group))
        .route(&format!("/{dead}/{{group}}/discard"), post(dead::discard_group))
        .route("/shops/{handle}/pause", post(holds::pause_shop))
        .route("/shops/{handle}/resume", post(holds::resume_shop))
        .route("/shops/{handle}/replays", post(replays::preview_replay))
        .route("/shops/{handle}/replays/{id}/start", post(replays::start_replay))
        .route("/shops/{handle}/reversals/{id}", post(reversals::reverse))
        .route("/shops/{handle}/plans/{run}/decide", post(plans::decide))
        .route("/shops/{handle}/campaigns/{campaign}/stop", post(plans::stop))
        .route("/shops/{handle}/agents/start", post(agents::start))
        .route("/shops/{handle}/agents/set", post(agents::set))
        .route("/agents/set", post(agents::set_all))
        .route("/holds/pause", post(holds::pause))
        .route("/holds/resume", post(holds::resume))
        .route("/holds/limit", post(holds::limit))
        .route("/schedules/{name}/pause", post(schedules::pause))
        .route("/schedules/{name}/resume", post(schedules::resume))
        .route("/schedules/{name}/set", post(schedules::set))
        .route("/schedules/{name}/remove", post(schedules::remove))
        .route("/schedules/{name}/catch-up", post(schedules::catch_up))
        .route("/schedules/{name}/backfill", post(schedules::backfill))
        .route("/tasks/{name}/trigger", post(trigger))
        .route("/tasks/{name}/start", post(start::start))
        .route("/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/alerts/test", post(alerts::test_channels))
        .route("/alerts/rules/{rule}", post(alerts::set_rule))
}
