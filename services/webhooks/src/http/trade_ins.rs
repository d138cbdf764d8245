//! `/v1/tenants/{tenant}/trade-ins…`: trade-ins of a shop's own system: submitted, looked at, moved.
//!
//! Each answer is after the commit. A submission whose answer was lost is sent again: its id makes it one. A move that
//! was made already is refused with the state that it has led to.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use tradeup_domain::ErrorCode;
use tradeup_domain::trade_in::GradedLine;
use tradeup_store::credits::Asked;
use tradeup_store::trade_ins::{self, ActError, Action, Asking};
use tradeup_store::{Pool, Tx};

use super::api::{Caller, Problem};
use crate::routes::body::{self, BodyError};
use crate::routes::trade_in::{SubmittedBody, check_submission, payout};

/// Something that is done with a trade-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object like {\"move\": \"accept\"}")]
struct MoveBody {
    r#move: String,
    cash_minor: Option<i64>,
    bonus_minor: Option<i64>,
    found: Option<Vec<FoundBody>>,
    reason: Option<String>,
}

/// Pieces that were found.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object like {\"line\": 0, \"condition\": \"NM\", \"quantity\": 1}"
)]
struct FoundBody {
    line: usize,
    condition: String,
    quantity: u32,
}

/// The routes.
pub(super) fn routes(pool: Pool) -> Router {
    Router::new()
        .route("/v1/tenants/{tenant}/trade-ins", post(submit))
        .route("/v1/tenants/{tenant}/trade-ins/{submission}", get(show))
        .route("/v1/tenants/{tenant}/trade-ins/{submission}/moves", post(make_move))
        .with_state(Arc::new(pool))
}

fn asked<'a>(caller: &'a Caller, reason: Option<&'a str>) -> Asked<'a> {
    Asked {
        tenant: caller.tenant,
        // The trade-in's own id makes each of its operations unique.
        key: "trade-in",
        actor: &caller.source,
        reason,
        run_id: None,
        at: None,
        at_shop: false,
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let (status, code) = match &error {
            ActError::Store(_) => return store(error),
            ActError::Unknown => (StatusCode::NOT_FOUND, ErrorCode::InvalidInput),
            ActError::Illegal(_) | ActError::Over | ActError::OtherSubmission | ActError::ByHand => {
                (StatusCode::CONFLICT, ErrorCode::InvalidInput)
            }
            ActError::NoRule | ActError::OtherCurrency => (StatusCode::CONFLICT, ErrorCode::TenantSettings),
            ActError::NoMember => (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::UnknownMember),
            ActError::NoPrice { .. } | ActError::Quote(_) | ActError::Grade(_) | ActError::Amount => {
                (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidInput)
            }
        };
        Self::new(status, Some(code), error.to_string())
    }
}

fn store(error: ActError) -> Problem {
    match error {
        ActError::Store(error) => error.into(),
        other => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, None, other.to_string()),
    }
}

async fn submit(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: SubmittedBody = body::json(&given)?;
    check_submission(&body.submission_id).map_err(Problem::from)?;
    let asking = Asking {
        source: &caller.source,
        submission_id: &body.submission_id,
        member_external_id: &body.member_external_id,
        payout: payout(body.payout.as_deref())?,
        lines: &body.lines(),
    };
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    let acted = trade_ins::begin(&mut tx, &asked(&caller, None), &caller.settings, &asking).await?;
    tx.commit().await?;
    let status = if acted.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(acted.shown())))
}

async fn show(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    Path((_tenant, submission)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let mut tx = Tx::snapshot_of_tenant(&caller.pool, caller.tenant).await?;
    let found = trade_ins::get(&mut tx, caller.tenant, Some(&caller.source), &submission).await?;
    tx.rollback().await?;
    let (found, moves) = found.ok_or(ActError::Unknown)?;
    Ok(Json(found.shown(&moves)))
}

async fn make_move(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    Path((_tenant, submission)): Path<(String, String)>,
    given: Bytes,
) -> Result<Json<Value>, Problem> {
    let body: MoveBody = body::json(&given)?;
    let action = action(&body)?;
    let reason = body.reason.as_deref().filter(|reason| !reason.is_empty());
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    let found = trade_ins::get(&mut tx, caller.tenant, Some(&caller.source), &submission).await?;
    let (found, _moves) = found.ok_or(ActError::Unknown)?;
    let acted = trade_ins::act(&mut tx, &asked(&caller, reason), &caller.settings, found.id, &action).await?;
    tx.commit().await?;
    Ok(Json(acted.shown()))
}

fn action(body: &MoveBody) -> Result<Action, BodyError> {
    let amounts = match (body.cash_minor, body.bonus_minor) {
        (Some(cash), bonus) => Some((cash, bonus.unwrap_or(0))),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(BodyError::new("field cash_minor is missing; a bonus comes on top of it"));
        }
    };
    let found = body.found.as_ref().map(|found| {
        let piece = |piece: &FoundBody| GradedLine {
            line: piece.line,
            condition: piece.condition.clone(),
            quantity: piece.quantity,
        };
        found.iter().map(piece).collect()
    });
    Ok(match (body.r#move.as_str(), amounts) {
        ("quote", by_hand) => Action::Quote { by_hand },
        ("counter_offer", Some((cash_minor, bonus_minor))) => {
            Action::CounterOffer { cash_minor, bonus_minor }
        }
        ("counter_offer", None) => {
            return Err(BodyError::new("field cash_minor is missing; say what is offered instead"));
        }
        ("accept", _) => Action::Accept,
        ("decline", _) => Action::Decline,
        ("receive", _) => Action::Receive,
        ("grade", _) => Action::Grade { found },
        ("pay", _) => Action::Pay,
        ("reject", _) => Action::Reject,
        ("cancel", _) => Action::Cancel,
        ("return", _) => Action::Return,
        _ => {
            return Err(BodyError::new(
                "field move is unknown; give quote, counter_offer, accept, decline, receive, grade, pay, reject, \
                 cancel or return",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moves_are_read_and_what_is_wrong_is_named() {
        let read = |text: Value| action(&body::json(text.to_string().as_bytes())?);
        assert!(matches!(read(json!({ "move": "quote" })), Ok(Action::Quote { by_hand: None })));
        let offer = read(json!({ "move": "counter_offer", "cash_minor": 500, "bonus_minor": 50 }));
        assert!(matches!(offer, Ok(Action::CounterOffer { cash_minor: 500, bonus_minor: 50 })));
        let found = json!([{ "line": 0, "condition": "LP", "quantity": 2 }]);
        let graded = read(json!({ "move": "grade", "found": found })).unwrap();
        assert!(matches!(graded, Action::Grade { found: Some(found) } if found[0].quantity == 2));
        for (wrong, named) in [
            (json!({ "move": "steal" }), "field move"),
            (json!({}), "field move is missing"),
            (json!({ "move": "counter_offer" }), "field cash_minor"),
            (json!({ "move": "quote", "bonus_minor": 5 }), "field cash_minor"),
            (
                json!({ "move": "grade", "found": [{ "line": -1, "condition": "LP", "quantity": 1 }] }),
                "found[0].line",
            ),
            (json!({ "move": "accept", "amount": 5 }), "field amount is unknown"),
        ] {
            let error = read(wrong.clone()).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }
}
