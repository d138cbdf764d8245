//! A customer is gone at a shop (`customers/delete`). The member's ledger stays, and no rule makes the customer a member
//! again. Forgetting them is asked for apart from it.
//!
//! Effect: a note with the member.

use std::time::Duration;

use tradeup_proto::job_kind::HANDLE_CUSTOMER_DELETED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Deleted;
use tradeup_store::members;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop;

/// The task.
pub(crate) struct HandleCustomerDeleted;

impl Task for HandleCustomerDeleted {
    const KIND: JobKind = HANDLE_CUSTOMER_DELETED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let body = Deleted::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let (tenant, at) = (told.tenant.id, told.at);
        let outcome = match members::delete(&mut told.tx, tenant, &body.id, at).await? {
            None => "no_member",
            Some(true) => "noted",
            Some(false) => "already_noted",
        };
        Ok(told.nothing(outcome))
    }
}
