//! The paths of the batch API that this replaces: each scheduled task, one batch, one credit, and what became of it.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use tradeup_access::Act;
use tradeup_proto::convert;
use tradeup_store::credits::was_asked_for;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{TenantRef, Tx, audit, members, schedules};
use tradeup_worker::trigger::{ManualGrant, ManualGrantError, grant_credit};
use utoipa::ToSchema;

use super::document::{Problems, RunPath, TaskPath};
use crate::Console;
use crate::access::Who;
use crate::acts::{self, Operator, begun};
use crate::failure::{self, Failure};
use crate::views::run::Run;
use crate::views::tasks::Task;
use crate::views::tenants;

/// What schedules do, with the latest runs of each.
#[utoipa::path(get, path = "/api/scheduled-tasks",
    responses((status = 200, description = "Each of them.", body = Vec<Task>), Problems))]
pub(crate) async fn list(State(console): State<Console>, who: Who) -> Result<Json<Vec<Task>>, Failure> {
    who.may(Act::SeeAll)?;
    Ok(Json(Task::all(console.worker.pool(), &who).await?))
}

/// Does what a schedule does, now. The same month or instant again answers with the run that there is.
#[utoipa::path(post, path = "/api/scheduled-tasks/{name}", params(TaskPath), request_body = acts::Said<acts::Wanted>,
    responses((status = 200, description = "Its run.", body = Object), Problems))]
pub(crate) async fn trigger(
    state: State<Console>,
    path: Path<String>,
    operator: Operator<acts::Wanted>,
) -> Result<Response, Failure> {
    acts::trigger(state, path, operator).await
}

/// Works on one batch again, by its run: what had taken effect stays as it is. One that is under way, or has succeeded,
/// is answered with a conflict.
#[utoipa::path(post, path = "/api/scheduled-tasks/batches/{id}", params(RunPath), request_body = acts::Said<acts::Nothing>,
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
    state: State<Console>,
    who: Who,
    path: Path<String>,
) -> Result<Json<Run>, Failure> {
    super::run(state, who, path).await
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
    body: Result<Json<Credit>, JsonRejection>,
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
        failure::without_nul(field, text)?;
        if text.trim().is_empty() {
            return Err(invalid(field, "it is empty".to_owned()));
        }
    }
    let pool = console.worker.pool();
    let tenant = tenants::named(pool, &who, &credit.tenant).await?;
    let manual = ManualGrant {
        member: &credit.member,
        amount: &credit.amount,
        key: &credit.key,
        reason: &credit.reason,
        expires_at: credit.expires_at,
        paid: credit.paid,
    };
    let grant = manual.input(&tenant.currency).map_err(|error| match error {
        ManualGrantError::Currency => Failure::Internal,
        ManualGrantError::Amount(error) => invalid("amount", error.to_string()),
    })?;
    let checked = convert::grant(&grant).map_err(|error| invalid("credit", error.to_string()))?;
    let mut tx = Tx::of_tenant(pool, tenant.id).await?;
    let now = schedules::now(&mut tx).await?;
    checked.beginning(now).map_err(|error| invalid("expires_at", error.to_string()))?;
    if members::by_external_id(&mut tx, tenant.id, &checked.member_external_id).await?.is_none() {
        return Err(invalid("member", format!("{} has no member with this customer id", tenant.handle)));
    }
    tx.rollback().await?;
    let of = TenantRef { id: tenant.id, handle: tenant.handle.clone() };
    let new = grant_credit(of, &grant, now, Trigger::Manual(who.name.clone()));
    let payload = new.payload.clone();
    let mut tx = Tx::of_engine(pool).await?;
    let created = runs::create(&mut tx, new).await?;
    if !created.is_new && !was_asked_for(&mut tx, created.run_id, &payload).await? {
        let why = format!("run {} has it already, with another credit; give another key", created.run_id);
        return Err(invalid("key", why));
    }
    if created.is_new {
        let amount = checked.amount;
        let subject = json!({ "tenant": tenant.handle, "key": credit.key, "amount_minor": amount.amount_minor,
            "currency": amount.currency.code(), "run": created.run_id.to_string() });
        audit::record(&mut tx, &who.actor(&credit.reason), "credit.grant", &subject).await?;
    }
    tx.commit().await?;
    Ok(begun(&console, created).await)
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
