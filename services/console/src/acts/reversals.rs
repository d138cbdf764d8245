//! Taking back a month's credits that should not have been given.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tradeup_access::Act;
use tradeup_store::credits::was_asked_for;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{TenantRef, Tx, audit, schedules};
use tradeup_worker::trigger;
use utoipa::ToSchema;

use super::operator::Number;
use super::{Operator, Said, begun};
use crate::Console;
use crate::api::document::{Problems, ReversalPath};
use crate::failure::Failure;
use crate::views::reversal::Reversal;
use crate::views::run::id;
use crate::views::tenants;

/// How it is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reversing {
    /// From how many members, as it was shown.
    #[serde(default)]
    #[schema(value_type = i64, required = false)]
    count: Number,
    /// `yes`: members owe what they have used of it, and it is taken from what is given to them later.
    #[serde(default)]
    owe_used: String,
}

/// Takes back what a run has given a shop's members for a month: what is left of each credit is adjusted to nothing, by
/// entries that say so. What was used stays used. A run is reversed once. Needs `reason` and `count`; admins only.
#[utoipa::path(post, path = "/api/v1/shops/{handle}/reversals/{id}", params(ReversalPath),
    request_body = Said<Reversing>,
    responses((status = 200, description = "The run that does it.", body = Object), Problems))]
pub(crate) async fn reverse(
    State(console): State<Console>,
    Path((handle, given)): Path<(String, String)>,
    operator: Operator<Reversing>,
) -> Result<Response, Failure> {
    operator.who.may(Act::MoveMoney)?;
    let actor = operator.because()?;
    let owe_used = operator.what.owe_used == "yes";
    let pool = console.worker.pool();
    let shop = tenants::one(pool, &operator.who, &handle).await?;
    let granting = id(&given)?;
    let found = Reversal::read(pool, &operator.who, &shop, &given).await?;
    if shop.state == "uninstalled" {
        let why = "The shop has uninstalled the app: its ledger stands still.".to_owned();
        return Err(Failure::Conflict(why));
    }
    if found.run.ended.is_none() {
        let why =
            format!("The run is {}: cancel it first, then take back what it has given.", found.run.state);
        return Err(Failure::Conflict(why));
    }
    operator.counts(&operator.what.count, found.members)?;
    if !found.does_something(owe_used) {
        return Err(Failure::Conflict("Nothing of it is left to be taken back.".to_owned()));
    }
    let of = TenantRef { id: shop.id, handle: shop.handle.clone() };
    let mut tx = Tx::of_engine(pool).await?;
    let now = schedules::now(&mut tx).await?;
    let by = Trigger::Manual(operator.who.name.clone());
    let new = trigger::reversal(Some(of), granting, owe_used, now, by);
    let payload = new.payload.clone();
    let created = runs::create(&mut tx, new).await?;
    if !created.is_new && !was_asked_for(&mut tx, created.run_id, &payload).await? {
        let why = format!(
            "Run {} takes it back already, and decided otherwise about what was used.",
            created.run_id
        );
        return Err(Failure::Conflict(why));
    }
    if created.is_new {
        let subject = json!({ "tenant": shop.handle, "run_id": granting.to_string(), "totals": found.totals,
            "members": found.members, "owe_used": owe_used });
        audit::record(&mut tx, &actor, "reverse", &subject).await?;
    }
    tx.commit().await?;
    Ok(begun(&console, created).await)
}
