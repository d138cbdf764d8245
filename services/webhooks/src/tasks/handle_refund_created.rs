//! A part of an order was refunded at a shop (`refunds/create`). It counts once its money has moved: until then it is
//! noted, and a later word of the order tells.
//!
//! Effect: what the refunded part has earned is taken back; from the order's own lots, then owed.

use std::time::Duration;

use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::HANDLE_REFUND_CREATED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Refund;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleRefundCreated;

impl Task for HandleRefundCreated {
    const KIND: JobKind = HANDLE_REFUND_CREATED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let refund = Refund::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let id = refund.order_id.clone().ok_or_else(|| {
            TaskError::permanent(
                ErrorCode::EventBody,
                "path order_id of the body is missing; a refund has an order",
            )
        })?;
        order::finish(context, told, &id, &[order::refunded(&refund)], None).await
    }
}
