//! `scheduler`: fires schedules, plans runs into batches, and sweeps up after crashes.

mod schedules;
mod tasks;
mod tick;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use futures::FutureExt as _;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_worker::{Service, Worker, service, sweep};

/// Fires schedules and plans runs. Any number may run; the database decides who fires.
#[derive(Parser)]
#[command(name = "scheduler", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
}

/// How often schedules are looked at, and how often the sweep goes round.
const ROUND: Duration = Duration::from_secs(1);
/// How often schedules that are not due are looked over.
const REARM: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("scheduler", serve(Options::parse()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let service = Service::start("scheduler", options.service, tasks::registry()?).await?;
    tick::ensure_schedules(service.worker().pool()).await?;
    service.beside(tick_on(service.worker().clone(), service.shutdown()));
    service.beside(sweep_on(service.worker().clone(), service.shutdown()));
    service.run().await;
    Ok(())
}

/// Looks at the schedules once a round, apart from the sweep, which may wait for the broker.
async fn tick_on(worker: Worker, shutdown: CancellationToken) {
    let (mut round, mut rearm) = (rounds(ROUND), rounds(REARM));
    while next(&mut round, &shutdown).await {
        if rearm.tick().now_or_never().is_some()
            && let Err(error) = tick::rearm(&worker).await
        {
            tracing::warn!("schedules can't be looked over, trying again: {error}");
        }
        if let Err(error) = tick::tick(&worker).await {
            tracing::warn!("schedules can't be looked at, trying again: {error}");
        }
    }
}

/// Sweeps once a round. It says for itself what went wrong, and the next round goes on.
async fn sweep_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = rounds(ROUND);
    while next(&mut round, &shutdown).await {
        match sweep(&worker).await {
            Ok(swept) if swept.is_nothing() => {}
            Ok(swept) => tracing::info!(
                published = swept.published,
                requeued = swept.requeued,
                released = swept.released,
                settled = swept.settled,
                cancelled = swept.cancelled,
                "swept"
            ),
            Err(error) => tracing::warn!("the sweep broke off, trying again: {error}"),
        }
    }
}

fn rounds(every: Duration) -> Interval {
    let mut round = interval(every);
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
