//! Runs that share a transaction: small work is mostly commits and round trips, which many runs can share.
//!
//! Each of them is still a run: fenced and counted as an attempt of its own. What is in their way is not looked for
//! before: they are done and ended in one commit, and whatever hits one of them (it is refused, cancelled meanwhile, or
//! another worker's) or all of them (an error of the database, a panic) leaves nothing behind. Those are then claimed and
//! executed one by one, as if they had come alone. So is what was delivered before: it may be what killed its process,
//! and only a claim is on record whatever follows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout;
use tracing::{Instrument as _, Span};
use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_proto::Message as _;
use tradeup_signals::metrics::{messages, runs as counted};
use tradeup_signals::trace;
use tradeup_store::batches::{self, BatchCounts};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, Claim};
use tradeup_store::{Pool, RunId, StoreError, TenantRef, Tx, within};

use crate::bury::Buried;
use crate::consumer::CLAIM_WITHIN;
use crate::execute::{STATEMENT_WITHIN, answered, committing, count_claimed, count_ended, traced};
use crate::places::Held;
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
    /// Connections.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

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
    /// A batch of members, of whom this became.
    Batch(BatchCounts),
    /// Nothing was done for it, and it has to be executed by itself, which tells why if it is refused.
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

/// Runs that were done in one transaction.
struct Committed {
    /// What became of each.
    each: Vec<Each>,
    /// The batches that come after those that have ended.
    released: Vec<JobMessage>,
}

/// A run that nothing has been tried of, with its delivery, which has to be answered.
pub(crate) type Untried = (Claim, Held);

impl Worker {
    /// Of deliveries of such a task, those whose runs can share a transaction, and the others.
    ///
    /// # Errors
    /// As any statement.
    pub(crate) async fn untried(
        &self,
        task: &Registered,
        held: Vec<Held>,
    ) -> Result<(Vec<Untried>, Vec<Held>), (StoreError, Vec<Held>)> {
        let (mut first, mut others): (Vec<Held>, Vec<Held>) =
            held.into_iter().partition(|held| held.delivery.delivered() == 1);
        if first.is_empty() {
            return Ok((Vec::new(), others));
        }
        let ids: Vec<RunId> = first.iter().map(|held| held.run_id).collect();
        let claimant = self.claimant(task);
        faultpoint::reached("claim.before").await;
        let looked = runs::untried(&self.pool, &ids, &claimant);
        let mut runs: HashMap<RunId, Claim> = match within("looking at runs", CLAIM_WITHIN, looked).await {
            Ok(claims) => claims.into_iter().filter(|c| !c.is_preview()).map(|c| (c.run_id, c)).collect(),
            Err(error) => {
                first.append(&mut others);
                return Err((error, first));
            }
        };
        let mut untried = Vec::with_capacity(first.len());
        for held in first {
            match runs.remove(&held.run_id) {
                Some(claim) => untried.push((claim, held)),
                None => others.push(held),
            }
        }
        Ok((untried, others))
    }

    /// Executes runs, those of a tenant together, and answers for their deliveries. Returns those that have to be
    /// claimed and executed by themselves.
    pub(crate) async fn execute_together(
        &self,
        task: &Registered,
        shared: &Shared,
        untried: Vec<Untried>,
    ) -> Vec<Held> {
        let mut groups: BTreeMap<TenantRef, Vec<Untried>> = BTreeMap::new();
        let mut alone = Vec::new();
        for (claim, held) in untried {
            match claim.tenant.clone() {
                Some(tenant) => groups.entry(tenant).or_default().push((claim, held)),
                None => alone.push(held),
            }
        }
        for (tenant, group) in groups {
            alone.extend(self.execute_group(task, shared, tenant, group).await);
        }
        alone
    }

    /// One transaction. Returns those that have to be executed by themselves.
    async fn execute_group(
        &self,
        task: &Registered,
        shared: &Shared,
        tenant: TenantRef,
        group: Vec<Untried>,
    ) -> Vec<Held> {
        let begun = Instant::now();
        let name = task.kind.task;
        let (claims, deliveries): (Vec<Claim>, Vec<Held>) = group.into_iter().unzip();
        let spans: Vec<Span> = claims.iter().map(|claim| traced(&Span::none(), task, claim)).collect();
        let Committed { each, released } = match self.commit_together(task, shared, tenant, &claims).await {
            Ok(committed) => committed,
            Err(error) => {
                let count = claims.len();
                match error.code() {
                    ErrorCode::Superseded | ErrorCode::DatabaseRefused | ErrorCode::DatabaseConflict => {
                        tracing::debug!(%error, "{count} runs of {name} are executed one by one");
                    }
                    // It costs time only, and would never be seen if it happened each time.
                    code => tracing::warn!(%code, "{count} runs of {name} are executed one by one: {error}"),
                }
                spans.iter().for_each(|span| trace::says(span, "tradeup.outcome", "again_alone"));
                return deliveries;
            }
        };
        let mut alone = Vec::new();
        let mut parents = Vec::new();
        for (((claim, held), each), span) in claims.into_iter().zip(deliveries).zip(each).zip(spans) {
            if let Each::Alone = each {
                trace::says(&span, "tradeup.outcome", "again_alone");
                alone.push(held);
                continue;
            }
            answered(held.delivery.ack().await);
            parents.extend(claim.parent_id);
            messages::DELIVERIES.one([name, "claimed"]);
            count_claimed(task, &claim);
            count_ended(task, begun, "succeeded", &span);
        }
        faultpoint::reached("ack.after").await;
        // Whoever released another batch for each that has ended knows that the parent goes on.
        if released.len() == parents.len() {
            parents.clear();
        }
        self.publish(Buried { dead: Vec::new(), jobs: released });
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
        tenant: TenantRef,
        claims: &[Claim],
    ) -> Result<Committed, TaskError> {
        let name = task.kind.task;
        let _at_work: Vec<_> = claims.iter().map(|_| counted::AT_WORK.held([name])).collect();
        let work = (shared.run)(self.pool.clone(), tenant, claims.to_vec());
        // In a task of its own, so that a panic is an error like others.
        let limit = task.time_limit.min(self.options.lease() / 2);
        let worked = tokio::spawn(timeout(limit, work).in_current_span()).await;
        let AppliedTogether { mut tx, each } = match worked {
            Ok(Ok(applied)) => applied?,
            Ok(Err(_elapsed)) => return Err(TaskError::transient(ErrorCode::TimedOut, "it took too long")),
            Err(panic) => return Err(TaskError::transient(ErrorCode::Panicked, panic.to_string())),
        };
        let ended = claims.iter().zip(&each).filter_map(|(claim, each)| match each {
            Each::Done(result) => Some((claim.run_id, Some(result))),
            Each::Batch(_) => Some((claim.run_id, None)),
            Each::Alone => None,
        });
        let ended: Vec<_> = ended.collect();
        let claimant = self.claimant(task);
        let finished = runs::finish_untried(&mut tx, &ended, &claimant);
        within("ending runs", STATEMENT_WITHIN, finished).await?;
        // After the runs, in the order in which whoever cancels them locks both.
        let mut batches: BTreeMap<RunId, Vec<(RunId, &BatchCounts)>> = BTreeMap::new();
        for (claim, each) in claims.iter().zip(&each) {
            if let (Some(parent), Each::Batch(counts)) = (claim.parent_id, each) {
                batches.entry(parent).or_default().push((claim.run_id, counts));
            }
        }
        let mut released = Vec::new();
        for (parent, ended) in batches {
            let next = batches::complete(&mut tx, parent, &ended);
            released.extend(within("ending batches", STATEMENT_WITHIN, next).await?);
        }
        faultpoint::reached("commit.before").await;
        within("committing", STATEMENT_WITHIN, tx.commit()).instrument(committing()).await?;
        faultpoint::reached("commit.after").await;
        Ok(Committed { each, released })
    }
}
