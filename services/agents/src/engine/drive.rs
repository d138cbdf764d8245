//! Does what comes next, writes down what came of it, and looks again, until an agent is at its end.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::sync::watch;
use tradeup_store::agent_runs::{self, Cap, Caps, Journal, Lease};
use tradeup_store::snapshots::SnapshotId;
use tradeup_store::{StoreError, TenantId, Tx};
use tradeup_worker::{TaskContext, TaskError};

use super::act::{Act, Deed};
use super::state::{Agent, Ended, Next, View};
use crate::bundle::Bundle;
use crate::models::Provider;

/// Why a run does not go on now.
#[derive(Debug)]
pub(crate) enum Halt {
    /// An error: of the database, of the provider.
    Task(TaskError),
    /// The next call does not fit a limit on money.
    Over(Cap),
    /// One attempt has worked for as long as it may.
    Deadline,
    /// The run was cancelled, or is somebody else's.
    Cancelled,
    /// The service stops: another goes on with it.
    Stopping,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Task(TaskError::from(error))
    }
}

impl From<TaskError> for Halt {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

impl Halt {
    /// Of two that happened side by side, the one that decides. An error may pass, and what else there is comes again.
    fn weight(&self) -> u8 {
        match self {
            Self::Cancelled => 4,
            Self::Task(_) => 3,
            Self::Stopping => 2,
            Self::Over(_) => 1,
            Self::Deadline => 0,
        }
    }
}

/// A run under way, in this attempt.
pub(crate) struct Run<'a> {
    pub(crate) context: &'a TaskContext,
    pub(crate) provider: &'a Provider,
    pub(crate) bundle: Bundle,
    pub(crate) lease: Lease,
    pub(crate) caps: Caps,
    pub(crate) snapshot: SnapshotId,
    /// The database's clock when the attempt began: prices are those of that day.
    pub(crate) now: DateTime<Utc>,
    began: Instant,
    /// Calls of tools that are being made.
    under_way: Mutex<BTreeSet<(String, String)>>,
    /// How many questions wait for their answer.
    pub(super) in_flight: watch::Sender<usize>,
    /// One agent after the other reserves, so that each knows which reservations are there.
    pub(super) reserving: tokio::sync::Mutex<()>,
}

/// What a run is driven with.
pub(crate) struct Means<'a> {
    pub(crate) context: &'a TaskContext,
    pub(crate) provider: &'a Provider,
    pub(crate) bundle: Bundle,
    pub(crate) lease: Lease,
    pub(crate) caps: Caps,
    pub(crate) snapshot: SnapshotId,
    pub(crate) now: DateTime<Utc>,
}

type Driving<'d> = Pin<Box<dyn Future<Output = Result<Ended, Halt>> + Send + 'd>>;

impl<'a> Run<'a> {
    /// A run that begins, or goes on.
    pub(crate) fn new(means: Means<'a>) -> Self {
        let Means { context, provider, bundle, lease, caps, snapshot, now } = means;
        Self {
            context,
            provider,
            bundle,
            lease,
            caps,
            snapshot,
            now,
            began: Instant::now(),
            under_way: Mutex::default(),
            in_flight: watch::Sender::new(0),
            reserving: tokio::sync::Mutex::default(),
        }
    }

    /// Drives an agent to its end. Specialists are driven from within, so it is boxed.
    pub(crate) fn drive<'d>(&'d self, agent: &'d Agent) -> Driving<'d> {
        Box::pin(async move {
            loop {
                self.check()?;
                let journal = self.journal().await?;
                match self.next(agent, &journal) {
                    Next::Ended(ended) => return Ok(ended),
                    Next::Tell { path, seq, text } => self.tell(&path, seq, &text).await?,
                    Next::First { path } => self.ask_first(&path).await?,
                    Next::Ask(ask) => {
                        self.note_progress(agent, ask.seq, &journal).await?;
                        self.ask(&ask).await?;
                    }
                    Next::Act(acts) => self.act(&acts, &journal).await?,
                }
            }
        })
    }

    /// The journal as it is now.
    pub(crate) async fn journal(&self) -> Result<Journal, StoreError> {
        let mut tx = Tx::snapshot_of_tenant(&self.context.pool, self.tenant()).await?;
        let journal = agent_runs::journal(&mut tx, self.tenant(), self.lease.run_id).await?;
        tx.rollback().await?;
        Ok(journal)
    }

    /// What comes next. The calls that follow from it are under way from here on, so that another agent, which looks at
    /// the same moment, counts them.
    fn next(&self, agent: &Agent, journal: &Journal) -> Next {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let next = View { bundle: &self.bundle, journal, under_way: &under_way }.next(agent);
        if let Next::Act(acts) = &next {
            let made = acts.iter().filter(|act| !matches!(act.deed, Deed::Refuse(_) | Deed::Submit { .. }));
            under_way.extend(made.map(|act| (act.path.clone(), act.tool_use_id.clone())));
        }
        next
    }

    /// All of them side by side. One that fails does not break off the others: what they have begun may be paid for.
    async fn act(&self, acts: &[Act], journal: &Journal) -> Result<(), Halt> {
        let done = join_all(acts.iter().map(|act| self.do_one(act, journal))).await;
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        for act in acts {
            under_way.remove(&(act.path.clone(), act.tool_use_id.clone()));
        }
        drop(under_way);
        done.into_iter().filter_map(Result::err).max_by_key(Halt::weight).map_or(Ok(()), Err)
    }

    async fn do_one(&self, act: &Act, journal: &Journal) -> Result<(), Halt> {
        match &act.deed {
            Deed::Tool { name, arguments } => self.tool(act, name, arguments).await,
            Deed::Delegate(specialist) => self.delegate(act, specialist).await,
            Deed::Submit { role, input, last } => self.judge(act, *role, input, *last, journal).await,
            Deed::Refuse(words) => self.keep_result(act, words, true).await,
        }
    }

    async fn tell(&self, path: &str, seq: i32, text: &str) -> Result<(), Halt> {
        let mut tx = self.begin().await?;
        agent_runs::note(&mut tx, &self.lease, path, seq, text).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps what a call came to.
    pub(super) async fn keep_result(&self, act: &Act, content: &str, is_error: bool) -> Result<(), Halt> {
        let mut tx = self.begin().await?;
        let (path, id) = (&act.path, &act.tool_use_id);
        if agent_runs::call_done(&mut tx, &self.lease, path, id, content, is_error).await? {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(())
    }

    /// Whether it may go on.
    pub(super) fn check(&self) -> Result<(), Halt> {
        if self.context.cancelled.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        if self.provider.is_stopping() {
            return Err(Halt::Stopping);
        }
        if self.began.elapsed().as_secs() >= self.bundle.bounds.active_minutes * 60 {
            return Err(Halt::Deadline);
        }
        Ok(())
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.lease.tenant
    }

    /// A transaction of the shop's.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Tx::of_tenant(&self.context.pool, self.tenant()).await
    }

    async fn note_progress(&self, agent: &Agent, seq: i32, journal: &Journal) -> Result<(), Halt> {
        let turns = i64::try_from(journal.turns.len()).unwrap_or(i64::MAX);
        let note = format!("{}: turn {seq}, {} facts", agent.base, journal.facts.len());
        self.context.progress(turns, None, Some(&note)).await?;
        Ok(())
    }
}
