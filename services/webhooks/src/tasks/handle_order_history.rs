//! An order of before the shop came, found when it was asked for everything (`orders/history`). What it has earned is
//! the matter of whatever the shop had then.
//!
//! Effect: the order known, with what was spent, for tiers and for rules; no cashback.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_HISTORY;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderHistory;

impl Task for HandleOrderHistory {
    const KIND: JobKind = HANDLE_ORDER_HISTORY;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let told = shop::told(context, &input).await?;
        order::remember(context, told).await
    }
}
