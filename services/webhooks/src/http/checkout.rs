//! `/v1/tenants/{tenant}/…`: the checkout's API. What can be spent, spending it, and taking a spend back. Holds
//! are in a file of their own.
//!
//! Each answer is after the commit. A request whose answer was lost is sent again: source and reference make
//! it happen once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_domain::ledger::{Insufficient, spendable_minor};
use tradeup_domain::spend::{Spend, check_amount, check_reference};
use tradeup_domain::{ErrorCode, Money};
use tradeup_proto::{convert, v1};
use tradeup_store::credits::{self, Asked, Reverted, Spent};
use tradeup_store::{Pool, Tx, accounts, members};
use uuid::Uuid;

use super::api::{Caller, Problem};
use crate::routes::body::{self, Amount, BodyError};

/// A spend.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with member_external_id, amount and reference")]
struct SpendBody {
    member_external_id: String,
    amount: Amount,
    reference: String,
    reason: Option<String>,
}

/// A spend that is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with spend_reference and reference")]
struct RevertBody {
    spend_reference: String,
    reference: String,
    amount: Option<Amount>,
    reason: Option<String>,
}

/// The routes.
pub(super) fn routes(pool: Pool) -> Router {
    Router::new()
        .route("/v1/tenants/{tenant}/members/{member}/balance", get(balance))
        .route("/v1/tenants/{tenant}/spends", post(spend))
        .route("/v1/tenants/{tenant}/reverts", post(revert))
        .with_state(Arc::new(pool))
}

pub(super) async fn member(tx: &mut Tx, caller: &Caller, external_id: &str) -> Result<Uuid, Problem> {
    members::by_external_id(tx, caller.tenant, external_id).await?.ok_or_else(|| {
        let detail = "the shop has no member with this customer id";
        Problem::new(StatusCode::NOT_FOUND, Some(ErrorCode::UnknownMember), detail)
    })
}

async fn balance(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    Path((_tenant, external_id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let mut tx = Tx::snapshot_of_tenant(&caller.pool, caller.tenant).await?;
    let member = member(&mut tx, &caller, &external_id).await?;
    let currency = caller.settings.currency.code();
    let (now, lots) = accounts::lots(&mut tx, caller.tenant, member, currency).await?;
    tx.rollback().await?;
    let spendable_minor = spendable_minor(&lots, now);
    let next_end = lots.iter().filter(|lot| lot.spendable_minor(now) > 0).filter_map(|lot| lot.ends_at).min();
    let held_minor: i64 = lots.iter().map(|lot| lot.held_minor).sum();
    Ok(Json(json!({ "currency": currency, "spendable_minor": spendable_minor, "held_minor": held_minor,
        "next_end_at": next_end.map(|at| at.to_rfc3339()) })))
}

/// An amount of the shop's currency, above 0.
pub(super) fn amount(caller: &Caller, amount: Amount) -> Result<Money, Problem> {
    let amount = convert::money(Some(&v1::Money::from(amount))).map_err(BodyError::from)?;
    check_amount(amount.amount_minor).map_err(BodyError::from)?;
    if amount.currency != caller.settings.currency {
        let detail = format!(
            "field amount.currency is {}, the shop's ledger is in {}",
            amount.currency, caller.settings.currency
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, Some(ErrorCode::WrongCurrency), detail));
    }
    Ok(amount)
}

/// Of what was done: now, or before by the same request.
pub(super) fn status(is_new: bool) -> StatusCode {
    if is_new { StatusCode::CREATED } else { StatusCode::OK }
}

/// There is less than was asked for.
pub(super) fn insufficient(error: &Insufficient) -> Problem {
    let detail = format!("{error}; nothing was taken");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Some(ErrorCode::InsufficientCredit), detail)
        .with("spendable_minor", error.spendable_minor)
}

pub(super) fn key_taken(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, Some(ErrorCode::InvalidInput), detail)
}

async fn spend(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: SpendBody = body::json(&given)?;
    let spend = Spend {
        member_external_id: body.member_external_id,
        amount: amount(&caller, body.amount)?,
        reference: body.reference,
        reason: body.reason,
    }
    .checked()
    .map_err(BodyError::from)?;
    let asked = Asked {
        tenant: caller.tenant,
        key: &credits::spend_key(&caller.source, &spend.reference),
        actor: &caller.source,
        reason: spend.reason.as_deref(),
        run_id: None,
        at: None,
        at_shop: false,
    };
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    let member = member(&mut tx, &caller, &spend.member_external_id).await?;
    match credits::spend(&mut tx, &asked, member, spend.amount).await? {
        Spent::Done { is_new, left_minor } => {
            if is_new {
                let minor = spend.amount.amount_minor.unsigned_abs();
                tx.moved("spend", spend.amount.currency.code(), 1, minor);
            }
            tx.commit().await?;
            Ok((
                status(is_new),
                Json(json!({ "outcome": if is_new { "spent" } else { "already_spent" },
                    "amount_minor": spend.amount.amount_minor, "currency": spend.amount.currency.code(),
                    "left_minor": left_minor })),
            ))
        }
        Spent::Insufficient(error) => Err(insufficient(&error)),
        Spent::OtherOperation => Err(key_taken(
            "there is another spend or a hold of this reference; nothing was taken. Give each spend a reference of its own",
        )),
    }
}

async fn revert(
    caller: Caller,
    State(_pool): State<Arc<Pool>>,
    given: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let body: RevertBody = body::json(&given)?;
    check_reference(&body.spend_reference)
        .and_then(|()| check_reference(&body.reference))
        .map_err(BodyError::from)?;
    let part = body.amount.map(|part| amount(&caller, part)).transpose()?;
    let asked = Asked {
        tenant: caller.tenant,
        // Apart from those of events, whose keys have their own beginning.
        key: &credits::revert_key(&credits::spend_key(&caller.source, &body.reference)),
        actor: &caller.source,
        reason: body.reason.as_deref().filter(|reason| !reason.is_empty()),
        run_id: None,
        at: None,
        at_shop: false,
    };
    let of = credits::spend_key(&caller.source, &body.spend_reference);
    let part = part.map(|part| part.amount_minor);
    let mut tx = Tx::of_tenant(&caller.pool, caller.tenant).await?;
    match credits::revert_spend(&mut tx, &asked, &caller.settings, &of, part).await? {
        Reverted::Done { is_new, amount_minor, reinstated_minor } => {
            if is_new {
                tx.moved("revert", caller.settings.currency.code(), 1, amount_minor.unsigned_abs());
            }
            tx.commit().await?;
            Ok((
                status(is_new),
                Json(json!({ "outcome": if is_new { "reverted" } else { "already_reverted" },
                    "amount_minor": amount_minor, "currency": caller.settings.currency.code(),
                    "reinstated_minor": reinstated_minor })),
            ))
        }
        Reverted::UnknownSpend => {
            let detail = "there is no spend of this reference";
            Err(Problem::new(StatusCode::NOT_FOUND, Some(ErrorCode::UnknownSpend), detail))
        }
        Reverted::TooMuch(error) => {
            let code = Some(ErrorCode::UnknownSpend);
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
                .with("left_minor", error.left_minor))
        }
        Reverted::OtherOperation => Err(key_taken(
            "there is another operation of this reference; nothing was given back. Give each a reference of its own",
        )),
    }
}
