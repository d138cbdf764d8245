//! `scheduler`: fires schedules, plans runs into batches, and sweeps up after crashes.

mod schedules;
mod tasks;
mod tick;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_store::Purpose;
use tradeup_telemetry::LogOptions;
use tradeup_worker::{Runner, ServiceOptions, StoreOptions, Worker, close, shutdown_signal, sweep};

/// Fires schedules and plans runs. Any number may run; the database decides who fires.
#[derive(Parser)]
#[command(name = "scheduler", version)]
struct Options {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    service: ServiceOptions,
    #[command(flatten)]
    log: LogOptions,
}

/// How often schedules are looked at, and how often the sweep goes round.
const ROUND: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scheduler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> anyhow::Result<()> {
    tradeup_telemetry::init(&options.log, tradeup_telemetry::SERVICE)?;
    let shutdown = shutdown_signal()?;
    let registry = tasks::registry()?;
    let pool = options
        .store
        .connect("scheduler", options.service.connections_max(&registry), Purpose::Service)
        .await?;
    let broker = options.service.connect("scheduler").await?;
    let worker = Worker::new("scheduler", pool.clone(), broker.clone(), options.service);
    tick::ensure_schedules(&pool).await?;
    tracing::info!(worker = worker.name(), "scheduler is ready as {}", worker.name());
    let ticks = tokio::spawn(tick_on(worker.clone(), shutdown.clone()));
    let sweeps = tokio::spawn(sweep_on(worker.clone(), shutdown.clone()));
    Runner::new(worker, registry).run(shutdown).await;
    ticks.await?;
    sweeps.await?;
    broker.close().await;
    close(&pool).await;
    tracing::info!("stopped");
    Ok(())
}

/// Looks at the schedules once a round, apart from the sweep, which may wait for the broker.
async fn tick_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = rounds();
    while next(&mut round, &shutdown).await {
        if let Err(error) = tick::tick(&worker).await {
            tracing::warn!("schedules can't be looked at, trying again: {error}");
        }
    }
}

/// Sweeps once a round. It says for itself what went wrong, and the next round goes on.
async fn sweep_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = rounds();
    while next(&mut round, &shutdown).await {
        match sweep(&worker).await {
            Ok(swept) if swept.is_nothing() => {}
            Ok(swept) => tracing::info!(
                published = swept.published,
                requeued = swept.requeued,
                released = swept.released,
                settled = swept.settled,
                "swept"
            ),
            Err(error) => tracing::warn!("the sweep broke off, trying again: {error}"),
        }
    }
}

fn rounds() -> Interval {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    round
}

/// Waits for the next round; `false` when it is time to stop.
async fn next(round: &mut Interval, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => false,
        _ = round.tick() => true,
    }
}
