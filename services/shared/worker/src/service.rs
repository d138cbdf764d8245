//! A service's life: options, connections, work, and an end in good order.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tradeup_broker::{Broker, ConnectError};
use tradeup_store::{Pool, Purpose};
use tradeup_telemetry::{AttemptLines, LogOptions, TraceOptions, Traces};

use crate::certificates::{self, Endpoint, Watched};
use crate::health::Health;
use crate::presence::{EndedBy, Presence};
use crate::restore::{self, Standing, WentBack};
use crate::{BUILD, Registry, Runner, ServiceError, ServiceOptions, StoreOptions, Worker, live, watchdog};

/// After the work, connections have this long.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How often a broker is asked for that was not there at the start: at first, while it is about to be; then.
const ASK_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// For how long it is about to be there.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);

/// All options that services share.
#[derive(Args)]
pub struct StartOptions {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    service: ServiceOptions,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    traces: TraceOptions,
}

/// A service that is connected and ready to work.
pub struct Service {
    name: &'static str,
    worker: Worker,
    registry: Registry,
    broker: Broker,
    pool: Pool,
    lines: AttemptLines,
    traces: Option<Traces>,
    shutdown: CancellationToken,
    beside: TaskTracker,
    records: bool,
    /// The broker was not waited for.
    early: bool,
    health: Health,
    /// Servers whose certificates are looked at.
    watched: Vec<Watched>,
    /// Cancelled after the last work.
    finished: CancellationToken,
}

impl Service {
    /// Starts logging, listens to signals, connects, makes sure of streams and consumers, and that the
    /// database has not gone back in time.
    ///
    /// # Errors
    /// [`ServiceError`]: one line that says what is wrong and what to do.
    pub async fn start(
        name: &'static str,
        options: StartOptions,
        registry: Registry,
    ) -> Result<Self, ServiceError> {
        let service = Self::open(name, options, registry, false).await?;
        prepare(&service.worker).await?;
        Ok(service)
    }

    /// As [`Self::start`], but does not wait for NATS: what is [`Self::beside`] begins, and runs are worked on once it is
    /// there. For a service that has to answer meanwhile.
    ///
    /// # Errors
    /// As [`Self::start`], but none of NATS except that its address is none.
    pub async fn start_early(
        name: &'static str,
        options: StartOptions,
        registry: Registry,
    ) -> Result<Self, ServiceError> {
        Self::open(name, options, registry, true).await
    }

    async fn open(
        name: &'static str,
        options: StartOptions,
        registry: Registry,
        early: bool,
    ) -> Result<Self, ServiceError> {
        let traces = tradeup_telemetry::begin_traces(&options.traces, name, BUILD)?;
        let lines = tradeup_telemetry::init(&options.log, tradeup_telemetry::SERVICE, traces.as_ref())?;
        let shutdown = shutdown_signal()?;
        tradeup_signals::is(name, BUILD);
        tradeup_signals::metrics::outside::at_zero(name);
        let (health, finished) = (Health::new(early, shutdown.clone()), CancellationToken::new());
        if let Some(listener) = options.service.health().await? {
            tokio::spawn(health.clone().serve(listener, finished.clone()));
        }
        let watched = options.service.watched(&options.store);
        let connections_max = options.service.connections_max(&registry);
        let pool = options.store.connect(name, connections_max, Purpose::Service);
        let broker = async {
            if early {
                options.service.connect_later(name).await
            } else {
                options.service.connect(name).await
            }
        };
        // At once, and if both are away it is PostgreSQL of which it is said.
        let (pool, broker) = tokio::join!(pool, broker);
        let (pool, broker) = (pool?, broker?);
        let worker = Worker::new(name, pool.clone(), broker.clone(), options.service);
        let beside = TaskTracker::new();
        let records = false;
        Ok(Self {
            name,
            worker,
            registry,
            broker,
            pool,
            lines,
            traces,
            shutdown,
            beside,
            records,
            early,
            health,
            watched,
            finished,
        })
    }

    /// This service marks the database and has NATS remember the marks, so that one that goes back in time
    /// is noticed.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.records = true;
        self
    }

    /// This service speaks to another server, too: until when trust in it holds is told by a metric, under this name.
    #[must_use]
    pub fn watching(mut self, server: &'static str, endpoint: Option<Endpoint>) -> Self {
        self.watched.extend(endpoint.filter(|found| found.is_secured).map(|found| (server, found)));
        self
    }

    /// What works on runs in this service.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Cancelled when it is time to stop.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Work beside the runs. It has to end by itself at shutdown, and keeps its connections until then.
    pub fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.beside.spawn(work);
    }

    /// Works until told to stop; then finishes what is in flight, and closes.
    ///
    /// # Errors
    /// [`ServiceError::WentBack`] if it stopped by itself, since its database has gone back in time;
    /// [`ServiceError::Wedged`] if it did, since it could do nothing any more.
    pub async fn run(self) -> Result<(), ServiceError> {
        let (service, worker) = (self.name, self.worker.name());
        let health = self.health.clone();
        let presence = Presence { worker: self.worker.clone(), service, records: self.records, health };
        let ended_by = EndedBy::default();
        presence.note().await;
        self.health.at_work(self.broker.clone(), self.pool.clone());
        self.beside.spawn(presence.clone().keep(self.shutdown.clone(), EndedBy::clone(&ended_by)));
        if !self.watched.is_empty() {
            self.beside.spawn(certificates::watch(self.watched, self.shutdown.clone()));
        }
        let watched = tokio::spawn(watchdog::until_wedged(self.pool.clone(), self.shutdown.clone()));
        let finished = CancellationToken::new();
        let kept = live::keep_lines(self.lines, self.pool.clone(), self.broker.clone(), finished.clone());
        let kept = tokio::spawn(kept);
        let there = if self.early { wait_for_broker(&self.worker, &self.shutdown).await } else { Ok(true) };
        match &there {
            Ok(true) => {
                tracing::info!(worker, "{service} is ready as {worker}");
                Runner::new(self.worker, self.registry).run(self.shutdown).await;
            }
            Ok(false) => {}
            Err(_unusable) => self.shutdown.cancel(),
        }
        finished.cancel();
        if let Err(panic) = kept.await {
            tracing::warn!("the last log lines of attempts are not kept: {panic}");
        }
        self.beside.close();
        self.beside.wait().await;
        presence.stopped().await;
        self.broker.close().await;
        // Whatever still holds a connection after the drain is not waited for long.
        if timeout(CLOSE_WITHIN, self.pool.close()).await.is_err() {
            tracing::warn!("connections were still in use; PostgreSQL rolls back what was under way");
        }
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        self.finished.cancel();
        tracing::info!("stopped");
        match ended_by.get() {
            Some(went_back) => Err(ServiceError::WentBack(went_back.clone())),
            None if watched.await.unwrap_or(false) => Err(ServiceError::Wedged),
            None => there.map(drop),
        }
    }
}

/// Makes sure of streams and consumers, and that the database has not gone back.
async fn prepare(worker: &Worker) -> Result<(), ServiceError> {
    worker.options.declare(&worker.broker).await?;
    match restore::standing(&worker.pool, &worker.broker).await? {
        Standing::WentBack(recorded) => Err(ServiceError::WentBack(Box::new(WentBack(recorded)))),
        Standing::InPlace(_) | Standing::Unrecorded => Ok(()),
    }
}

/// As [`prepare`], with a broker of which nothing is known yet.
async fn broker_is_ready(worker: &Worker) -> Result<(), ServiceError> {
    worker.broker.check().await?;
    prepare(worker).await
}

/// Waits until the broker can be used. `false` if it is time to stop.
async fn wait_for_broker(worker: &Worker, shutdown: &CancellationToken) -> Result<bool, ServiceError> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match broker_is_ready(worker).await {
            Ok(()) => return Ok(true),
            Err(ServiceError::Broker(ConnectError::Connect { .. } | ConnectError::NoJetStream { .. })) => {}
            Err(ServiceError::Topology(_) | ServiceError::Restore(_)) if !worker.broker.is_connected() => {}
            Err(error) => return Err(error),
        }
        let soon = begun.elapsed() < CONNECTS_WITHIN;
        if !soon && !std::mem::replace(&mut told, true) {
            tracing::warn!("NATS is not there yet; what can be done without it is done");
        }
        let again = if soon { ASK_EVERY.0 } else { ASK_EVERY.1 };
        if timeout(again, shutdown.cancelled()).await.is_ok() {
            return Ok(false);
        }
    }
}

/// The exit code of a service; says in one line why it could not run.
pub fn exit_code(name: &str, result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A token that is cancelled by SIGTERM or Ctrl-C.
fn shutdown_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what is in flight");
        cancelled.cancel();
    });
    Ok(token)
}
