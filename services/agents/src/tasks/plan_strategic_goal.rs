//! Plans the way to a goal, in three phases.
//!
//! Asked for by command, in the console and by the event `agent.requested`. Effect: a plan, whose campaigns a person
//! decides on.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::PLAN_STRATEGIC_GOAL;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// The task.
pub(crate) struct PlanStrategicGoal {
    pub(crate) provider: Provider,
}

impl Task for PlanStrategicGoal {
    const KIND: JobKind = PLAN_STRATEGIC_GOAL;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::PlanStrategicGoal;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        convert::plan_strategic_goal(&input)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let wanted = Wanted {
            timeline_days: Some(input.timeline_days.into()),
            target_segment: Some(input.target_segment),
            ..Wanted::of(as_of, &input.goal)
        };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}
