//! Taking events: each is recorded, with the run that follows from it, in one transaction, and
//! acknowledged after the commit. What can't be taken becomes a dead letter as it is, and the stream
//! goes on.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};
use tradeup_broker::{Delivery, Pull};
use tradeup_domain::{Class, Classify as _, ErrorCode};
use tradeup_proto::header;
use tradeup_proto::subject::Lane;
use tradeup_signals::metrics::messages::EVENTS;
use tradeup_signals::trace;
use tradeup_store::outbox::{self, DeadMessage, JobMessage};
use tradeup_store::{ErrorKind, Pool, StoreError, TenantRef, within};

use crate::bury::{self, EventOf, Original};
use crate::consumer::{hand_back, reopen_wait};
use crate::execute::answered;
use crate::{Worker, faultpoint};

/// Longest wait before an event comes again that could not be recorded; half of it at least.
const AGAIN_WAIT: Duration = Duration::from_secs(2);
/// An event at which the taking of it panicked so often is set aside.
const PANICS_MAX: i64 = 5;
/// An event that takes longer is given up: its connection may be dead without anybody having noticed.
/// Whether it was recorded is unknown then, and its row knows.
const TAKE_WITHIN: Duration = Duration::from_secs(15);
/// After SIGTERM, what is in flight has this long.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// A message from the stream of events, as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its subject.
    pub subject: String,
    /// Names and values of its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// When the stream stored it.
    pub stored_at: DateTime<Utc>,
}

impl Received {
    /// The value of a header. Names differ by more than the case of their letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// The publisher's id of the event, whichever header it stands in.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.header(header::EVENT_ID).or_else(|| self.header(header::MESSAGE_ID))
    }
}

/// Why an event was not taken.
#[derive(Debug)]
pub enum IntakeError {
    /// It is wrong, and will be: it is set aside.
    Refused {
        /// Its tenant, if it can be told.
        tenant: Option<TenantRef>,
        /// The code.
        code: ErrorCode,
        /// What is wrong and how to put it right; nothing that stood in the event.
        error: String,
    },
    /// The database could not record it.
    Store(StoreError),
}

impl From<StoreError> for IntakeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What becomes of events.
pub trait Intake: Send + Sync + 'static {
    /// Records an event and commits; nothing, if it is known. Returns what is to be published then.
    fn take(
        &self,
        pool: &Pool,
        event: &Received,
    ) -> impl Future<Output = Result<Vec<JobMessage>, IntakeError>> + Send;
}

/// What became of an event that was taken without a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is recorded, now or before.
    Recorded,
    /// It is wrong and was set aside as a dead letter, which says so.
    SetAside(String),
}

/// Takes an event at once and not from the stream: what follows from it is published then, by the sweep if NATS
/// is down.
///
/// # Errors
/// [`StoreError`] if it is recorded nowhere; or nobody knows: the row knows when it comes again.
pub async fn take_now<I: Intake>(
    worker: &Worker,
    intake: &I,
    event: &Received,
    within_time: Duration,
) -> Result<Taken, StoreError> {
    let pool = &worker.pool;
    let take = async { Ok(intake.take(pool, event).await) };
    match within("taking an event", within_time, take).await? {
        Ok(jobs) => {
            if !jobs.is_empty() {
                let relay = worker.relay.clone();
                // Whoever waits for the answer does not wait for NATS.
                let publishing = async move { relay.publish_jobs(&jobs).await };
                tokio::spawn(publishing.instrument(trace::sending("JOBS")));
            }
            Ok(Taken::Recorded)
        }
        Err(IntakeError::Store(error)) => Err(error),
        Err(IntakeError::Refused { tenant, code, error }) => {
            let aside = set_aside_now(worker, event, tenant.as_ref(), code, &error);
            aside.await.map(|()| Taken::SetAside(error))
        }
    }
}

/// Makes a dead letter of an event that is not in the stream, or not any more.
///
/// # Errors
/// [`StoreError`] if nothing is recorded; or nobody knows.
pub async fn set_aside_now(
    worker: &Worker,
    event: &Received,
    tenant: Option<&TenantRef>,
    code: ErrorCode,
    error: &str,
) -> Result<(), StoreError> {
    let of = EventOf { tenant, headers: &event.headers };
    let original = Original { subject: event.subject.clone(), body: event.body.clone() };
    let buried = bury::event(&worker.pool, &original, &of, code, error);
    let buried = within("setting an event aside", TAKE_WITHIN, buried).await?;
    worker.publish_buried(buried.dead);
    Ok(())
}

/// Takes events until `shutdown`; then finishes what is in flight and hands back the rest.
pub async fn take_events<I: Intake>(worker: Worker, intake: I, shutdown: CancellationToken) {
    let at_once = worker.options.concurrency(Lane::Normal);
    let (intake, places) = (Arc::new(intake), Arc::new(Semaphore::new(at_once)));
    let events = Events { worker, intake, places, under_way: TaskTracker::new(), shutdown };
    while !events.shutdown.is_cancelled() {
        match events.worker.broker.pull_events(at_once).await {
            Ok(pull) => events.pull_until_gone(pull).await,
            Err(error) => events.worker.could_not_pull(&error).await,
        }
        reopen_wait(&events.shutdown).await;
    }
    events.under_way.close();
    if timeout(DRAIN_WITHIN, events.under_way.wait()).await.is_err() {
        tracing::warn!("events were still in flight; they will be delivered again");
    }
}

impl Worker {
    /// Publishes dead letters that are committed, without anybody waiting for it.
    fn publish_buried(&self, dead: Vec<DeadMessage>) {
        let (relay, pool) = (self.relay.clone(), self.pool.clone());
        tokio::spawn(async move {
            let stored = relay.publish_dead(dead).await;
            if let Err(error) = outbox::forget(&pool, &stored).await {
                tracing::warn!(%error, "the sweep will publish a dead letter again");
            }
        });
    }
}

struct Events<I> {
    worker: Worker,
    intake: Arc<I>,
    places: Arc<Semaphore>,
    under_way: TaskTracker,
    shutdown: CancellationToken,
}

impl<I: Intake> Events<I> {
    async fn pull_until_gone(&self, mut pull: Pull) {
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
                Some((pull.next().await?, place))
            };
            let next = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => None,
                next = next => next,
            };
            let Some((delivery, place)) = next else { break };
            let (worker, intake) = (self.worker.clone(), Arc::clone(&self.intake));
            self.under_way.spawn(async move {
                let span = traced(&delivery);
                proceed(&worker, intake, &delivery).instrument(span).await;
                drop(place);
            });
        }
        hand_back(pull).await;
    }
}

/// The taking of an event, in the trace that its publisher has put it in, if one has.
fn traced(delivery: &Delivery) -> Span {
    let span = tracing::info_span!(
        target: trace::TARGET, parent: None, "take", otel.name = "process EVENTS", otel.kind = "consumer",
        messaging.system = "nats", messaging.operation.name = "process", messaging.operation.type = "process",
        messaging.destination.name = "EVENTS"
    );
    if !span.is_disabled() {
        let headers = delivery.headers();
        let parent = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(trace::TRACEPARENT));
        trace::continues(&span, parent.map(|(_, value)| value.as_str()));
    }
    span
}

/// Takes one event and answers for its delivery.
async fn proceed<I: Intake>(worker: &Worker, intake: Arc<I>, delivery: &Delivery) {
    let Some(stored_at) = delivery.stored_at() else {
        // Every delivery of a consumer says when it was stored.
        return again(delivery).await;
    };
    let event = Arc::new(Received {
        subject: delivery.subject().to_owned(),
        headers: delivery.headers(),
        body: delivery.body().to_vec(),
        stored_at: DateTime::from(stored_at),
    });
    let taken = Arc::clone(&event);
    let pool = worker.pool.clone();
    faultpoint::reached("intake.before").await;
    // In a task of its own, so that a panic is an error like others.
    let take = async move {
        let take = async { Ok(intake.take(&pool, &taken).await) };
        within("taking an event", TAKE_WITHIN, take).await.unwrap_or_else(|late| Err(late.into()))
    };
    let taken = tokio::spawn(take.in_current_span()).await;
    match taken {
        Ok(Ok(jobs)) => {
            faultpoint::reached("intake.committed").await;
            EVENTS.one(["recorded"]);
            answered(delivery.ack().await);
            worker.relay.publish_jobs(&jobs).instrument(trace::sending("JOBS")).await;
        }
        Ok(Err(IntakeError::Refused { tenant, code, error })) => {
            set_aside(worker, delivery, &event, tenant.as_ref(), code, &error).await;
        }
        // The database is there and will refuse it each time.
        Ok(Err(IntakeError::Store(error))) if error.kind() == ErrorKind::Refused => {
            set_aside(worker, delivery, &event, None, error.code(), &error.to_string()).await;
        }
        Ok(Err(IntakeError::Store(error))) => {
            let passes = error.class() != Class::Permanent;
            if passes {
                tracing::warn!(code = %error.code(), "an event can't be recorded, trying again: {error}");
            } else {
                // A fault of the installation, not of the event.
                tracing::error!(code = %error.code(), "an event can't be recorded, trying again: {error}");
            }
            again(delivery).await;
        }
        Err(_panic) if delivery.delivered() >= PANICS_MAX => {
            let error = "taking the event panicked each time; the log of the service says where";
            set_aside(worker, delivery, &event, None, ErrorCode::Panicked, error).await;
        }
        Err(_panic) => {
            tracing::error!("taking an event panicked, trying again");
            again(delivery).await;
        }
    }
}

/// Hands an event back, to come again in a while; the place is kept as long, so that a database that is
/// down is not asked all the time.
async fn again(delivery: &Delivery) {
    EVENTS.one(["again"]);
    let wait = AGAIN_WAIT.mul_f64(rand::random_range(0.5..=1.0));
    answered(delivery.nak(wait).await);
    sleep(AGAIN_WAIT / 4).await;
}

async fn set_aside(
    worker: &Worker,
    delivery: &Delivery,
    event: &Received,
    tenant: Option<&TenantRef>,
    code: ErrorCode,
    error: &str,
) {
    match set_aside_now(worker, event, tenant, code, error).await {
        Ok(()) => {
            EVENTS.one(["set_aside"]);
            answered(delivery.ack().await);
        }
        Err(error) => {
            tracing::warn!("an event can't be set aside, trying again: {error}");
            again(delivery).await;
        }
    }
}
