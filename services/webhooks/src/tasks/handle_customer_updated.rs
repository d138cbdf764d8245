//! Something about a customer has changed at a shop (`customers/update`).
//!
//! Effect: a member's details as they are now, unless something newer is known; a member, if the rule says so.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_domain::rules::Occasion;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_UPDATED;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::customer;

/// The task.
pub(crate) struct HandleCustomerUpdated;

impl Task for HandleCustomerUpdated {
    const KIND: JobKind = HANDLE_CUSTOMER_UPDATED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        customer::handle(context, &input, Occasion::CustomerUpdated, |customer| customer.updated_at).await
    }
}
