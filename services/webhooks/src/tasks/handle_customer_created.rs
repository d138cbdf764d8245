//! A customer is new at a shop (`customers/create`).
//!
//! Effect: a member, if the rule says so, with the rule's tier and welcome credit, once for the customer.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_domain::rules::Occasion;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_CREATED;
use tradeup_proto::{JobKind, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::customer;

/// The task.
pub(crate) struct HandleCustomerCreated;

impl Task for HandleCustomerCreated {
    const KIND: JobKind = HANDLE_CUSTOMER_CREATED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        customer::handle(context, &input, Occasion::CustomerCreated, |customer| customer.created_at).await
    }
}
