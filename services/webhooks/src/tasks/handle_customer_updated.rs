//! Something about a customer has changed at a shop (`customers/update`).
//!
//! Effect: a member's details as they are now, unless something newer is known; a member, if the rule says so.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_domain::rules::Occasion;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_UPDATED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Customer;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, customer, enrol};

/// The task.
pub(crate) struct HandleCustomerUpdated;

impl Task for HandleCustomerUpdated {
    const KIND: JobKind = HANDLE_CUSTOMER_UPDATED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let body = Customer::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let from = told.by_then(body.updated_at);
        let told_of = customer::of(&body);
        let noted = customer::note(&mut told, &told_of).await?;
        let enrolment =
            enrol::consider(context, &mut told, Occasion::CustomerUpdated, &told_of, from).await?;
        let result = json!({ "outcome": noted, "customer": body.id, "enrolment": enrolment });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
