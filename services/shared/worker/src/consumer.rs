//! One task's consumer: pulls, finds places, claims or has runs done together, hands to execution.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tradeup_broker::{Delivery, Pull};
use tradeup_domain::ErrorCode;
use tradeup_proto::subject::Lane;
use tradeup_proto::{Message as _, convert, v1};
use tradeup_signals::metrics::{messages, runs as counted};
use tradeup_store::runs::{self, Claim, ClaimOutcome, Ending};
use tradeup_store::{RunId, StoreError, Tx, outbox, within};

use crate::by_message::Trust;
use crate::execute::{answered, original};
use crate::places::{Held, Place, Taken};
use crate::registry::{Registered, Shared};
use crate::runner::Worker;
use crate::together::Untried;
use crate::{bury, faultpoint, restore};

/// Wait before a consumer is opened again that could not be opened or has gone.
const REOPEN_WAIT: Duration = Duration::from_secs(1);
/// Wait before a delivery comes again while the database can't be asked.
const DATABASE_WAIT: Duration = Duration::from_secs(1);
/// A claim that takes longer is given up: its connection may be dead without anybody having noticed.
pub(crate) const CLAIM_WITHIN: Duration = Duration::from_secs(10);
/// Shortest wait before a delivery of a held run comes again.
const BUSY_WAIT_MIN: Duration = Duration::from_millis(200);

/// What was delivered but not begun is handed back at once.
pub(crate) async fn hand_back(pull: Pull) {
    for delivery in pull.close() {
        answered(delivery.nak(Duration::ZERO).await);
    }
}

/// Waits before a consumer is opened again, unless it is time to stop.
pub(crate) async fn reopen_wait(shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = sleep(REOPEN_WAIT) => {}
    }
}

/// One job kind's loop over one lane.
#[derive(Clone)]
pub(crate) struct Consumer {
    pub(crate) worker: Worker,
    pub(crate) task: Registered,
    pub(crate) lane: Lane,
    pub(crate) trust: Arc<Trust>,
    pub(crate) shutdown: CancellationToken,
}

impl Consumer {
    /// Pulls and executes until it is time to stop.
    pub(crate) async fn consume(self) {
        let kind = self.task.kind;
        let at_once = self.worker.options.concurrency(self.lane);
        let places = Arc::new(Semaphore::new(at_once));
        while !self.shutdown.is_cancelled() {
            let at_hand = self.task.shared.as_ref().map_or(at_once, |shared| at_once.max(shared.runs_max));
            match self.worker.broker.pull(kind, self.lane, at_hand).await {
                Ok(pull) => self.pull_until_gone(pull, &places, at_once).await,
                Err(error) => self.worker.could_not_pull(&error).await,
            }
            reopen_wait(&self.shutdown).await;
        }
    }

    async fn pull_until_gone(&self, mut pull: Pull, places: &Arc<Semaphore>, at_once: usize) {
        // At hand, and nobody had a place for them.
        let mut kept: VecDeque<Delivery> = VecDeque::new();
        let is_little = self.task.shared.as_ref().is_some_and(|shared| shared.by_message);
        let mut before = BTreeSet::new();
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = Arc::clone(places).acquire_owned().await.ok()?;
                let delivery = match kept.pop_front() {
                    Some(delivery) => delivery,
                    None => pull.next().await?,
                };
                Some((delivery, permit))
            };
            let first = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => None,
                first = next => first,
            };
            let Some((delivery, permit)) = first else { break };
            // Take together what is here already: as many as there is room for, or share a transaction.
            let mut taken = Taken::new(places, self.task.shared.as_ref().map_or(1, |shared| shared.runs_max));
            taken.add(delivery, Arc::new(permit));
            taken.fill(&mut kept, || pull.next_at_hand());
            // What is little alone is mostly what each transaction costs, and others are at work on it already.
            if is_little {
                if taken.others_ended(at_once, &before).await {
                    taken.fill(&mut kept, || pull.next_at_hand());
                }
                before = taken.tenants();
            }
            self.take(taken.deliveries).await;
        }
        for delivery in kept {
            answered(delivery.nak(Duration::ZERO).await);
        }
        hand_back(pull).await;
    }

    /// Reads and claims deliveries, and sets their execution going.
    async fn take(&self, deliveries: Vec<(Delivery, Place)>) {
        let mut held: Vec<Held> = Vec::with_capacity(deliveries.len());
        let task = self.task.kind.task;
        let by_message = self.task.shared.as_ref().is_some_and(|shared| shared.by_message);
        for (delivery, place) in deliveries {
            if delivery.delivered() > 1 {
                messages::REDELIVERED.one([task]);
            }
            match read_job(&delivery) {
                // The same run twice at hand: one claim answers, the other looks again.
                Ok((run_id, _)) if held.iter().any(|h| h.run_id == run_id) => {
                    messages::DELIVERIES.one([task, "busy"]);
                    answered(delivery.nak(BUSY_WAIT_MIN).await);
                }
                Ok((run_id, job)) => {
                    // What else there is to know of others is told by their rows.
                    let job = Some(job).filter(|_| by_message);
                    held.push(Held { delivery, run_id, job, place });
                }
                Err(error) => {
                    messages::DELIVERIES.one([task, "undecodable"]);
                    self.set_aside(&delivery, ErrorCode::UndecodableMessage, &error).await;
                }
            }
        }
        if held.is_empty() {
            return;
        }
        match self.task.shared.clone() {
            Some(shared) => self.take_together(&shared, held).await,
            None => {
                for (held, outcome) in self.claim(held).await {
                    let consumer = self.clone();
                    self.worker.tracker.spawn(async move { consumer.proceed(held, outcome).await });
                }
            }
        }
    }

    /// Sets runs going of a task of which many are done in one transaction: each place those that share it.
    async fn take_together(&self, shared: &Shared, held: Vec<Held>) {
        let (untried, others) = match self.worker.untried(&self.task, &self.trust, held).await {
            Ok(parted) => parted,
            Err((error, held)) => return self.not_now(&error, held).await,
        };
        let mut places: HashMap<*const OwnedSemaphorePermit, (Vec<Untried>, Vec<Held>)> = HashMap::new();
        for one in untried {
            places.entry(Arc::as_ptr(&one.held.place)).or_default().0.push(one);
        }
        for held in others {
            places.entry(Arc::as_ptr(&held.place)).or_default().1.push(held);
        }
        for (untried, others) in places.into_values() {
            self.worker.tracker.spawn(self.clone().proceed_together(shared.clone(), untried, others));
        }
    }

    /// Runs that share a place: those that may share a transaction, and then the others in turn.
    async fn proceed_together(self, shared: Shared, untried: Vec<Untried>, others: Vec<Held>) {
        let mut told = Instant::now();
        let mut alone =
            VecDeque::from(self.worker.execute_together(&self.task, &shared, &self.trust, untried).await);
        alone.extend(others);
        // Each is claimed when its turn comes: what kills its process, or takes long, costs those behind it no attempt.
        while let Some(next) = alone.pop_front() {
            if self.shutdown.is_cancelled() {
                answered(next.delivery.nak(Duration::ZERO).await);
                continue;
            }
            if told.elapsed() > self.worker.options.lease() / 3 {
                told = Instant::now();
                for waiting in &alone {
                    answered(waiting.delivery.progress().await);
                }
            }
            match self.claim(vec![next]).await.pop() {
                Some((held, outcome)) => self.proceed(held, outcome).await,
                // The database can't be asked, for none of them.
                None => {
                    for held in alone.drain(..) {
                        messages::DELIVERIES.one([self.task.kind.task, "failed"]);
                        answered(held.delivery.nak(DATABASE_WAIT).await);
                    }
                }
            }
        }
    }

    /// Claims runs: what became of each. None if that can't be done now.
    async fn claim(&self, held: Vec<Held>) -> Vec<(Held, ClaimOutcome)> {
        let ids: Vec<RunId> = held.iter().map(|h| h.run_id).collect();
        let worker = &self.worker;
        let claimant = worker.claimant(&self.task);
        faultpoint::reached("claim.before").await;
        match within("claiming runs", CLAIM_WITHIN, runs::claim(&worker.pool, &ids, &claimant)).await {
            Ok(mut outcomes) => {
                let claimed = held.into_iter().map(|held| {
                    let outcome = outcomes.remove(&held.run_id).unwrap_or(ClaimOutcome::Unknown);
                    (held, outcome)
                });
                claimed.collect()
            }
            Err(error) => {
                self.not_now(&error, held).await;
                Vec::new()
            }
        }
    }

    /// The database can't be asked: the deliveries come again.
    async fn not_now(&self, error: &StoreError, held: Vec<Held>) {
        tracing::warn!("runs can't be claimed, trying again: {error}");
        for held in held {
            messages::DELIVERIES.one([self.task.kind.task, "failed"]);
            answered(held.delivery.nak(DATABASE_WAIT).await);
        }
        // Not so fast that a stopped database is asked all the time.
        sleep(DATABASE_WAIT).await;
    }

    async fn proceed(&self, held: Held, outcome: ClaimOutcome) {
        let Held { delivery, run_id, place, .. } = held;
        messages::DELIVERIES.one([self.task.kind.task, answer(&outcome)]);
        match outcome {
            ClaimOutcome::Claimed(claim) if claim.task != self.task.kind.task => {
                self.pass_on(&claim, &delivery).await;
            }
            ClaimOutcome::Claimed(claim) => self.worker.execute(&self.task, *claim, &delivery).await,
            ClaimOutcome::Settled => answered(delivery.ack().await),
            ClaimOutcome::Held { because } => {
                tracing::debug!(%run_id, "run {run_id} waits: {because}");
                answered(delivery.ack().await);
            }
            ClaimOutcome::Busy { free_in } => answered(delivery.nak(free_in.max(BUSY_WAIT_MIN)).await),
            ClaimOutcome::Exhausted => {
                let task = self.task.kind.task;
                match bury::exhausted(&self.worker.pool, run_id, task, &original(&delivery)).await {
                    // The sweep tells the parent, which is not known here.
                    Ok(buried) => self.worker.given_up(None, buried, &delivery).await,
                    Err(error) => self.worker.unrecorded(run_id, &error, &delivery).await,
                }
            }
            // Not the message's fault if the database has gone back: then a person decides.
            ClaimOutcome::Unknown if !restore::is_in_place(&self.worker).await => {
                answered(delivery.nak(DATABASE_WAIT).await);
            }
            ClaimOutcome::Unknown => {
                let error = format!("the database knows no run {run_id}");
                self.set_aside(&delivery, ErrorCode::UnknownRun, &error).await;
            }
        }
        drop(place);
    }

    /// A run of another task came by this one's subject: whoever published its message was wrong, and not the run. It goes the
    /// way that its row says, and has used up no attempt.
    async fn pass_on(&self, claim: &Claim, delivery: &Delivery) {
        let (run_id, of, subject) = (claim.run_id, &claim.task, delivery.subject());
        tracing::warn!(%run_id, "run {run_id} is one of {of} and came by {subject}; it is sent on its own way");
        let sent = within("sending a run on its way", CLAIM_WITHIN, async {
            let mut tx = Tx::of_engine(&self.worker.pool).await?;
            runs::finish(&mut tx, run_id, claim.attempt, &Ending::Snoozed { after: Duration::ZERO }).await?;
            outbox::put_job(&mut tx, run_id, Duration::ZERO).await?;
            tx.commit().await
        });
        match sent.await {
            Ok(()) => answered(delivery.ack().await),
            Err(error) => self.worker.unrecorded(run_id, &error, delivery).await,
        }
    }

    /// A message that can't be acted on becomes a dead letter as it is.
    async fn set_aside(&self, delivery: &Delivery, code: ErrorCode, error: &str) {
        match bury::message(&self.worker.pool, &original(delivery), code, error).await {
            Ok(buried) => self.worker.given_up(None, buried, delivery).await,
            Err(error) => {
                tracing::warn!("a message can't be set aside, trying again: {error}");
                answered(delivery.nak(DATABASE_WAIT).await);
            }
        }
    }
}

/// Has what is alerted on be there from the start: of a counter that begins with its first event nothing is known to have
/// grown.
pub(crate) fn at_zero(task: &'static str) {
    counted::CLAIMED.add(0, [task]);
    messages::REDELIVERED.add(0, [task]);
    for outcome in ["succeeded", "waiting", "retrying", "dead", "lost", "unknown"] {
        counted::ENDED.add(0, [task, outcome]);
    }
}

/// What a delivery led to, as it is counted.
fn answer(outcome: &ClaimOutcome) -> &'static str {
    match outcome {
        ClaimOutcome::Claimed(_) => "claimed",
        ClaimOutcome::Settled => "settled",
        ClaimOutcome::Held { .. } => "held",
        ClaimOutcome::Busy { .. } => "busy",
        ClaimOutcome::Exhausted => "exhausted",
        ClaimOutcome::Unknown => "unknown",
    }
}

fn read_job(delivery: &Delivery) -> Result<(RunId, v1::Job), String> {
    let job = v1::Job::decode(delivery.body().as_ref()).map_err(|error| error.to_string())?;
    let run_id = convert::uuid("run_id", &job.run_id).map(RunId).map_err(|error| error.to_string())?;
    Ok((run_id, job))
}
