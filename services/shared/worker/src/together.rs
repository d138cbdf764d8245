//! Runs that share a transaction: small work is mostly commits and round trips, which many runs can share.
//!
//! Each of them is still a run: claimed, fenced and counted as an attempt of its own, and what is refused fails
//! alone. Whatever hits all of them at once (an error of the database, a panic, one that was cancelled meanwhile)
//! leaves nothing behind, and each is then executed by itself, as if it had come alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout;
use tracing::{Instrument as _, Span};
use tradeup_broker::Delivery;
use tradeup_domain::ErrorCode;
use tradeup_proto::Message as _;
use tradeup_signals::metrics::runs as counted;
use tradeup_signals::trace;
use tradeup_store::runs::{self, Claim};
use tradeup_store::{Pool, TenantId, TenantRef, Tx, within};

use crate::execute::{STATEMENT_WITHIN, answered, committing, count_claimed, count_ended, traced};
use crate::registry::{Registered, Shared, SharedFn};
use crate::runner::Worker;
use crate::{Task, TaskError, faultpoint};

/// A task of which many runs can be done in one transaction.
///
/// [`Task::run`] does the same for one run; which of the two is called decides nothing but the time it takes.
pub trait GroupTask: Task {
    /// Most runs in one transaction. Rows stay locked until the slowest is done, so it is not many.
    const RUNS_MAX: usize;

    /// Does the work of some runs of one tenant, once.
    fn run_together(
        &self,
        group: &RunGroup<Self::Input>,
    ) -> impl Future<Output = Result<AppliedTogether, TaskError>> + Send;
}

/// Runs of one task and tenant.
pub struct RunGroup<I> {
    /// The tenant.
    pub tenant: TenantRef,
    /// The runs, with their inputs.
    pub runs: Vec<(Claim, I)>,
    pool: Pool,
}

impl<I> RunGroup<I> {
    /// Begins their transaction, which sees the rows of their tenant and no others.
    ///
    /// # Errors
    /// As any statement.
    pub async fn begin(&self) -> Result<Tx, TaskError> {
        Ok(Tx::of_tenant(&self.pool, self.tenant.id).await?)
    }
}

/// What became of one of them.
#[derive(Debug)]
pub enum Each {
    /// Done, with what to show of it.
    Done(serde_json::Value),
    /// Refused; nothing was done for it.
    Failed(TaskError),
    /// Nothing was done for it, and it has to be executed by itself.
    Alone,
}

/// The work of some runs, done but not committed.
pub struct AppliedTogether {
    pub(crate) tx: Tx,
    pub(crate) each: Vec<Each>,
}

impl AppliedTogether {
    /// What became of each run, in the order of the group.
    #[must_use]
    pub fn new(tx: Tx, each: Vec<Each>) -> Self {
        Self { tx, each }
    }
}

/// How the runs of `task` are done together.
pub(crate) fn shared<T: GroupTask>(task: Arc<T>) -> Shared {
    let run: SharedFn = Arc::new(move |pool: Pool, tenant: TenantRef, claims: Vec<Claim>| {
        let task = Arc::clone(&task);
        Box::pin(async move {
            // What can't be read is told by itself.
            let read: Vec<Option<T::Input>> =
                claims.iter().map(|claim| T::Input::decode(claim.payload.as_slice()).ok()).collect();
            let readable: Vec<bool> = read.iter().map(Option::is_some).collect();
            let runs =
                claims.into_iter().zip(read).filter_map(|(claim, input)| Some((claim, input?))).collect();
            let AppliedTogether { tx, each } = task.run_together(&RunGroup { tenant, runs, pool }).await?;
            let mut each = each.into_iter();
            let all = readable
                .into_iter()
                .map(|was_read| if was_read { each.next().unwrap_or(Each::Alone) } else { Each::Alone });
            Ok(AppliedTogether { tx, each: all.collect() })
        })
    });
    Shared { runs_max: T::RUNS_MAX, run }
}

/// A claimed run with its delivery, which has to be answered.
pub(crate) type Claimed = (Claim, Delivery);

impl Worker {
    /// Executes runs that this worker holds, those of a tenant together, and answers for their deliveries.
    pub(crate) async fn execute_together(&self, task: &Registered, shared: &Shared, claimed: Vec<Claimed>) {
        let mut groups: BTreeMap<TenantId, Vec<Claimed>> = BTreeMap::new();
        let mut alone = Vec::new();
        for (claim, delivery) in claimed {
            match &claim.tenant {
                Some(tenant) if can_share(&claim) => {
                    groups.entry(tenant.id).or_default().push((claim, delivery));
                }
                _ => alone.push((claim, delivery)),
            }
        }
        for group in groups.into_values() {
            alone.extend(if group.len() == 1 {
                group
            } else {
                self.execute_group(task, shared, group).await
            });
        }
        for (claim, delivery) in alone {
            self.execute(task, claim, &delivery).await;
        }
    }

    /// One transaction. Returns those that have to be executed by themselves.
    async fn execute_group(&self, task: &Registered, shared: &Shared, group: Vec<Claimed>) -> Vec<Claimed> {
        let begun = Instant::now();
        let spans: Vec<Span> = group.iter().map(|(claim, _)| traced(&Span::none(), task, claim)).collect();
        let each = match self.commit_together(task, shared, &group).await {
            Ok(each) => each,
            Err(error) => {
                tracing::debug!(%error, "{} runs of {} are executed one by one", group.len(), task.kind.task);
                spans.iter().for_each(|span| trace::says(span, "tradeup.outcome", "again_alone"));
                return group;
            }
        };
        let mut alone = Vec::new();
        let mut parents = Vec::new();
        for (((claim, delivery), each), span) in group.into_iter().zip(each).zip(spans) {
            let outcome = match each {
                Each::Alone => {
                    trace::says(&span, "tradeup.outcome", "again_alone");
                    alone.push((claim, delivery));
                    continue;
                }
                Each::Done(_) => {
                    answered(delivery.ack().await);
                    parents.extend(claim.parent_id);
                    "succeeded"
                }
                Each::Failed(error) => {
                    self.failed(task, &claim, &error, &delivery).instrument(span.clone()).await
                }
            };
            count_claimed(task, &claim);
            count_ended(task, begun, outcome, &span);
        }
        faultpoint::reached("ack.after").await;
        parents.sort_unstable();
        parents.dedup();
        for parent in parents {
            self.settle(Some(parent)).await;
        }
        alone
    }

    /// Does the work, ends the runs that succeeded, and commits; nothing of it stays after an error.
    async fn commit_together(
        &self,
        task: &Registered,
        shared: &Shared,
        group: &[Claimed],
    ) -> Result<Vec<Each>, TaskError> {
        let name = task.kind.task;
        let _at_work: Vec<_> = group.iter().map(|_| counted::AT_WORK.held([name])).collect();
        let claims = group.iter().map(|(claim, _)| claim);
        let Some(tenant) = group.first().and_then(|(claim, _)| claim.tenant.clone()) else {
            return Ok(group.iter().map(|_| Each::Alone).collect());
        };
        let work = (shared.run)(self.pool.clone(), tenant, claims.clone().cloned().collect());
        // In a task of its own, so that a panic is an error like others.
        let limit = task.time_limit.min(self.options.lease() / 2);
        let worked = tokio::spawn(timeout(limit, work).in_current_span()).await;
        let AppliedTogether { mut tx, each } = match worked {
            Ok(Ok(applied)) => applied?,
            Ok(Err(_elapsed)) => return Err(TaskError::transient(ErrorCode::TimedOut, "it took too long")),
            Err(panic) => return Err(TaskError::transient(ErrorCode::Panicked, panic.to_string())),
        };
        let ended = claims.zip(&each).filter_map(|(claim, each)| match each {
            Each::Done(result) => Some((claim.run_id, claim.attempt, result)),
            Each::Failed(_) | Each::Alone => None,
        });
        let ended: Vec<_> = ended.collect();
        within("ending attempts", STATEMENT_WITHIN, runs::finish_together(&mut tx, &ended)).await?;
        faultpoint::reached("commit.before").await;
        within("committing", STATEMENT_WITHIN, tx.commit()).instrument(committing()).await?;
        faultpoint::reached("commit.after").await;
        Ok(each)
    }
}

/// Whether nothing sets it apart from the others of its tenant: what is previewed, holds a place or is watched
/// closely has an end of its own. What was tried before may be what kills its process: it takes nobody with it again.
fn can_share(claim: &Claim) -> bool {
    claim.attempt == 1 && !claim.is_preview() && !claim.limited && !claim.watched && claim.batch.is_none()
}
