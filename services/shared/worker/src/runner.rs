//! The runner: pulls, claims, hands to execution; and stops in good order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tradeup_broker::{Broker, Delivery, Pull, PullError};
use tradeup_domain::ErrorCode;
use tradeup_proto::subject::Lane;
use tradeup_proto::{Message as _, convert, v1};
use tradeup_signals::metrics::{messages, runs as counted};
use tradeup_signals::trace;
use tradeup_store::runs::{self, ClaimOutcome, Claimant};
use tradeup_store::{Pool, RunId, StoreError, outbox, within};

use crate::bury::{self, Buried};
use crate::execute::{answered, original};
use crate::registry::{Registered, Registry, Shared};
use crate::together::Untried;
use crate::{BUILD, Relay, ServiceOptions, faultpoint, restore};

/// Wait before a consumer is opened again that could not be opened or has gone.
const REOPEN_WAIT: Duration = Duration::from_secs(1);
/// Wait before a delivery comes again while the database can't be asked.
const DATABASE_WAIT: Duration = Duration::from_secs(1);
/// A claim that takes longer is given up: its connection may be dead without anybody having noticed.
pub(crate) const CLAIM_WITHIN: Duration = Duration::from_secs(10);
/// Shortest wait before a delivery of a held run comes again.
const BUSY_WAIT_MIN: Duration = Duration::from_millis(200);
/// After SIGTERM, what is in flight has this long.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// Executes the tasks of a registry until told to stop.
pub struct Runner {
    worker: Worker,
    registry: Registry,
}

/// What everything in this process that works on runs shares.
#[derive(Clone)]
pub struct Worker {
    pub(crate) pool: Pool,
    pub(crate) broker: Broker,
    pub(crate) relay: Relay,
    pub(crate) options: ServiceOptions,
    name: Arc<str>,
    tracker: TaskTracker,
}

impl Worker {
    /// A worker of `service`, named after process and host of nobody else.
    #[must_use]
    pub fn new(service: &str, pool: Pool, broker: Broker, options: ServiceOptions) -> Self {
        let suffix: String = uuid::Uuid::new_v4().simple().to_string().chars().take(6).collect();
        let name = format!("{service}-{}-{suffix}", std::process::id()).into();
        let relay = Relay::new(broker.clone());
        Self { pool, broker, relay, options, name, tracker: TaskTracker::new() }
    }

    /// The worker's name, as in attempts and decisions.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connections of this worker.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// NATS, for this worker.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The relay of this worker.
    #[must_use]
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// NATS may have lost its data: streams and consumers are made again. What it held is published again by
    /// the sweep, as soon as there is a stream to take it.
    pub(crate) async fn could_not_pull(&self, error: &PullError) {
        tracing::warn!("{error}; trying again");
        if let Err(error) = self.options.declare(&self.broker).await {
            tracing::debug!(%error, "declaring streams and consumers");
        }
    }

    /// This worker as the one that claims runs of a task.
    pub(crate) fn claimant<'a>(&'a self, task: &'a Registered) -> Claimant<'a> {
        Claimant {
            worker: self.name(),
            build: BUILD,
            lease: self.options.lease(),
            attempts_max: task.retry.attempts_max,
            needs: &task.needs,
        }
    }

    /// Publishes in the background; the outbox has it all if that fails.
    pub(crate) fn publish(&self, buried: Buried) {
        let Buried { dead, jobs } = buried;
        if dead.is_empty() && jobs.is_empty() {
            return;
        }
        let worker = self.clone();
        let publishing = async move {
            worker.relay.publish_jobs(&jobs).await;
            faultpoint::reached("publish.after").await;
            if !dead.is_empty() {
                let stored = worker.relay.publish_dead(dead).await;
                if let Err(error) = outbox::forget(&worker.pool, &stored).await {
                    tracing::warn!(%error, "the sweep will publish dead letters again");
                }
            }
        };
        self.tracker.spawn(publishing.instrument(trace::sending("JOBS")));
    }
}

impl Runner {
    /// A runner for these tasks.
    #[must_use]
    pub fn new(worker: Worker, registry: Registry) -> Self {
        Self { worker, registry }
    }

    /// Executes runs until `shutdown`, then finishes what is in flight and hands back the rest.
    pub async fn run(self, shutdown: CancellationToken) {
        let consumers = TaskTracker::new();
        for task in self.registry.tasks() {
            at_zero(task.kind.task);
            for lane in Lane::ALL {
                let (worker, shutdown) = (self.worker.clone(), shutdown.clone());
                consumers.spawn(Consumer { worker, task: task.clone(), lane, shutdown }.consume());
            }
        }
        consumers.close();
        consumers.wait().await;
        let tracker = self.worker.tracker;
        tracker.close();
        if timeout(DRAIN_WITHIN, tracker.wait()).await.is_err() {
            tracing::warn!(
                "work was still in flight after {} s; it will be redelivered",
                DRAIN_WITHIN.as_secs()
            );
        }
    }
}

/// What was delivered but not begun is handed back at once.
pub(crate) async fn hand_back(mut pull: Pull) {
    while let Some(delivery) = pull.next_at_hand() {
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

/// What a delivery takes until it is answered; free again when the last of those that share it is.
type Place = Arc<OwnedSemaphorePermit>;

/// A delivery that was read, with its place.
pub(crate) struct Held {
    pub(crate) delivery: Delivery,
    pub(crate) run_id: RunId,
    place: Place,
}

/// One job kind's loop over one lane.
#[derive(Clone)]
struct Consumer {
    worker: Worker,
    task: Registered,
    lane: Lane,
    shutdown: CancellationToken,
}

impl Consumer {
    async fn consume(self) {
        let kind = self.task.kind;
        let at_once = self.worker.options.concurrency(self.lane);
        let places = Arc::new(Semaphore::new(at_once));
        while !self.shutdown.is_cancelled() {
            let at_hand = self.task.shared.as_ref().map_or(at_once, |shared| at_once.max(shared.runs_max));
            match self.worker.broker.pull(kind, self.lane, at_hand).await {
                Ok(pull) => self.pull_until_gone(pull, &places).await,
                Err(error) => self.worker.could_not_pull(&error).await,
            }
            reopen_wait(&self.shutdown).await;
        }
    }

    async fn pull_until_gone(&self, mut pull: Pull, places: &Arc<Semaphore>) {
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = Arc::clone(places).acquire_owned().await.ok()?;
                let delivery = pull.next().await?;
                Some((delivery, permit))
            };
            let first = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => None,
                first = next => first,
            };
            let Some((delivery, permit)) = first else { break };
            // Claim together what is here already: as many as there is room for, or share a transaction.
            let mut deliveries = vec![(delivery, Arc::new(permit))];
            while let Some(permit) = self.room(places, &deliveries) {
                let Some(delivery) = pull.next_at_hand() else { break };
                deliveries.push((delivery, permit));
            }
            self.take(deliveries).await;
        }
        hand_back(pull).await;
    }

    /// A place for one more delivery beside those: of its own, or theirs, if runs of this task share a transaction.
    fn room(&self, places: &Arc<Semaphore>, beside: &[(Delivery, Place)]) -> Option<Place> {
        match &self.task.shared {
            Some(shared) if beside.len() >= shared.runs_max => None,
            Some(_) => beside.first().map(|(_, place)| Arc::clone(place)),
            None => Arc::clone(places).try_acquire_owned().ok().map(Arc::new),
        }
    }

    /// Reads and claims deliveries, and sets their execution going.
    async fn take(&self, deliveries: Vec<(Delivery, Place)>) {
        let mut held: Vec<Held> = Vec::with_capacity(deliveries.len());
        let task = self.task.kind.task;
        for (delivery, place) in deliveries {
            if delivery.delivered() > 1 {
                messages::REDELIVERED.one([task]);
            }
            match read_run_id(&delivery) {
                // The same run twice at hand: one claim answers, the other looks again.
                Ok(run_id) if held.iter().any(|h| h.run_id == run_id) => {
                    messages::DELIVERIES.one([task, "busy"]);
                    answered(delivery.nak(BUSY_WAIT_MIN).await);
                }
                Ok(run_id) => held.push(Held { delivery, run_id, place }),
                Err(error) => {
                    messages::DELIVERIES.one([task, "undecodable"]);
                    self.set_aside(&delivery, ErrorCode::UndecodableMessage, &error).await;
                }
            }
        }
        if held.is_empty() {
            return;
        }
        let Some(shared) = self.task.shared.clone() else { return self.claim(held).await };
        match self.worker.untried(&self.task, held).await {
            Ok((untried, others)) => {
                if !untried.is_empty() {
                    self.worker.tracker.spawn(self.clone().proceed_together(shared, untried));
                }
                self.claim(others).await;
            }
            Err((error, held)) => self.not_now(&error, held).await,
        }
    }

    /// Runs that may share a transaction, and share a place.
    async fn proceed_together(self, shared: Shared, untried: Vec<Untried>) {
        let alone = self.worker.execute_together(&self.task, &shared, untried).await;
        self.claim(alone).await;
    }

    /// Claims runs, and sets their execution going.
    async fn claim(&self, held: Vec<Held>) {
        if held.is_empty() {
            return;
        }
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
                // Those that share a place take turns at it.
                let turns: Vec<Vec<_>> = match self.task.shared {
                    Some(_) => vec![claimed.collect()],
                    None => claimed.map(|one| vec![one]).collect(),
                };
                for turns in turns {
                    let consumer = self.clone();
                    worker.tracker.spawn(async move {
                        for (held, outcome) in turns {
                            consumer.proceed(held, outcome).await;
                        }
                    });
                }
            }
            Err(error) => self.not_now(&error, held).await,
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
        let Held { delivery, run_id, place } = held;
        messages::DELIVERIES.one([self.task.kind.task, answer(&outcome)]);
        match outcome {
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
fn at_zero(task: &'static str) {
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

fn read_run_id(delivery: &Delivery) -> Result<RunId, String> {
    let job = v1::Job::decode(delivery.body().as_ref()).map_err(|error| error.to_string())?;
    convert::uuid("run_id", &job.run_id).map(RunId).map_err(|error| error.to_string())
}
