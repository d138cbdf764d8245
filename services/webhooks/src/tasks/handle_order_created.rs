//! An order was made at a shop (`orders/create`). One that is paid already is settled as by `orders/paid`; of the others
//! there is nothing to settle yet.
//!
//! Effect: the customer a member, if the rule says so; cashback; the tier that is reached.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_ORDER_CREATED;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, order};

/// The task.
pub(crate) struct HandleOrderCreated;

impl Task for HandleOrderCreated {
    const KIND: JobKind = HANDLE_ORDER_CREATED;
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
