//! Plans what brings members back who are about to stay away.
//!
//! Triggered by the weekly schedule and by `tradeup trigger`. Effect: a plan, whose campaigns a person decides on. What is
//! needed is asked beforehand, so that a turn or two of one agent are enough.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::WEEKLY_CHURN_PREVENTION_SCAN_TENANT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// What is wanted, which is always the same.
const GOAL: &str = "Bring back the members who are about to stay away, before they do.";

/// The task.
pub(crate) struct WeeklyChurnPreventionScanTenant {
    pub(crate) provider: Provider,
}

impl Task for WeeklyChurnPreventionScanTenant {
    const KIND: JobKind = WEEKLY_CHURN_PREVENTION_SCAN_TENANT;
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
