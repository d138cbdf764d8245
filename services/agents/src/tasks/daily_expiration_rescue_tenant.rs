//! Plans what has members use credit that is about to end.
//!
//! Triggered by the daily schedule and by `tradeup trigger`. Effect: a plan, whose campaigns a person decides on. What is
//! needed is asked beforehand, so that a turn or two of one agent are enough.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::DAILY_EXPIRATION_RESCUE_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// What is wanted, which is always the same.
const GOAL: &str = "Have members use the credit that is about to end, before it does.";

/// The task.
pub(crate) struct DailyExpirationRescueTenant {
    pub(crate) provider: Provider,
}

impl Task for DailyExpirationRescueTenant {
    const KIND: JobKind = DAILY_EXPIRATION_RESCUE_TENANT;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::AgentScanTenant;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let wanted = Wanted { timeline_days: Some(30), ..Wanted::of(as_of, GOAL) };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}
