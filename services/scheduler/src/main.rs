//! `scheduler`: fires schedules, plans runs into batches, and sweeps up after crashes.

mod schedules;
mod tasks;
mod tick;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_telemetry::LogOptions;
use tradeup_worker::{Runner, ServiceOptions, StoreOptions, Worker, shutdown_signal, sweep};

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
    let pool = options.store.connect("scheduler", options.service.connections_max()).await?;
    let broker = options.service.connect("scheduler").await?;
    let worker = Worker::new("scheduler", pool.clone(), broker.clone(), options.service);
    tick::ensure_schedules(&pool).await?;
    tracing::info!(worker = worker.name(), "scheduler is ready as {}", worker.name());
    let rounds = tokio::spawn(go_round(worker.clone(), shutdown.clone()));
    Runner::new(worker, tasks::registry()?).run(shutdown).await;
    rounds.await?;
    broker.close().await;
    pool.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Ticks and sweeps once a round. Each says for itself what went wrong, and the next round goes on.
async fn go_round(worker: Worker, shutdown: CancellationToken) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = round.tick() => {}
        }
        if let Err(error) = tick::tick(&worker).await {
            tracing::warn!("schedules can't be looked at, trying again: {error}");
        }
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
