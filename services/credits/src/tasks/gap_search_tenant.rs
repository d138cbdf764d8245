//! Asks a shop which orders, refunds and customers have changed, and takes what it never told: events get lost.
//!
//! Triggered by the daily schedule and by `tradeup gaps search`. Effect: events that are taken as if the shop had told
//! them, and how far it was asked. The first time everything is asked for, as history that earns nothing.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_proto::job_kind::GAP_SEARCH_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::gaps::Asked;
use tradeup_store::{shops, tenants};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use super::OUTSIDE_RETRY;
use crate::shop::{Search, Searched, Shops};

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
        let tenant = context.tenant()?.id;
        let mut tx = context.begin().await?;
        let found = tenants::by_id(&mut tx, tenant).await?.filter(|tenant| tenant.state != "uninstalled");
        let shop = shops::get(&mut tx, tenant).await?.filter(|shop| shop.is_connected);
        let (Some(found), Some(_shop)) = (found, shop) else {
            return Ok(Applied::done(tx).with_result(json!({ "outcome": "the shop is not connected" })));
        };
        let Some(domain) = found.shop_domain else {
            let outcome = "the tenant has no shop domain: tradeup tenant set --shop";
            return Ok(Applied::done(tx).with_result(json!({ "outcome": outcome })));
        };
        tx.rollback().await?;
        let search = Search { shops: &self.shops, context, tenant, domain: &domain, as_of };
        let mut result = json!({ "outcome": "searched" });
        let mut wait = None;
        for what in Asked::ALL {
            match search.search(what).await? {
                Searched::Done(found) => {
                    result[what.as_str()] = json!({ "looked_at": found.looked_at, "found": found.found,
                        "left_out": found.left_out });
                }
                Searched::Wait(after) => wait = Some(after),
            }
        }
        let tx = context.begin().await?;
        Ok(match wait {
            Some(after) => Applied::snoozed(tx, after),
            None => Applied::done(tx).with_result(result),
        })
    }
}
