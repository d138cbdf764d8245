//! An order was changed at a shop (`orders/updated`): paid, edited, refunded, or given to a customer.
//!
//! Effect: the difference between what it earns by all that is known, and what was posted.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_UPDATED;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderUpdated;

impl Task for HandleOrderUpdated {
    const KIND: JobKind = HANDLE_ORDER_UPDATED;
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
