//! What is done about alerts.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_store::alerts::{self, Rule};
use tradeup_store::{Tx, audit};
use utoipa::ToSchema;
use uuid::Uuid;

use super::operator::Number;
use super::{Nothing, Operator, Said, done};
use crate::Console;
use crate::api::document::{AlertPath, Problems, RulePath};
use crate::failure::Failure;

/// Takes an alert: nobody is reminded of it any more.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", params(AlertPath), request_body = Said<Nothing>,
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
#[utoipa::path(post, path = "/api/v1/alerts/test", request_body = Said<Nothing>,
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

/// How a rule is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSetting {
    /// What is too much, in the rule's unit; as it was, if it is not said.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    threshold: Number,
    /// Whether it is looked for at all: `on` or `off`; as it was, if it is not said.
    #[serde(default)]
    state: String,
}

/// Largest threshold of a rule.
const THRESHOLD_MAX: i32 = 1_000_000_000;

/// Sets a rule: what is too much, and whether it is looked for. Switched off, its alerts are over. Needs `reason`.
#[utoipa::path(post, path = "/api/v1/alerts/rules/{rule}", params(RulePath), request_body = Said<RuleSetting>,
    responses((status = 200, description = "It is done.", body = Object), Problems))]
pub(crate) async fn set_rule(
    State(console): State<Console>,
    Path(name): Path<String>,
    operator: Operator<RuleSetting>,
) -> Result<Response, Failure> {
    let actor = operator.because()?;
    let rule = name.parse::<Rule>().map_err(|_unknown| Failure::NotFound)?;
    let threshold = match operator.number("threshold", &operator.what.threshold)? {
        None => None,
        Some(number) => {
            let fits = i32::try_from(number).ok().filter(|number| (1..=THRESHOLD_MAX).contains(number));
            Some(fits.ok_or_else(|| Failure::Invalid {
                field: "threshold",
                why: format!("give a number of {} from 1 to {THRESHOLD_MAX}", rule.unit()),
            })?)
        }
    };
    let enabled = match operator.what.state.as_str() {
        "" => None,
        "on" => Some(true),
        "off" => Some(false),
        _ => return Err(Failure::Invalid { field: "state", why: "say on or off".to_owned() }),
    };
    if threshold.is_none() && enabled.is_none() {
        let why = "say what changes: a number, or state on or off".to_owned();
        return Err(Failure::Invalid { field: "threshold", why });
    }
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    alerts::set(&mut tx, rule, threshold, enabled, &actor).await?;
    tx.commit().await?;
    Ok(done("/alerts", json!({ "rule": rule.as_str(), "threshold": threshold, "enabled": enabled })))
}
