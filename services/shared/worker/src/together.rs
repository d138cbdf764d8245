//! Runs that share a transaction: small work is mostly commits and round trips, which many runs can share, those of a
//! tenant and those of several.
//!
//! Each of them is still a run: fenced and counted as an attempt of its own. What is in their way is not looked for
//! before: they are done and ended in one commit, and whatever hits one of them (it is refused, cancelled meanwhile, or
//! another worker's) or all of them (an error of the database, a panic) leaves nothing behind. Then those of each tenant
//! are done in a transaction of their own, and what is hit again is claimed and executed one by one, as if it had come
//! alone. So is what was delivered before: it may be what killed its process, and only a claim is on record whatever
//! follows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tracing::{Instrument as _, Span};
use tradeup_domain::{Classify as _, ErrorCode};
use tradeup_proto::Message as _;
use tradeup_signals::metrics::{messages, runs as counted};
use tradeup_signals::trace;
use tradeup_store::batches::{self, BatchCounts, Completed, Cut, OwnBatch, PlannedRuns};
use tradeup_store::outbox::JobMessage;
use tradeup_store::runs::{self, Claim, FirstEnding, KnownBy};
use tradeup_store::{Pool, RunId, StoreError, TenantRef, Tx, within};

use crate::bury::Buried;
use crate::by_message::Trust;
use crate::consumer::CLAIM_WITHIN;
use crate::execute::{STATEMENT_WITHIN, answered, committing, count_claimed, count_ended, traced};
use crate::places::Held;
use crate::registry::{Registered, Shared, SharedFn};
use crate::runner::Worker;
use crate::{Task, TaskError, faultpoint};

/// Most tenants whose runs share a transaction: what hits one of them costs so many a second try.
pub(crate) const TENANTS_MAX: usize = 8;

/// A task of which many runs can be done in one transaction.
///
/// [`Task::run`] does the same for one run; which of the two is called decides nothing but the time it takes.
pub trait GroupTask: Task {
    /// Most runs in one transaction. Rows stay locked until the slowest is done, so it is not many.
    const RUNS_MAX: usize;
    /// Whether a run may be begun at its message's word ([`Trust`]). Its work is done for nothing then if something holds it back, so it
    /// is to be little.
    const BY_MESSAGE: bool = false;

    /// Does the work of some runs of one tenant, once: what became of each, in their order. The transaction sees the rows of
    /// their tenant and no others; it may be that of other tenants' runs, before and after.
    fn run_together(
        &self,
        tx: &mut Tx,
        group: &RunGroup<Self::Input>,
    ) -> impl Future<Output = Result<Vec<Each>, TaskError>> + Send;
}

/// Runs of one task and tenant.
pub struct RunGroup<I> {
    /// The tenant.
    pub tenant: TenantRef,
    /// The runs, with their inputs.
    pub runs: Vec<(Claim, I)>,
    /// Members of other tenants on whom runs have had their effect in the transaction, which holds them until its end.
    pub members_locked: i32,
}

/// What became of one of them.
#[derive(Debug)]
pub enum Each {
    /// Done, with what to show of it.
    Done(serde_json::Value),
    /// A batch of members, of whom this became.
    Batch(BatchCounts),
    /// Its work goes on in these batches.
    InBatches(Cut),
    /// It was its own batch, and is done.
    OwnBatch(OwnBatch),
    /// Nothing was done for it, and it has to be executed by itself, which tells why if it is refused.
    Alone,
}

impl Each {
    /// Members on whom it had its effect.
    fn members(&self) -> i32 {
        match self {
            Self::Batch(counts) | Self::OwnBatch(OwnBatch { counts, .. }) => counts.members,
            Self::Done(_) | Self::InBatches(_) | Self::Alone => 0,
        }
    }
}

/// How the runs of `task` are done together.
pub(crate) fn shared<T: GroupTask>(task: Arc<T>) -> Shared {
    let run: SharedFn = Arc::new(move |mut tx: Tx, tenant: TenantRef, claims: Vec<Claim>, members_locked| {
        let task = Arc::clone(&task);
        Box::pin(async move {
            // What can't be read is told by itself.
            let read: Vec<Option<T::Input>> =
                claims.iter().map(|claim| T::Input::decode(claim.payload.as_slice()).ok()).collect();
            let readable: Vec<bool> = read.iter().map(Option::is_some).collect();
            let runs =
                claims.into_iter().zip(read).filter_map(|(claim, input)| Some((claim, input?))).collect();
            let mut each =
                task.run_together(&mut tx, &RunGroup { tenant, runs, members_locked }).await?.into_iter();
            let all = readable
                .into_iter()
                .map(|was_read| if was_read { each.next().unwrap_or(Each::Alone) } else { Each::Alone });
            let all = all.collect();
            Ok((tx, all))
        })
    });
    Shared { runs_max: T::RUNS_MAX, run, by_message: T::BY_MESSAGE }
}

/// Runs that were done in one transaction.
struct Committed {
    /// What became of each.
    each: Vec<Each>,
    /// How long each had waited to be begun.
    waited: HashMap<RunId, Duration>,
    /// The batches that come next.
    released: Vec<JobMessage>,
    /// Parents of batches that have none left to release, or none at all.
    used_up: Vec<RunId>,
}

/// What is left of runs that were to share a transaction.
struct Tried {
    /// All of them, if nothing of it stays.
    again: Vec<Untried>,
    /// Those that have to be executed by themselves.
    alone: Vec<Held>,
}

/// A run that nothing has been tried of.
pub(crate) struct Untried {
    claim: Claim,
    /// Where that comes from.
    known_by: KnownBy,
    /// Its delivery, which has to be answered.
    pub(crate) held: Held,
}

impl Worker {
    /// Of deliveries of such a task, those whose runs can share a transaction, and the others. What says all that there is to it is
    /// taken at its word, as long as rows say the same; the others' rows are looked at.
    ///
    /// # Errors
    /// As any statement.
    pub(crate) async fn untried(
        &self,
        task: &Registered,
        trust: &Trust,
        held: Vec<Held>,
    ) -> Result<(Vec<Untried>, Vec<Held>), (StoreError, Vec<Held>)> {
        let (mut untried, mut first, mut others) = (Vec::with_capacity(held.len()), Vec::new(), Vec::new());
        for mut held in held {
            if held.delivery.delivered() > 1 {
                others.push(held);
            } else if let Some(claim) = trust.claim(&mut held, task) {
                untried.push(Untried { claim, known_by: KnownBy::Message, held });
            } else {
                first.push(held);
            }
        }
        faultpoint::reached("claim.before").await;
        if first.is_empty() {
            return Ok((untried, others));
        }
        let ids: Vec<RunId> = first.iter().map(|held| held.run_id).collect();
        let claimant = self.claimant(task);
        let looked = runs::untried(&self.pool, &ids, &claimant);
        let mut runs: HashMap<RunId, Claim> = match within("looking at runs", CLAIM_WITHIN, looked).await {
            // What is another task's is not executed as this one's.
            Ok(claims) => claims
                .into_iter()
                .filter(|c| !c.is_preview() && c.task == task.kind.task)
                .map(|c| (c.run_id, c))
                .collect(),
            Err(error) => {
                first.append(&mut others);
                first.extend(untried.into_iter().map(|one| one.held));
                return Err((error, first));
            }
        };
        if runs.len() == first.len() {
            trust.regain();
        }
        for held in first {
            match runs.remove(&held.run_id) {
                Some(claim) => untried.push(Untried { claim, known_by: KnownBy::Row, held }),
                None => others.push(held),
            }
        }
        Ok((untried, others))
    }

    /// Executes runs together, and answers for their deliveries. Returns those that have to be claimed and executed by
    /// themselves.
    pub(crate) async fn execute_together(
        &self,
        task: &Registered,
        shared: &Shared,
        trust: &Trust,
        untried: Vec<Untried>,
    ) -> Vec<Held> {
        let mut alone = Vec::new();
        let mut groups = by_tenant(untried, &mut alone);
        if groups.len() > 1 {
            let all = groups.into_values().flatten().collect();
            let tried = self.execute_group(task, shared, trust, all).await;
            alone.extend(tried.alone);
            for one in &tried.again {
                answered(one.held.delivery.progress().await);
            }
            groups = by_tenant(tried.again, &mut alone);
        }
        // One tenant's, or what hit one of them must not cost the others more than this second try.
        for group in groups.into_values() {
            let tried = self.execute_group(task, shared, trust, group).await;
            alone.extend(tried.alone);
            alone.extend(tried.again.into_iter().map(|one| one.held));
        }
        alone
    }

    /// One transaction, of runs that are in the order of tenants.
    async fn execute_group(
        &self,
        task: &Registered,
        shared: &Shared,
        trust: &Trust,
        group: Vec<Untried>,
    ) -> Tried {
        let begun = Instant::now();
        let name = task.kind.task;
        let is_told = group.iter().any(|one| one.known_by == KnownBy::Message);
        let known_by = if is_told { KnownBy::Message } else { KnownBy::Row };
        let (mut claims, deliveries): (Vec<Claim>, Vec<Held>) =
            group.into_iter().map(|one| (one.claim, one.held)).unzip();
        let spans: Vec<Span> = claims.iter().map(|claim| traced(&Span::none(), task, claim)).collect();
        let committed = self.commit_together(task, shared, &claims, known_by).await;
        let Committed { each, waited, released, used_up } = match committed {
            Ok(committed) => committed,
            Err(error) => {
                let count = claims.len();
                let row_is_not_so =
                    matches!(error.code(), ErrorCode::Superseded | ErrorCode::DatabaseUnavailable);
                if is_told && row_is_not_so && trust.lose() {
                    tracing::info!(
                        "rows of {name} are looked at before they are worked on, for a while: {error}"
                    );
                }
                match error.code() {
                    ErrorCode::Superseded | ErrorCode::DatabaseRefused | ErrorCode::DatabaseConflict => {
                        tracing::debug!(%error, "{count} runs of {name} are executed again, fewer at once");
                    }
                    // It costs time only, and would never be seen if it happened each time.
                    code => {
                        tracing::warn!(%code, "{count} runs of {name} are executed again, fewer at once: {error}");
                    }
                }
                spans.iter().for_each(|span| trace::says(span, "tradeup.outcome", "again_alone"));
                return match error.code() {
                    // It would take as long again, while their deliveries wait.
                    ErrorCode::TimedOut | ErrorCode::DatabaseUnavailable => {
                        Tried { again: Vec::new(), alone: deliveries }
                    }
                    _ => {
                        let again = claims.into_iter().zip(deliveries);
                        let again = again.map(|(claim, held)| Untried { claim, known_by, held });
                        Tried { again: again.collect(), alone: Vec::new() }
                    }
                };
            }
        };
        let mut alone = Vec::new();
        for claim in &mut claims {
            claim.waited = waited.get(&claim.run_id).copied();
        }
        let mut parents = used_up;
        for (((claim, held), each), span) in claims.into_iter().zip(deliveries).zip(each).zip(spans) {
            let outcome = match each {
                Each::Alone => {
                    trace::says(&span, "tradeup.outcome", "again_alone");
                    alone.push(held);
                    continue;
                }
                Each::InBatches(_) => "waiting",
                Each::Done(_) | Each::Batch(_) | Each::OwnBatch(_) => "succeeded",
            };
            answered(held.delivery.ack().await);
            if matches!(each, Each::Done(_) | Each::OwnBatch(_)) {
                parents.extend(claim.parent_id);
            }
            messages::DELIVERIES.one([name, "claimed"]);
            count_claimed(task, &claim);
            count_ended(task, begun, outcome, &span);
        }
        faultpoint::reached("ack.after").await;
        self.publish(Buried { dead: Vec::new(), jobs: released });
        self.settle(&parents).await;
        Tried { again: Vec::new(), alone }
    }

    /// Does the work, ends the runs that succeeded, and commits; nothing of it stays after an error.
    async fn commit_together(
        &self,
        task: &Registered,
        shared: &Shared,
        claims: &[Claim],
        known_by: KnownBy,
    ) -> Result<Committed, TaskError> {
        let name = task.kind.task;
        let _at_work: Vec<_> = claims.iter().map(|_| counted::AT_WORK.held([name])).collect();
        let work = work(self.pool.clone(), shared.clone(), claims.to_vec());
        // In a task of its own, so that a panic is an error like others.
        let limit = task.time_limit.min(self.options.lease() / 2);
        let worked = tokio::spawn(timeout(limit, work).in_current_span()).await;
        let (mut tx, each) = match worked {
            Ok(Ok(worked)) => worked?,
            Ok(Err(_elapsed)) => return Err(TaskError::transient(ErrorCode::TimedOut, "it took too long")),
            Err(panic) => return Err(TaskError::transient(ErrorCode::Panicked, panic.to_string())),
        };
        let mut ended = Vec::with_capacity(claims.len());
        let (mut batches_ended, mut own, mut cut) = (Vec::new(), Vec::new(), Vec::new());
        for (claim, each) in claims.iter().zip(&each) {
            let ending = match each {
                Each::Done(result) => FirstEnding::Succeeded(Some(result)),
                Each::Batch(counts) => {
                    batches_ended.extend(claim.parent_id.map(|parent| (parent, claim.run_id, counts)));
                    FirstEnding::Succeeded(None)
                }
                Each::OwnBatch(batch) => {
                    own.push((claim.run_id, batch));
                    FirstEnding::Succeeded(Some(batch.result()))
                }
                Each::InBatches(batches) => {
                    cut.push((claim.run_id, batches));
                    FirstEnding::Waiting
                }
                Each::Alone => continue,
            };
            ended.push((claim, ending));
        }
        let claimant = self.claimant(task);
        let finished = runs::finish_untried(&mut tx, &ended, known_by, &claimant);
        let waited = within("ending runs", STATEMENT_WITHIN, finished).await?;
        // After the runs, in the order in which whoever cancels them locks both.
        let completed = batches::complete(&mut tx, &batches_ended);
        let Completed { mut released, mut used_up } =
            within("ending batches", STATEMENT_WITHIN, completed).await?;
        within("recording batches", STATEMENT_WITHIN, batches::record_own(&mut tx, &own)).await?;
        let planned = batches::plan(&mut tx, &cut);
        let PlannedRuns { released: first, empty } =
            within("planning batches", STATEMENT_WITHIN, planned).await?;
        released.extend(first);
        used_up.extend(empty);
        faultpoint::reached("commit.before").await;
        within("committing", STATEMENT_WITHIN, tx.commit()).instrument(committing()).await?;
        faultpoint::reached("commit.after").await;
        Ok(Committed { each, waited, released, used_up })
    }
}

/// Runs by their tenants: in the order in which everybody locks what is theirs. Those without one are to be executed alone.
fn by_tenant(untried: Vec<Untried>, alone: &mut Vec<Held>) -> BTreeMap<TenantRef, Vec<Untried>> {
    let mut groups: BTreeMap<TenantRef, Vec<Untried>> = BTreeMap::new();
    for one in untried {
        match one.claim.tenant.clone() {
            Some(tenant) => groups.entry(tenant).or_default().push(one),
            None => alone.push(one.held),
        }
    }
    groups
}

/// The work of runs that are in the order of tenants, tenant by tenant in one transaction.
async fn work(pool: Pool, shared: Shared, claims: Vec<Claim>) -> Result<(Tx, Vec<Each>), TaskError> {
    let mut open: Option<Tx> = None;
    let mut all = Vec::with_capacity(claims.len());
    let mut members_locked = 0;
    for of_one in claims.chunk_by(|one, next| one.tenant == next.tenant) {
        let Some(tenant) = of_one.first().and_then(|claim| claim.tenant.clone()) else { continue };
        let tx = match open.take() {
            None => Tx::of_tenant(&pool, tenant.id).await?,
            Some(mut tx) => {
                tx.turn_to(tenant.id).await?;
                tx
            }
        };
        let (tx, each) = (shared.run)(tx, tenant, of_one.to_vec(), members_locked).await?;
        members_locked += each.iter().map(Each::members).sum::<i32>();
        all.extend(each);
        open = Some(tx);
    }
    let tx = open.ok_or_else(|| TaskError::permanent(ErrorCode::InvalidInput, "no run has a tenant"))?;
    Ok((tx, all))
}
