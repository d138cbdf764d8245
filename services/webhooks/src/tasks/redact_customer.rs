//! A customer is to be forgotten (`customers/redact`).
//!
//! Effect: the member's details, bodies of events about them and messages that were set aside are erased, this event's
//! body with them. Amounts stay, under the member's id. The request is kept as evidence, without personal data.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::REDACT_CUSTOMER;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::CustomerRedact;
use tradeup_store::events;
use tradeup_store::privacy::{NewRequest, RequestKind, close, forget, member_of, open};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, privacy};

/// The task.
pub(crate) struct RedactCustomer;

impl Task for RedactCustomer {
    const KIND: JobKind = REDACT_CUSTOMER;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(120);
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        let body = CustomerRedact::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        privacy::check_shop(&told, &body.shop_domain)?;
        let (tenant, person) = (told.tenant.id, privacy::person(body.customer.as_ref()));
        let member_id = member_of(&mut told.tx, tenant, &person).await?;
        let new = NewRequest {
            kind: RequestKind::CustomerRedact,
            event_id: told.event,
            member_id,
            number: None,
            received_at: told.at,
        };
        let id = open(&mut told.tx, tenant, &new).await?;
        let evidence = forget(&mut told.tx, tenant, &person).await?;
        events::erase(&mut told.tx, tenant, told.event).await?;
        close(&mut told.tx, tenant, id, false, &context.claim.task, &evidence).await?;
        let result = json!({ "outcome": "forgotten", "request_id": id.to_string(), "erased": evidence });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
