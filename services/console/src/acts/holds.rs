//! What holds runs back, placed and lifted: pauses and limits.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_proto::JobKind;
use tradeup_store::limits::{self, Limit};
use tradeup_store::pauses::{self, Scope};
use tradeup_store::{TenantId, Tx};
use utoipa::ToSchema;

use super::operator::{Flag, Number};
use super::{Nothing, Operator, Said, done};
use crate::Console;
use crate::api::document::{Problems, ShopPath};
use crate::failure::Failure;
use crate::views::runs::instant;
use crate::views::{said, tenants};

/// Holds back what comes next of a shop. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/pause", params(ShopPath), request_body = Said<Nothing>,
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
#[utoipa::path(post, path = "/api/v1/shops/{handle}/resume", params(ShopPath), request_body = Said<Nothing>,
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

/// What a pause is about: the runs that match all that is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paused {
    /// Of this shop; of all, if it is not said.
    #[serde(default)]
    tenant: String,
    /// Of this task; of all, if it is not said.
    #[serde(default)]
    task: String,
    /// That need this, like `ledger`; whatever they need, if it is not said.
    #[serde(default)]
    dependency: String,
    /// Every run of every shop: that is never meant by saying nothing.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    everything: Flag,
    /// When it ends by itself; never, if it is not said.
    #[serde(default)]
    until: String,
}

async fn tenant<T>(
    console: &Console,
    operator: &Operator<T>,
    handle: &str,
) -> Result<Option<TenantId>, Failure> {
    let Some(handle) = said(handle) else { return Ok(None) };
    Ok(Some(tenants::named(console.worker.pool(), &operator.who, &handle).await?.id))
}

fn known_task(task: String) -> Result<String, Failure> {
    match JobKind::by_task(&task) {
        Some(_) => Ok(task),
        None => Err(Failure::Invalid { field: "task", why: format!("there is no task {task:?}") }),
    }
}

async fn scope(console: &Console, operator: &Operator<Paused>) -> Result<Scope, Failure> {
    let what = &operator.what;
    let dependency = said(&what.dependency).map(|name| name.parse::<Dependency>()).transpose();
    let scope = Scope {
        tenant: tenant(console, operator, &what.tenant).await?,
        task: said(&what.task).map(known_task).transpose()?,
        dependency: dependency
            .map_err(|error| Failure::Invalid { field: "dependency", why: error.to_string() })?,
    };
    if scope == Scope::default() && !what.everything.0 {
        let why = "say tenant, task or dependency, or everything".to_owned();
        return Err(Failure::Invalid { field: "everything", why });
    }
    Ok(scope)
}

/// Holds back runs that come next, whichever match all that is said; those under way end. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/holds/pause", request_body = Said<Paused>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn pause(
    State(console): State<Console>,
    operator: Operator<Paused>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let scope = scope(&console, &operator).await?;
    let until = instant("until", &operator.what.until)?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let id = pauses::place(&mut tx, &scope, until, &actor).await?;
    tx.commit().await?;
    Ok(done("/holds", json!({ "pause": id })))
}

/// Lifts the pause of exactly this scope; what it held back goes on, spread over time. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/holds/resume", request_body = Said<Paused>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn resume(
    State(console): State<Console>,
    operator: Operator<Paused>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let scope = scope(&console, &operator).await?;
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    let lifted = pauses::lift(&mut tx, &scope, &actor).await?;
    tx.commit().await?;
    let Some(runs) = lifted else {
        return Err(Failure::Conflict("There is no such pause.".to_owned()));
    };
    Ok(done("/holds", json!({ "runs": runs })))
}

/// How many runs of a task a shop may have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limited {
    /// The task.
    task: String,
    /// The shop; each that has no limit of its own, if it is not said.
    #[serde(default)]
    tenant: String,
    /// Runs at once; any number, if it is not said.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    running_max: Number,
    /// Runs begun in a minute; any number, if it is not said.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    per_minute: Number,
    /// To remove it.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    remove: Flag,
}

/// Limits how many runs of a task a shop has at once or begins in a minute, or removes that limit. Who is above it
/// waits. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/holds/limit", request_body = Said<Limited>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn limit(
    State(console): State<Console>,
    operator: Operator<Limited>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let what = &operator.what;
    let most = |field: &'static str, given: &Number| -> Result<Option<i32>, Failure> {
        let Some(number) = operator.number(field, given)? else { return Ok(None) };
        match i32::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Failure::Invalid { field, why: "give a number of 1 or more".to_owned() }),
        }
    };
    let limit = Limit {
        tenant: tenant(&console, &operator, &what.tenant).await?,
        task: known_task(what.task.trim().to_owned())?,
        running_max: most("running_max", &what.running_max)?,
        per_minute: most("per_minute", &what.per_minute)?,
    };
    let has_number = limit.running_max.is_some() || limit.per_minute.is_some();
    if has_number == what.remove.0 {
        let why = "give running_max, per_minute or both; or remove, and no number".to_owned();
        return Err(Failure::Invalid { field: "running_max", why });
    }
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    limits::set(&mut tx, &limit, &actor).await?;
    tx.commit().await?;
    let value =
        json!({ "task": limit.task, "running_max": limit.running_max, "per_minute": limit.per_minute });
    Ok(done("/holds", value))
}
