//! A customer is new at a shop (`customers/create`).
//!
//! Effect: a member, if the rule says so, with the rule's tier and welcome credit, once for the customer.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_domain::rules::Occasion;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_CREATED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::Customer;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, customer, enrol};

/// The task.
pub(crate) struct HandleCustomerCreated;

impl Task for HandleCustomerCreated {
    const KIND: JobKind = HANDLE_CUSTOMER_CREATED;
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
        let from = told.by_then(body.created_at);
        let told_of = customer::of(&body);
        let noted = customer::note(&mut told, &told_of).await?;
        let enrolment =
            enrol::consider(context, &mut told, Occasion::CustomerCreated, &told_of, from).await?;
        let result = json!({ "outcome": noted, "customer": body.id, "enrolment": enrolment });
        Ok(Applied::done(told.tx).with_result(result))
    }
}
