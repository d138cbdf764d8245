//! An order was cancelled at a shop (`orders/cancelled`).
//!
//! Effect: what it has earned is taken back, less what refunds have taken back already.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_CANCELLED;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderCancelled;

impl Task for HandleOrderCancelled {
    const KIND: JobKind = HANDLE_ORDER_CANCELLED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let told = shop::told(context, &input).await?;
        order::settle(context, told).await
    }
}
