//! Reviews a shop's programme and plans its next quarter.
//!
//! Triggered by the monthly schedule and by `tradeup trigger`. Effect: a plan, whose campaigns a person decides on.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::MONTHLY_STRATEGIC_REVIEW_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// What is wanted, which is always the same.
const GOAL: &str = "Review the month behind, and plan the quarter ahead.";

/// The task.
pub(crate) struct MonthlyStrategicReviewTenant {
    pub(crate) provider: Provider,
}

impl Task for MonthlyStrategicReviewTenant {
    const KIND: JobKind = MONTHLY_STRATEGIC_REVIEW_TENANT;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::AgentScanTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let wanted = Wanted { timeline_days: Some(90), ..Wanted::of(as_of, GOAL) };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}
