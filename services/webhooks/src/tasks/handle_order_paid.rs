//! An order was paid at a shop (`orders/paid`).
//!
//! Effect: the customer a member, if the rule says so; cashback as a lot of its own, once for the order whatever else
//! tells of it; the tier that is reached. Amounts are minor units of the order's currency.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_PAID;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderPaid;

impl Task for HandleOrderPaid {
    const KIND: JobKind = HANDLE_ORDER_PAID;
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
