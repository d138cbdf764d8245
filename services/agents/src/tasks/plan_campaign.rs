//! Plans one campaign.
//!
//! Asked for by command, in the console and by the event `agent.requested`. Effect: a plan with the campaign, which a
//! person decides on.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::PLAN_CAMPAIGN;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// The task.
pub(crate) struct PlanCampaign {
    pub(crate) provider: Provider,
}

impl Task for PlanCampaign {
    const KIND: JobKind = PLAN_CAMPAIGN;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::PlanCampaign;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        convert::plan_campaign(&input)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let wanted = Wanted {
            target_segment: Some(input.segment),
            budget_minor: Some(input.budget_minor).filter(|budget| *budget > 0),
            ..Wanted::of(as_of, &input.objective)
        };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}
