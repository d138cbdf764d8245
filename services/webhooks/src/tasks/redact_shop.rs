//! A shop has gone, and its customers are to be forgotten (`shop/redact`, two days after an uninstall). A shop that has
//! come back meanwhile is left as it is.
//!
//! Effect: the details of all members, all bodies of events and the shop's tokens are erased. Amounts stay.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::REDACT_SHOP;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::ShopRedact;
use tradeup_store::privacy::{NewRequest, RequestKind, close, forget_shop, open};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, privacy};

/// The task.
pub(crate) struct RedactShop;

impl Task for RedactShop {
    const KIND: JobKind = REDACT_SHOP;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(300);
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        let body = ShopRedact::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        privacy::check_shop(&told, &body.shop_domain)?;
        let tenant = told.tenant.id;
        let new = NewRequest {
            kind: RequestKind::ShopRedact,
            event_id: told.event,
            member_id: None,
            number: None,
            received_at: told.at,
        };
        let id = open(&mut told.tx, tenant, &new).await?;
        let task = &context.claim.task;
        if !told.is_uninstalled() {
            let evidence = json!({ "kept": "the shop has the app" });
            close(&mut told.tx, tenant, id, true, task, &evidence).await?;
            let result = json!({ "outcome": "shop_is_there", "request_id": id.to_string() });
            return Ok(Applied::done(told.tx).with_result(result));
        }
        let evidence = forget_shop(&mut told.tx, tenant).await?;
        close(&mut told.tx, tenant, id, false, task, &evidence).await?;
        let result = json!({ "outcome": "forgotten", "request_id": id.to_string(), "erased": evidence });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
