//! What waits to be worked on, by consumer, as NATS says it, and by task, as the tables do.
//!
//! NATS is asked for a moment only, and what it said is kept for a moment: a page is not to wait for it, and many live
//! pages are not to ask for the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tradeup_proto::JobKind;
use tradeup_store::{StoreError, overview};
use tradeup_worker::{ConsumerBacklog, Worker};
use utoipa::ToSchema;

use super::when::{When, length};

/// How long a page waits for NATS.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);
/// How long what was found is shown as it is.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(2);

/// What waits before a consumer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Consumer {
    pub(crate) service: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) name: String,
    /// The task whose runs come through it; none if it is of events.
    pub(crate) task: Option<&'static str>,
    /// Messages that nobody has taken yet.
    pub(crate) waiting: u64,
    /// Messages that somebody has taken, and has not answered for.
    pub(crate) in_hand: u64,
    /// Those of them that were taken more than once.
    pub(crate) redelivered: u64,
    /// Since when the oldest has waited.
    pub(crate) oldest: Option<When>,
    /// For how long that is.
    pub(crate) age: Option<String>,
}

impl Consumer {
    fn of(found: ConsumerBacklog, now: DateTime<Utc>) -> Self {
        let oldest = found.oldest.map(DateTime::<Utc>::from);
        Self {
            service: found.service,
            stream: found.stream,
            name: found.name,
            task: found.task,
            waiting: found.waiting,
            in_hand: found.in_hand,
            redelivered: found.redelivered,
            oldest: oldest.map(When),
            age: oldest.map(|oldest| length(now - oldest)),
        }
    }

    /// Nothing waits, and nobody has anything in hand.
    fn is_idle(&self) -> bool {
        self.waiting == 0 && self.in_hand == 0
    }
}

/// Runs of a task that wait to be worked on while nothing holds them back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Whose task it is; none if this build knows no such task.
    pub(crate) service: Option<&'static str>,
    pub(crate) task: String,
    pub(crate) runs: i64,
    /// Since when the oldest has waited that was never tried.
    pub(crate) oldest: Option<When>,
    /// For how long that is.
    pub(crate) age: Option<String>,
}

/// What waits.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Backlog {
    /// By consumer; none if NATS does not answer.
    pub(crate) consumers: Option<Vec<Consumer>>,
    /// Consumers of which NATS has said nothing in time, though it answers.
    pub(crate) silent: Vec<String>,
    /// By task, as the tables have it.
    pub(crate) queued: Vec<Queued>,
}

impl Backlog {
    /// Consumers that have something to do.
    pub(crate) fn busy(&self) -> Vec<&Consumer> {
        self.consumers.iter().flatten().filter(|consumer| !consumer.is_idle()).collect()
    }

    async fn read(worker: &Worker, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let found = worker.broker().backlog(ANSWER_WITHIN).await;
        // Streams without any consumer are an answer, too.
        let answers = found.silent.is_empty() || !found.consumers.is_empty();
        let consumers = found.consumers.into_iter().map(|consumer| Consumer::of(consumer, now)).collect();
        let queued = overview::queued(worker.pool()).await?.into_iter().map(|found| Queued {
            service: JobKind::by_task(&found.task).map(|kind| kind.service),
            task: found.task,
            runs: found.runs,
            oldest: found.since.map(When),
            age: found.since.map(|since| length(now - since)),
        });
        Ok(Self {
            consumers: answers.then_some(consumers),
            silent: if answers { found.silent } else { Vec::new() },
            queued: queued.collect(),
        })
    }
}

/// What was found last.
#[derive(Clone, Default)]
pub(crate) struct Backlogs {
    kept: Arc<Mutex<Option<(Instant, Backlog)>>>,
}

impl Backlogs {
    /// What waits, a moment ago at the most.
    pub(crate) async fn now(&self, worker: &Worker, now: DateTime<Utc>) -> Result<Backlog, StoreError> {
        // Whoever comes while it is asked for waits for that instead of asking as well.
        let mut kept = self.kept.lock().await;
        if let Some((at, backlog)) = kept.as_ref()
            && at.elapsed() < KEPT_FOR
        {
            return Ok(backlog.clone());
        }
        let backlog = Backlog::read(worker, now).await?;
        *kept = Some((Instant::now(), backlog.clone()));
        Ok(backlog)
    }
}
