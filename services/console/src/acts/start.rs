//! A run of any task, with an input that a person has written.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tradeup_access::Act;
use tradeup_proto::schema::FieldKind;
use tradeup_proto::{JobKind, json as payload_json};
use tradeup_store::credits::was_asked_for;
use tradeup_store::{TenantRef, Tx, audit, runs, schedules};
use tradeup_worker::trigger::{by_kind, checked_key, startable};
use utoipa::ToSchema;

use super::operator::Flag;
use super::{Operator, Said, begun, done};
use crate::Console;
use crate::api::document::{Problems, TaskPath};
use crate::failure::Failure;
use crate::pages::tasks::{self, Filled};
use crate::views::tasks::fields;
use crate::views::{said, tenants};

/// A run to be started.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Started {
    /// The shop that it is about; none, if it is not said.
    #[serde(default)]
    tenant: String,
    /// With task and shop, what makes it unique: the same again answers with the run that there is.
    key: String,
    /// Its input: fields as the task names them.
    #[serde(default)]
    #[schema(value_type = Object)]
    input: Value,
    /// To be told what would be started, with nothing done.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    dry_run: Flag,
    /// What a form has: `input.FIELD` for each.
    #[serde(flatten)]
    #[schema(ignore)]
    typed: BTreeMap<String, Value>,
}

/// The input as JSON, of a form's fields or as it was given.
fn input(kind: JobKind, what: &Started) -> Result<Value, Failure> {
    let fields = fields(kind)?;
    let there_is = |name: &str| fields.iter().any(|field| name.strip_prefix("input.") == Some(&field.name));
    if let Some(unknown) = what.typed.keys().find(|name| !there_is(name)) {
        return Err(Failure::Invalid { field: "body", why: format!("{unknown} is no field of it") });
    }
    let mut input = Map::new();
    for field in fields {
        let Some(text) =
            what.typed.get(&format!("input.{}", field.name)).and_then(Value::as_str).and_then(said)
        else {
            continue;
        };
        let value = match field.kind {
            FieldKind::Flag => Value::Bool(text == "yes"),
            FieldKind::Json => serde_json::from_str(&text).map_err(|error| Failure::Invalid {
                field: "input",
                why: format!("{} is no JSON: {error}", field.name),
            })?,
            // Messages as JSON take numbers as text, too.
            _ => Value::String(text),
        };
        input.insert(field.name, value);
    }
    match &what.input {
        Value::Null => Ok(Value::Object(input)),
        Value::Object(_) => Ok(what.input.clone()),
        _ => Err(Failure::Invalid { field: "input", why: "give an object".to_owned() }),
    }
}

/// Starts a run of any task, whatever its input. What it does is done once for each key of a shop. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/start", params(TaskPath), request_body = Said<Started>,
    responses((status = 200, description = "Its run, or what would be started.", body = Object), Problems))]
pub(crate) async fn start(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<Started>,
) -> Result<Response, Failure> {
    // It may be anything, so it takes whoever may do everything.
    operator.who.may(Act::Administer)?;
    let actor = operator.because()?;
    let what = &operator.what;
    let kind = JobKind::by_task(&name).ok_or(Failure::NotFound)?;
    startable(kind).map_err(Failure::Conflict)?;
    let pool = console.worker.pool();
    let key = checked_key(&what.key).map_err(|why| Failure::Invalid { field: "key", why })?;
    let tenant = match said(&what.tenant) {
        None => None,
        Some(handle) => {
            let shop = tenants::named(pool, &operator.who, &handle).await?;
            Some(TenantRef { id: shop.id, handle: shop.handle })
        }
    };
    let input = input(kind, what)?;
    let invalid =
        |error: payload_json::JsonError| Failure::Invalid { field: "input", why: error.to_string() };
    let payload = payload_json::to_bytes(kind.input, &input.to_string()).map_err(invalid)?;
    let handle = tenant.as_ref().map(|tenant| tenant.handle.clone());
    if what.dry_run.0 {
        let understood = payload_json::from_bytes(kind.input, &payload).map_err(invalid)?;
        // What it is about may be people: it is shown, and in no address.
        if operator.by_form {
            let filled = Filled { tenant: handle.unwrap_or_default(), key, input: Some(understood) };
            return tasks::page(&console, &operator.who, kind.task, filled).await;
        }
        let value = json!({ "task": kind.task, "tenant": handle, "key": key, "input": understood });
        return Ok(done(&format!("/tasks/{}", kind.task), value));
    }
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    let new = by_kind(kind, tenant, key.clone(), payload.clone(), now, &operator.who.name);
    let created = runs::create(&mut tx, new).await?;
    if !created.is_new && !was_asked_for(&mut tx, created.run_id, &payload).await? {
        let why = format!("run {} has it already, with another input; give another key", created.run_id);
        return Err(Failure::Invalid { field: "key", why });
    }
    let subject = json!({ "task": kind.task, "tenant": handle, "key": key, "run": created.run_id.to_string(),
        "new": created.is_new });
    audit::record(&mut tx, &actor, "runs.start", &subject).await?;
    tx.commit().await?;
    Ok(begun(&console, created).await)
}
