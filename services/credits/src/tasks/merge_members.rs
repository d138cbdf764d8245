//! Makes two members one: the shop system has found that they are the same customer.
//!
//! Triggered by the event `customer.merged`. Effect: what the old member has and owes goes on with the kept
//! one, entry by entry, and the old one is marked, once for each pair. While a checkout holds some of the old
//! member's credit the run waits: its answer has to find the lots where it left them, and a hold ends by
//! itself. A customer who is no member has nothing to move.

use std::time::Duration;

use serde_json::json;
use tradeup_domain::{Dependency, ErrorCode};
use tradeup_proto::job_kind::MERGE_MEMBERS;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_store::merges::{self, AskedMerge, Merged};
use tradeup_store::schedules;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

/// The task.
pub(crate) struct MergeMembers;

/// While credit is held it is looked again after this long at the latest: most checkouts end long before
/// their hold does.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(900);

impl Task for MergeMembers {
    const KIND: JobKind = MERGE_MEMBERS;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(60);
    const NEEDS: &'static [Dependency] = &[Dependency::Ledger];
    const PREVIEWS: bool = true;
    type Input = v1::MergeMembers;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let tenant = context.tenant()?.id;
        let merge = convert::merge(&input)?;
        let asked = AskedMerge {
            tenant,
            actor: &input.source,
            reason: merge.reason.as_deref(),
            run_id: Some(context.claim.run_id),
        };

        let mut tx = context.begin().await?;
        super::check_ledger(&mut tx, tenant, None).await?;
        let old = merges::member(&mut tx, tenant, &merge.old_member_external_id).await?;
        let Some(old) = old else {
            return Ok(Applied::done(tx).with_result(json!({ "outcome": "not_a_member" })));
        };
        let kept = merges::member(&mut tx, tenant, &merge.kept_member_external_id).await?.ok_or_else(|| {
            TaskError::permanent(
                ErrorCode::UnknownMember,
                "the tenant has no member with the customer id in kept_member_external_id; import the member, \
                 then replay",
            )
        })?;
        match merges::merge(&mut tx, &asked, old, kept).await? {
            Merged::Done { is_new, member_id, lots } => Ok(Applied::done(tx).with_result(json!({
                "outcome": if is_new { "merged" } else { "already_merged" },
                "old_member_id": old.to_string(),
                "member_id": member_id.to_string(),
                "lots": lots,
            }))),
            Merged::Held { until } => {
                tx.rollback().await?;
                let mut tx = context.begin().await?;
                let left = (until - schedules::now(&mut tx).await?).to_std().unwrap_or_default();
                let after = left.clamp(Duration::from_secs(1), LOOK_AGAIN_AFTER);
                Ok(Applied::snoozed(tx, after))
            }
            Merged::Refused(why) => Err(TaskError::permanent(ErrorCode::MergeRefused, why.to_string())),
        }
    }
}
