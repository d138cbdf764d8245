//! Answers a question about members that a filter picks.
//!
//! Asked for by command, in the console and by the event `agent.requested`. Effect: an answer in the form of a plan that
//! proposes nothing.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tradeup_domain::Dependency;
use tradeup_proto::job_kind::ANALYZE_SEGMENT;
use tradeup_proto::{JobKind, convert, v1};
use tradeup_worker::{Applied, RetryPolicy, Task, TaskContext, TaskError};

use crate::conduct::{Wanted, conduct};
use crate::models::Provider;

/// What is asked where nothing is.
const WHAT_STANDS_OUT: &str = "What stands out about these members?";

/// The task.
pub(crate) struct AnalyzeSegment {
    pub(crate) provider: Provider,
}

impl Task for AnalyzeSegment {
    const KIND: JobKind = ANALYZE_SEGMENT;
    const RETRY: RetryPolicy = super::RETRY;
    const TIME_LIMIT: Duration = super::TIME_LIMIT;
    const NEEDS: &'static [Dependency] = super::NEEDS;
    type Input = v1::AnalyzeSegment;

    async fn run(&self, context: &TaskContext, input: Self::Input) -> Result<Applied, TaskError> {
        convert::analyze_segment(&input)?;
        let as_of = convert::instant("as_of", input.as_of.as_ref())?;
        let question = if input.question.trim().is_empty() { WHAT_STANDS_OUT } else { &input.question };
        let filter = input.filter.as_ref().map(filter);
        let wanted = Wanted { campaigns: false, filter, ..Wanted::of(as_of, question) };
        conduct(context, &self.provider, Self::KIND.task, wanted).await
    }
}

/// The filter as the task says it: what does not narrow is left out.
fn filter(filter: &v1::SegmentFilter) -> Value {
    let lists = [("tiers", &filter.tiers), ("segments", &filter.segments)];
    let numbers = [
        ("risk_min", i64::from(filter.risk_min)),
        ("inactive_days_min", filter.inactive_days_min.into()),
        ("balance_min_minor", filter.balance_min_minor),
        ("spent_365d_min_minor", filter.spent_365d_min_minor),
        ("expiring_within_days", filter.expiring_within_days.into()),
    ];
    let lists =
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, json!(list)));
    let numbers =
        numbers.into_iter().filter(|(_, number)| *number > 0).map(|(name, number)| (name, json!(number)));
    Value::Object(lists.chain(numbers).map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
