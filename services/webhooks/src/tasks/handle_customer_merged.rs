//! Two customers have become one at a shop (`customers/merge`).
//!
//! Effect: a run of `merge-members`, by which what the one has goes on with the other.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::Dependency;
use tradeup_proto::job_kind::HANDLE_CUSTOMER_MERGED;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_shopify::webhook::Merged;
use tradeup_store::runs::{self, Trigger};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError, trigger};

use crate::http::shopify::SOURCE;
use crate::shop;

/// The task.
pub(crate) struct HandleCustomerMerged;

impl Task for HandleCustomerMerged {
    const KIND: JobKind = HANDLE_CUSTOMER_MERGED;
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
        let body = Merged::decode(&told.body).map_err(|error| shop::unreadable(&error))?;
        let merge = v1::MergeMembers {
            old_member_external_id: body.deleted_id,
            kept_member_external_id: body.kept_id,
            source: SOURCE.to_owned(),
            reason: "two customers have become one at the shop".to_owned(),
        };
        convert::merge(&merge)?;
        let claim = &context.claim;
        let tenant = context.tenant()?.clone();
        let by = Trigger::Event(SOURCE.to_owned());
        let new =
            trigger::merge_members(tenant, claim.effect_key().to_owned(), &merge, claim.scheduled_for, by);
        let created = runs::create(&mut told.tx, new).await?;
        let result = json!({ "outcome": "handed_on", "run_id": created.run_id.to_string() });
        Ok(Applied::done(told.tx).with_result(result).publishing(created.message))
    }
}
