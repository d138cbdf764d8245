//! Asks a shop which orders, refunds and customers have changed, and takes what it never told: events get lost.
//!
//! Triggered by the daily schedule and by `tradeup gaps search`. Effect: events that are taken as if the shop had told
//! them, and how far it was asked. The first time everything is asked for; what was before
//! the shop came is history, and earns nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::GAP_SEARCH_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_shopify::OrderId;
use tradeup_store::gaps::{Asked, Found};
use tradeup_store::{shops as store, tenants};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::shop::{Search, Searched, Shops, Wanted};

/// The task.
pub(crate) struct GapSearchTenant {
    pub(crate) shops: Shops,
}

impl Task for GapSearchTenant {
    const KIND: JobKind = GAP_SEARCH_TENANT;
    const RETRY: RetryPolicy = OUTSIDE_RETRY;
    // A large shop's file, read line by line.
    const TIME_LIMIT: Duration = Duration::from_secs(3600);
    const NEEDS: &'static [Dependency] = &[Dependency::Shopify];
    type Input = v1::GapSearchTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let order = match input.order.as_str() {
            "" => None,
            number => Some(order_id("order", number)?),
        };
        search(context, &self.shops, as_of, order.as_ref()).await
    }
}

/// The id of the order with this number, given in this field.
pub(super) fn order_id(field: &str, number: &str) -> Result<OrderId, TaskError> {
    OrderId::from_number(number).map_err(|error| {
        TaskError::permanent(
            ErrorCode::InvalidInput,
            format!("field {field}: {error}; give an order's number"),
        )
    })
}

/// Asks the tenant's shop for one order, or for all that has changed.
pub(super) async fn search(
    context: &TaskContext,
    shops: &Shops,
    as_of: DateTime<Utc>,
    order: Option<&OrderId>,
) -> Result<Applied, TaskError> {
    let tenant = context.tenant()?.id;
    let mut tx = context.begin().await?;
    let found = tenants::by_id(&mut tx, tenant).await?.filter(|tenant| tenant.state != "uninstalled");
    let shop = store::get(&mut tx, tenant).await?.filter(|shop| shop.is_connected);
    let (Some(found), Some(_shop)) = (found, shop) else {
        return Ok(Applied::done(tx).with_result(json!({ "outcome": "the shop is not connected" })));
    };
    let Some(domain) = found.shop_domain else {
        let outcome = "the tenant has no shop domain: tradeup tenant set --shop";
        return Ok(Applied::done(tx).with_result(json!({ "outcome": outcome })));
    };
    tx.rollback().await?;
    let installed_at = found.installed_at;
    let search = Search { shops, context, tenant, domain: &domain, installed_at, as_of };
    let all = Asked::ALL.map(Wanted::Changed);
    let one = order.map(Wanted::Order);
    let mut result = json!({ "outcome": "searched" });
    let mut wait = None;
    for wanted in one.as_ref().map_or(&all[..], std::slice::from_ref) {
        match search.search(*wanted).await? {
            Searched::Done(looked) => {
                let Found { looked_at, found, left_out } = looked.found;
                let named: BTreeMap<_, _> =
                    looked.left_out.iter().map(|one| (&one.id, one.why.to_string())).collect();
                result[wanted.what().as_str()] =
                    json!({ "looked_at": looked_at, "found": found, "left_out": left_out, "why": named });
            }
            Searched::Wait(after) => wait = Some(wait.map_or(after, |other: Duration| other.min(after))),
        }
    }
    let tx = context.begin().await?;
    Ok(match wait {
        Some(after) => Applied::snoozed(tx, after),
        None => Applied::done(tx).with_result(result),
    })
}
