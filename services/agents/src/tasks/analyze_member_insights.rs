//! Answers a question about all members.
//!
//! Asked for by command, in the console and by the event `agent.requested`. Effect: an answer in the form of a plan that
//! proposes nothing.

use std::time::Duration;

use tradeup_domain::Dependency;
use tradeup_proto::job_kind::ANALYZE_MEMBER_INSIGHTS;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// What is asked where nothing is.
const WHAT_STANDS_OUT: &str = "What stands out about the members?";

/// The task.
pub(crate) struct AnalyzeMemberInsights {
    pub(crate) provider: Provider,
}

impl Task for AnalyzeMemberInsights {
    const KIND: JobKind = ANALYZE_MEMBER_INSIGHTS;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::AnalyzeMemberInsights;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        convert::analyze_member_insights(&input)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let question = if input.question.trim().is_empty() { WHAT_STANDS_OUT } else { &input.question };
        let wanted = Wanted { campaigns: false, ..Wanted::of(as_of, question) };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}
