//! The paths of the batch API that this replaces: each scheduled task, one batch, one credit, and what became of it.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tradeup_access::Act;
use tradeup_domain::{Currency, Money, ValueClass};
use tradeup_proto::{convert, v1};
use tradeup_store::credits::was_asked_for;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{TenantRef, Tx, audit, members, overview, schedules, tenants as rows};
use tradeup_worker::Relay;
use tradeup_worker::trigger::{self as trigger_runs, Scheduled};
use utoipa::ToSchema;

use super::document::{Problems, RunPath, TaskPath};
use crate::Console;
use crate::access::Who;
use crate::acts::{self, Operator, done};
use crate::failure::{self, Failure};
use crate::views::run::{Run, id};
use crate::views::runs::{Asked, Line, Runs};
use crate::views::tenants;
use crate::views::when::{length, seconds};

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
const RUNS: usize = 5;
/// Runs of each whose lengths are added up.
const MEASURED: i64 = 1_000;

impl Task {
    pub(crate) async fn all(console: &Console, who: &Who) -> Result<Vec<Self>, Failure> {
        let names: Vec<String> = Scheduled::ALL.iter().map(|task| task.kind().task.to_owned()).collect();
        let durations = overview::durations(console.worker.pool(), &names, MEASURED).await?;
        let mut tasks = Vec::with_capacity(Scheduled::ALL.len());
        for task in Scheduled::ALL {
            let asked = Asked { task: task.kind().task.to_owned(), ..Asked::default() };
            let mut runs = Runs::read(console.worker.pool(), who, &asked).await?.runs;
            runs.truncate(RUNS);
            let of_period = task == Scheduled::MonthlyCredits;
            let name = task.kind().task;
            let durations = durations.iter().find(|found| found.task == name).and_then(Durations::of);
            tasks.push(Self { name, about: task.about(), of_period, runs, durations });
        }
        Ok(tasks)
    }
}

/// What schedules do, with the latest runs of each.
#[utoipa::path(get, path = "/api/scheduled-tasks",
    responses((status = 200, description = "Each of them.", body = Vec<Task>), Problems))]
pub(crate) async fn list(State(console): State<Console>, who: Who) -> Result<Json<Vec<Task>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Task::all(&console, &who).await?))
}

/// Does what a schedule does, now. The same month or instant again answers with the run that there is.
#[utoipa::path(post, path = "/api/scheduled-tasks/{name}", params(TaskPath), request_body = acts::Said,
    responses((status = 200, description = "Its run.", body = Object), Problems))]
pub(crate) async fn trigger(
    state: State<Console>,
    path: Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    acts::trigger(state, path, operator).await
}

/// Works on one batch again, by its run: what had taken effect stays as it is. One that is under way, or has succeeded,
/// is answered with a conflict.
#[utoipa::path(post, path = "/api/scheduled-tasks/batches/{id}", params(RunPath), request_body = acts::Said,
    responses((status = 200, description = "It is tried again.", body = Object), Problems))]
pub(crate) async fn batch(
    state: State<Console>,
    path: Path<String>,
    operator: Operator,
) -> Result<Response, Failure> {
    acts::retry(state, path, operator).await
}

/// What became of a run.
#[utoipa::path(get, path = "/api/scheduled-tasks/runs/{id}", params(RunPath),
    responses((status = 200, description = "The run.", body = Run), Problems))]
pub(crate) async fn status(
    State(console): State<Console>,
    who: Who,
    Path(given): Path<String>,
) -> Result<Json<Run>, Failure> {
    Ok(Json(Run::read(console.worker.pool(), &who, id(&given)?).await?))
}

/// One credit for one member.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Credit {
    /// The shop's handle.
    tenant: String,
    /// The member's customer id at the shop.
    member: String,
    /// How much, in the shop's currency, like 5.00.
    amount: String,
    /// What makes it unique for the shop: the same again gives nothing more, the key with anything else is refused.
    key: String,
    /// Why, in words for people.
    reason: String,
    /// When it ends; never, if it is not said.
    expires_at: Option<DateTime<Utc>>,
    /// Given for something, and not given away.
    #[serde(default)]
    paid: bool,
}

/// Gives one member one credit, once for each key.
#[utoipa::path(post, path = "/api/scheduled-tasks/credits", request_body = Credit,
    responses((status = 200, description = "The run that gives it.", body = Object), Problems))]
pub(crate) async fn credit(
    State(console): State<Console>,
    who: Who,
    body: Result<Json<Credit>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, Failure> {
    // A form of another site can't send JSON, so whoever does is no form.
    who.may(Act::MoveMoney)?;
    let invalid = |field: &'static str, why: String| Failure::Invalid { field, why };
    let Json(credit) = body.map_err(|error| invalid("body", error.body_text()))?;
    for (field, text) in [
        ("tenant", &credit.tenant),
        ("member", &credit.member),
        ("key", &credit.key),
        ("reason", &credit.reason),
    ] {
        if text.trim().is_empty() || text.contains('\0') {
            return Err(invalid(field, "it is empty, or has a NUL character in it".to_owned()));
        }
    }
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &who, &credit.tenant).await.map_err(|error| match error {
        Failure::NotFound => invalid("tenant", format!("there is no shop {:?}", credit.tenant)),
        other => other,
    })?;
    let tenant = rows::by_handle(pool, &shop.handle).await?.ok_or(Failure::NotFound)?;
    let currency: Currency = tenant.currency.parse().map_err(|_unknown| Failure::Internal)?;
    let amount =
        Money::parse(&credit.amount, currency).map_err(|error| invalid("amount", error.to_string()))?;
    let value_class = if credit.paid { ValueClass::Paid } else { ValueClass::Promotional };
    let grant = v1::GrantCredit {
        member_external_id: credit.member.clone(),
        amount: Some(v1::Money { amount_minor: amount.amount_minor, currency: currency.code().to_owned() }),
        reason: credit.reason.clone(),
        expires_at: credit.expires_at.map(convert::timestamp),
        value_class: convert::value_class_number(value_class),
        source_key: format!("manual:{}", credit.key),
    };
    let checked = convert::grant(&grant).map_err(|error| invalid("credit", error.to_string()))?;
    let mut tx = Tx::of_tenant(pool, tenant.id).await?;
    let now = schedules::now(&mut tx).await?;
    checked.beginning(now).map_err(|error| invalid("expires_at", error.to_string()))?;
    if members::by_external_id(&mut tx, tenant.id, &checked.member_external_id).await?.is_none() {
        return Err(invalid("member", format!("{} has no member with this customer id", shop.handle)));
    }
    tx.rollback().await?;
    let of = TenantRef { id: tenant.id, handle: tenant.handle };
    let new = trigger_runs::grant_credit(of, &grant, now, Trigger::Manual(who.name.clone()));
    let payload = new.payload.clone();
    let mut tx = Tx::of_engine(pool).await?;
    let created = runs::create(&mut tx, new).await?;
    if !created.is_new && !was_asked_for(&mut tx, created.run_id, &payload).await? {
        let why = format!("run {} has it already, with another credit; give another key", created.run_id);
        return Err(invalid("key", why));
    }
    if created.is_new {
        let subject = json!({ "tenant": shop.handle, "key": credit.key, "amount_minor": amount.amount_minor,
            "currency": currency.code(), "run": created.run_id.to_string() });
        audit::record(&mut tx, &who.actor(&credit.reason), "credit.grant", &subject).await?;
    }
    tx.commit().await?;
    // Without NATS the scheduler's sweep publishes it.
    Relay::new(console.worker.broker().clone()).publish_jobs(created.message.as_slice()).await;
    let value = json!({ "run_id": created.run_id.to_string(), "new": created.is_new });
    Ok(done(&format!("/runs/{}", created.run_id), value))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/", get(list))
        .route("/{name}", post(trigger))
        .route("/batches/{id}", post(batch))
        .route("/credits", post(credit))
        .route("/runs/{id}", get(status))
        .fallback(failure::no_such_page)
}
