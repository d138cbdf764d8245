//! Outgoing webhooks: tells shops' own endpoints what has happened, beside the tasks, so that a slow endpoint takes no
//! place of theirs.
//!
//! What is due is taken with a lease, sent, and its outcome written down. After a crash in between it is sent once more,
//! under the same id: at least once, as Standard Webhooks have it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tradeup_domain::signing::{Purpose, SigningKeys};
use tradeup_hooks::{EndpointUrl, EventType, Outgoing, Reach, SendError, Sender, Settings, body, schedule};
use tradeup_store::audit::{self, Actor};
use tradeup_store::deliveries::{self, Due, Outcome, Tried};
use tradeup_store::{StoreError, TenantId, TenantRef, Tx, endpoints, schedules};
use tradeup_worker::Worker;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Tenants that are looked at in one round, and at the same time.
const TENANTS_MAX: i64 = 100;
const TENANTS_AT_ONCE: usize = 16;
/// Of one endpoint at a time.
const EACH_AT_ONCE: i64 = 8;
/// Longer than sending takes, with room for a slow database.
const LEASE: Duration = Duration::from_secs(60);

/// How endpoints are reached.
#[derive(Args)]
#[command(next_help_heading = "Endpoints")]
pub(crate) struct DeliverOptions {
    /// Which endpoints may be told: those on the public internet, or for development those of this machine, too.
    #[arg(long, env = "TRADEUP_ENDPOINTS", value_enum, default_value_t = Endpoints::Public)]
    endpoints: Endpoints,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Endpoints {
    Public,
    Loopback,
}

/// What sends.
pub(crate) struct Deliverer {
    sender: Sender,
    reach: Reach,
    keys: SigningKeys,
}

impl DeliverOptions {
    /// What sends; `None` without keys to sign with: what endpoints are to be told waits.
    pub(crate) fn deliverer(self, keys: Option<SigningKeys>) -> anyhow::Result<Option<Deliverer>> {
        let Some(keys) = keys else { return Ok(None) };
        let reach = match self.endpoints {
            Endpoints::Public => Reach::Public,
            Endpoints::Loopback => Reach::Loopback,
        };
        let sender = Sender::new(Settings { reach, ..Settings::default() });
        Ok(Some(Deliverer { sender: sender.context("sending to endpoints")?, reach, keys }))
    }
}

impl Deliverer {
    /// Sends what is due until `shutdown`; then what is under way comes to its end.
    pub(crate) async fn deliver(self, worker: Worker, shutdown: CancellationToken) {
        let this = Arc::new(self);
        let under_way: Arc<Mutex<HashSet<TenantId>>> = Arc::default();
        let places = Arc::new(Semaphore::new(TENANTS_AT_ONCE));
        let tracker = TaskTracker::new();
        while timeout(LOOK_EVERY, shutdown.cancelled()).await.is_err() {
            let woken = match woken(&worker).await {
                Ok(woken) => woken,
                Err(error) => {
                    tracing::warn!("deliveries can't be looked for: {error}");
                    continue;
                }
            };
            for tenant in woken {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
                if !under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.id) {
                    continue;
                }
                let (this, worker, under_way) = (Arc::clone(&this), worker.clone(), Arc::clone(&under_way));
                tracker.spawn(async move {
                    if let Err(error) = this.round(&worker, &tenant).await {
                        tracing::warn!(tenant = tenant.handle, "deliveries can't be recorded: {error}");
                    }
                    under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant.id);
                    drop(place);
                });
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Sends what is due of a tenant, some of each endpoint.
    async fn round(&self, worker: &Worker, tenant: &TenantRef) -> Result<(), StoreError> {
        let mut tx = Tx::of_tenant(worker.pool(), tenant.id).await?;
        if !deliveries::take_wakes(&mut tx, tenant.id).await? {
            return tx.rollback().await;
        }
        let due = deliveries::take_due(&mut tx, tenant.id, EACH_AT_ONCE, LEASE).await?;
        let now = schedules::now(&mut tx).await?;
        // There may be more than was taken.
        let full = due.iter().any(|first| {
            let same = due.iter().filter(|other| other.endpoint_id == first.endpoint_id).count();
            i64::try_from(same).is_ok_and(|same| same >= EACH_AT_ONCE)
        });
        if full {
            deliveries::wake(&mut tx, tenant.id, Duration::ZERO).await?;
        }
        tx.commit().await?;
        let mut sent = FuturesUnordered::new();
        for due in &due {
            sent.push(self.send_one(worker, tenant, due, now));
        }
        let mut failed = Ok(());
        while let Some(recorded) = sent.next().await {
            // The others are recorded all the same; this one comes again when its lease ends.
            failed = failed.and(recorded);
        }
        failed
    }

    async fn send_one(
        &self,
        worker: &Worker,
        tenant: &TenantRef,
        due: &Due,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let begun = std::time::Instant::now();
        let sent = self.send(tenant, due, now).await;
        let took = begun.elapsed();
        let attempt = u32::try_from(due.tries).unwrap_or(u32::MAX);
        let id = message_id(due);
        let (tried, status, error) = match &sent {
            Ok(status) => (Tried::Delivered, Some(*status), None),
            Err(error) => {
                let again = schedule::next(attempt, error, schedule::Jitter::of(&id, attempt));
                (again.map_or(Tried::GivenUp, Tried::Again), error.status(), Some(error.to_string()))
            }
        };
        let mut tx = Tx::of_tenant(worker.pool(), tenant.id).await?;
        let outcome = Outcome { tried, took, status, error: error.as_deref() };
        if deliveries::tried(&mut tx, tenant.id, due, &outcome).await?
            && let Err(error) = &sent
            && let Some(because) = gives_up(error, due, now)
        {
            self.disable(&mut tx, tenant, due, &because).await?;
        }
        tx.commit().await
    }

    async fn send(&self, tenant: &TenantRef, due: &Due, now: DateTime<Utc>) -> Result<u16, SendError> {
        let url = EndpointUrl::parse(&due.url, self.reach).map_err(|_not_any_more| SendError::Private)?;
        let secrets = self.keys.secrets(Purpose::Endpoint, tenant.id.0, due.endpoint_id);
        let body = body(&due.event, due.happened_at, &due.data);
        let outgoing = Outgoing { id: &message_id(due), body: &body, secrets: &secrets };
        self.sender.send(&url, &outgoing, now).await.map(|accepted| accepted.status)
    }

    async fn disable(
        &self,
        tx: &mut Tx,
        tenant: &TenantRef,
        due: &Due,
        because: &str,
    ) -> Result<(), StoreError> {
        if !endpoints::stop(tx, tenant.id, due.endpoint_id, because, false).await? {
            return Ok(());
        }
        tracing::error!(
            tenant = tenant.handle,
            endpoint = %due.endpoint_id,
            "endpoint {} of {} is disabled: {because}; tradeup endpoints enable",
            due.endpoint_id,
            tenant.handle
        );
        let actor = Actor { name: "webhooks".to_owned(), reason: Some(because.to_owned()) };
        let subject = serde_json::json!({ "tenant": tenant.handle, "endpoint": due.endpoint_id.to_string() });
        audit::record(tx, &actor, "endpoint.disable", &subject).await
    }
}

async fn woken(worker: &Worker) -> Result<Vec<TenantRef>, StoreError> {
    let mut tx = Tx::of_engine(worker.pool()).await?;
    let woken = deliveries::woken(&mut tx, TENANTS_MAX).await?;
    tx.rollback().await?;
    Ok(woken)
}

/// A message's id on the wire.
fn message_id(due: &Due) -> String {
    format!("msg_{}", due.id.simple())
}

/// Why an endpoint is told nothing more after a failure, if so. A test that fails disables nothing.
fn gives_up(error: &SendError, due: &Due, now: DateTime<Utc>) -> Option<String> {
    match error {
        SendError::Gone { .. } => Some("it answered 410: it wants no messages any more".to_owned()),
        _ if due.event == EventType::Ping.as_str() => None,
        _ => {
            let failures = u32::try_from(due.failures).unwrap_or(0).saturating_add(1);
            due.failing_since.filter(|since| schedule::disables(*since, failures, now)).map(|since| {
                format!("all {failures} tries since {} have failed", since.format("%Y-%m-%d %H:%M UTC"))
            })
        }
    }
}
