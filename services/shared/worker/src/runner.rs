//! The runner: pulls, claims, hands to execution; and stops in good order.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tradeup_broker::{Broker, PullError};
use tradeup_proto::subject::Lane;
use tradeup_signals::trace;
use tradeup_store::runs::Claimant;
use tradeup_store::{Pool, outbox};

use crate::bury::Buried;
use crate::by_message::Trust;
use crate::consumer::{Consumer, at_zero};
use crate::registry::{Registered, Registry};
use crate::{BUILD, Relay, ServiceOptions, faultpoint};

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
    pub(crate) tracker: TaskTracker,
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
                let (task, trust) = (task.clone(), Arc::new(Trust::new(lane)));
                consumers.spawn(Consumer { worker, task, lane, trust, shutdown }.consume());
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
