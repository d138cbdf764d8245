//! `/v1/tenants/{tenant}/holds…`: a checkout authorises credit first, and captures or releases it later.
//!
//! Each answer is after the commit. A request whose answer was lost is sent again: the reference makes it
//! happen once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_domain::ErrorCode;
use tradeup_domain::spend::{Spend, check_reference, hold_seconds};
use tradeup_store::holds::{self, AskedHold, Authorised, Captured, HoldState, Released};
use tradeup_store::{Pool, Tx};

use super::api::{Caller, Problem};
use super::checkout::{amount, insufficient, key_taken, member, status};
use crate::routes::body::{self, Amount, BodyError};

/// A hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with member_external_id, amount and reference")]
struct HoldBody {
    member_external_id: String,
    amount: Amount,
    reference: String,
    #[serde(default, deserialize_with = "body::seconds")]
    valid_seconds: Option<i64>,
    reason: Option<String>,
}

/// A capture: of all of it, if no amount is named.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with amount and reason, or nothing")]
struct CaptureBody {
    amount: Option<Amount>,
    reason: Option<String>,
}

/// A release.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with reason, or nothing")]
struct ReleaseBody {
    reason: Option<String>,
}

/// The routes.
pub(super) fn routes(pool: Pool) -> Router {
    Router::new()
        .route("/v1/tenants/{tenant}/holds", post(authorise))
        .route("/v1/tenants/{tenant}/holds/{reference}/capture", post(capture))
        .route("/v1/tenants/{tenant}/holds/{reference}/release", post(release))
        .with_state(Arc::new(pool))
}

/// A body that may be left out.
fn optional<'a, T: Default + Deserialize<'a>>(given: &'a Bytes) -> Result<T, BodyError> {
    if given.is_empty() { Ok(T::default()) } else { body::json(given) }
}

async fn authorise(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: HoldBody = body::json(&given)?;
    let seconds = hold_seconds(body.valid_seconds).map_err(BodyError::from)?;
    // What may be held is what may be spent.
    let hold = Spend {
        member_external_id: body.member_external_id,
        amount: amount(&caller, body.amount)?,
        reference: body.reference,
        reason: body.reason,
    }
    .checked()
    .map_err(BodyError::from)?;
    let asked = asked(&caller, &hold.reference, hold.reason.as_deref())?;
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    let member = member(&mut tx, &caller, &hold.member_external_id).await?;
    match holds::authorise(&mut tx, &asked, member, hold.amount, seconds).await? {
        Authorised::Done { is_new, state, capture_until, left_minor } => {
            tx.commit().await?;
            let outcome = if is_new { "authorised" } else { "already_authorised" };
            let until = capture_until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            Ok((
                status(is_new),
                Json(
                    json!({ "outcome": outcome, "state": state.as_str(), "amount_minor": hold.amount.amount_minor,
                    "currency": hold.amount.currency.code(), "capture_until": until, "left_minor": left_minor }),
                ),
            ))
        }
        Authorised::Insufficient(error) => Err(insufficient(&error)),
        Authorised::OtherOperation => Err(key_taken(
            "there is another hold or spend of this reference; nothing was authorised. Give each a reference of its own",
        )),
    }
}

/// Who asks about which hold.
fn asked<'a>(
    caller: &'a Caller,
    reference: &'a str,
    reason: Option<&'a str>,
) -> Result<AskedHold<'a>, Problem> {
    check_reference(reference).map_err(BodyError::from)?;
    let reason = reason.filter(|reason| !reason.is_empty());
    Ok(AskedHold { tenant: caller.tenant, source: &caller.source, reference, actor: &caller.source, reason })
}

async fn capture(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    Path((_tenant, reference)): Path<(String, String)>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: CaptureBody = optional(&given)?;
    let part = body.amount.map(|part| amount(&caller, part)).transpose()?;
    let asked = asked(&caller, &reference, body.reason.as_deref())?;
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    match holds::capture(&mut tx, &asked, part.map(|part| part.amount_minor)).await? {
        Captured::Done { is_new, amount_minor, released_minor, currency } => {
            tx.commit().await?;
            let outcome = if is_new { "captured" } else { "already_captured" };
            Ok((
                status(is_new),
                Json(
                    json!({ "outcome": outcome, "amount_minor": amount_minor, "released_minor": released_minor,
                    "currency": currency }),
                ),
            ))
        }
        Captured::UnknownHold => Err(unknown_hold()),
        Captured::TooMuch(error) => {
            let code = Some(ErrorCode::InsufficientCredit);
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, format!("{error}; nothing was taken"))
                .with("held_minor", error.held_minor))
        }
        Captured::Over(state) => Err(over(state, "authorise anew")),
        Captured::OtherOperation => Err(key_taken(
            "it was captured before with another amount, or there is another spend of this reference; nothing was taken",
        )),
    }
}

async fn release(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    Path((_tenant, reference)): Path<(String, String)>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: ReleaseBody = optional(&given)?;
    let asked = asked(&caller, &reference, body.reason.as_deref())?;
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    match holds::release(&mut tx, &asked).await? {
        Released::Done { is_new, state, amount_minor, currency } => {
            tx.commit().await?;
            let outcome = if is_new { "released" } else { "already_released" };
            Ok((
                StatusCode::OK,
                Json(json!({ "outcome": outcome, "state": state.as_str(), "amount_minor": amount_minor,
                    "currency": currency })),
            ))
        }
        Released::UnknownHold => Err(unknown_hold()),
        Released::Captured => {
            Err(over(HoldState::Captured, "a spend was made of it: take that back with reverts"))
        }
    }
}

fn unknown_hold() -> Problem {
    let detail = "there is no hold of this reference";
    Problem::new(StatusCode::NOT_FOUND, Some(ErrorCode::UnknownHold), detail)
}

fn over(state: HoldState, what: &str) -> Problem {
    let state = state.as_str();
    Problem::new(StatusCode::CONFLICT, Some(ErrorCode::HoldOver), format!("the hold is {state}; {what}"))
        .with("state", state)
}
