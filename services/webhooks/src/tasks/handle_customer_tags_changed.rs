//! A customer was given tags at a shop, or lost some (`customer.tags_added`, `customer.tags_removed`).
//!
//! Effect: a member's tags, and the tier that they name, where the rule places by tags; a member, if the rule says so.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_domain::rules::Occasion;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_TAGS_CHANGED;
use tradeup_proto::{JobKind, v1};
use tradeup_shopify::webhook::TagsChanged;
use tradeup_store::members::{self, Customer as MemberDetails};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::shop::{self, enrol};

/// The task.
pub(crate) struct HandleCustomerTagsChanged;

impl Task for HandleCustomerTagsChanged {
    const KIND: JobKind = HANDLE_CUSTOMER_TAGS_CHANGED;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(30);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::HandleEvent;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let mut told = shop::told(context, &input).await?;
        if told.is_uninstalled() {
            return Ok(told.uninstalled());
        }
        let body = TagsChanged::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let (tenant, at) = (told.tenant.id, told.by_then(body.at));
        let adds = told.topic.ends_with("added");
        let none: Vec<String> = Vec::new();
        let (added, removed) = if adds { (&body.tags, &none) } else { (&none, &body.tags) };
        let tags = members::change_tags(&mut told.tx, tenant, &body.customer_id, added, removed).await?;
        let mut result = json!({ "outcome": if tags.is_some() { "noted" } else { "no_member" } });
        match (tags, members::known(&mut told.tx, tenant, &body.customer_id).await?) {
            (Some(tags), Some(known)) => {
                if let Some(placed) = enrol::place_by_tags(&mut told, &known, &tags).await? {
                    result["tier"] = placed;
                }
            }
            (None, None) if adds => {
                // What is known of the customer are these tags, and whatever else is told later.
                let customer = MemberDetails {
                    external_id: body.customer_id,
                    tags: Some(body.tags),
                    ..MemberDetails::default()
                };
                let occasion = Occasion::TagsAdded;
                result["enrolment"] =
                    enrol::consider(context, &mut told, occasion, &customer, at, None).await?;
            }
            _ => {}
        }
        Ok(Applied::done(told.tx).with_result(result))
    }
}
