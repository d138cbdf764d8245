//! A customer asks to see what is known of them (`customers/data_request`). The shop has to have it within 30 days.
//!
//! Effect: an open request, which a person answers with `tradeup privacy export`; void, if nothing is known of them.

use std::time::Duration;

use serde_json::json;
use tradeup_proto::job_kind::HANDLE_DATA_REQUEST;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::DataRequest;
use tradeup_store::privacy::{NewRequest, RequestKind, close, member_of, open};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, privacy};

/// The task.
pub(crate) struct HandleDataRequest;

impl Task for HandleDataRequest {
    const KIND: JobKind = HANDLE_DATA_REQUEST;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        let body = DataRequest::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        privacy::check_shop(&told, &body.shop_domain)?;
        let (tenant, person) = (told.tenant.id, privacy::person(body.customer.as_ref()));
        let member_id = member_of(&mut told.tx, tenant, &person).await?;
        let new = NewRequest {
            kind: RequestKind::DataRequest,
            event_id: told.event,
            member_id,
            number: body.request_id.as_deref(),
            received_at: told.at,
        };
        let id = open(&mut told.tx, tenant, &new).await?;
        if member_id.is_none() {
            let nobody = json!({ "members": 0 });
            close(&mut told.tx, tenant, id, true, &context.claim.task, &nobody).await?;
        }
        let outcome = if member_id.is_some() { "opened" } else { "nobody_known" };
        let result = json!({ "outcome": outcome, "request_id": id.to_string() });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
