//! The daily review of tiers over all tenants: one child run for each active one. Of a suspended shop nothing
//! is lowered: its members would not be told.
//!
//! Triggered by the schedule or by hand. Effect: child runs and their messages, nothing on money.

use std::time::Duration;

use chrono::TimeDelta;
use tradeup_proto::job_kind::{TIER_REVIEW, TIER_REVIEW_TENANT};
use tradeup_proto::{JobKind, Message as _, v1};
use tradeup_store::runs::Spawn;
use tradeup_worker::planning::ACTIVE;
use tradeup_worker::trigger::TIER_REVIEW_SCHEDULE;
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::fan_out;

/// The task.
pub(crate) struct TierReview;

impl Task for TierReview {
    const KIND: JobKind = TIER_REVIEW;
    const RETRY: RetryPolicy = RetryPolicy::DATABASE;
    const TIME_LIMIT: Duration = Duration::from_secs(600);
    type Input = v1::TierReview;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let payload = v1::TierReviewTenant { as_of: input.as_of };
        let spawn = Spawn {
            task: TIER_REVIEW_TENANT.task,
            key: &context.claim.key,
            payload: &payload.encode_to_vec(),
            states: ACTIVE,
            schedule: TIER_REVIEW_SCHEDULE,
            spread: TimeDelta::milliseconds(input.spread_ms),
        };
        fan_out::to_tenants(context, &spawn).await
    }
}
