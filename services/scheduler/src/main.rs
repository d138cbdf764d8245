//! `scheduler`: fires schedules, plans runs into batches, and sweeps up after crashes.

mod agent_scan;
mod fan_out;
mod look;
mod schedules;
mod tasks;
mod tick;
mod wake;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use futures::FutureExt as _;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tradeup_signals::metrics::engine;
use tradeup_store::retention::{self, Keep};
use tradeup_store::{tenants, workers};
use tradeup_worker::{Service, Worker, service, settings, sweep};

/// Fires schedules and plans runs. Any number may run; the database decides who fires.
#[derive(Parser)]
#[command(name = "scheduler", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
    #[command(flatten)]
    retention: RetentionOptions,
}

/// How long things are kept that are not money.
#[derive(clap::Args, Clone, Copy)]
#[command(next_help_heading = "Retention")]
struct RetentionOptions {
    /// Days that log lines of attempts are kept.
    #[arg(long, env = "TRADEUP_KEEP_LOGS_DAYS", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=3650))]
    keep_logs_days: u16,
    /// Days that ended runs are kept. Entries of the ledger are kept for ever.
    #[arg(long, env = "TRADEUP_KEEP_RUNS_DAYS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=3650))]
    keep_runs_days: u16,
    /// Days that bodies of events are kept, which hold personal data.
    #[arg(long, env = "TRADEUP_KEEP_BODIES_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    keep_bodies_days: u16,
}

impl RetentionOptions {
    fn keep(self) -> Keep {
        Keep {
            log_days: self.keep_logs_days.into(),
            run_days: self.keep_runs_days.into(),
            body_days: self.keep_bodies_days.into(),
        }
    }
}

/// How often schedules are looked at, and how often the sweep goes round.
const ROUND: Duration = Duration::from_secs(1);
/// A round that takes longer is broken off.
const ROUND_WITHIN: Duration = Duration::from_secs(60);
/// How often schedules that are not due are looked over.
const REARM: Duration = Duration::from_secs(60);
/// How often is looked for what need not be kept any longer.
const KEEP_HOUSE: Duration = Duration::from_secs(3600);

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("scheduler", serve(settings::parse::<Options>()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let service = Service::start("scheduler", options.service, tasks::registry()?).await?.recording();
    tick::ensure_schedules(service.worker().pool()).await?;
    service.beside(tick_on(service.worker().clone(), service.shutdown()));
    service.beside(keep_house(service.worker().clone(), options.retention.keep(), service.shutdown()));
    service.beside(sweep_on(service.worker().clone(), service.shutdown()));
    service.beside(look_on(service.worker().clone(), service.shutdown()));
    Ok(service.run().await?)
}

/// Makes room: partitions, bodies of events, and runs that ended long ago.
async fn keep_house(worker: Worker, keep: Keep, shutdown: CancellationToken) {
    let mut round = rounds(KEEP_HOUSE);
    while next(&mut round, &shutdown).await {
        let kept = async {
            retention::keep_logs(worker.pool(), keep).await?;
            workers::forget_old(worker.pool()).await?;
            for tenant in tenants::list(worker.pool()).await? {
                while retention::erase_bodies(worker.pool(), tenant.id, keep).await? > 0 {}
                while retention::delete_deliveries(worker.pool(), tenant.id, keep).await? > 0 {}
            }
            let mut deleted = 0;
            loop {
                match retention::delete_ended_runs(worker.pool(), keep).await? {
                    0 => break Ok::<_, tradeup_store::StoreError>(deleted),
                    runs => deleted += runs,
                }
            }
        };
        match kept.await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "deleted {runs} runs that ended long ago"),
            Err(error) => tracing::warn!("what is old is not deleted, trying again: {error}"),
        }
    }
}

/// Looks at the schedules once a round, apart from the sweep, which may wait for the broker.
async fn tick_on(worker: Worker, shutdown: CancellationToken) {
    let (mut round, mut rearm) = (rounds(ROUND), rounds(REARM));
    while next(&mut round, &shutdown).await {
        if rearm.tick().now_or_never().is_some() {
            bounded("rearm", "looking over the schedules", tick::rearm(&worker)).await;
        }
        bounded("tick", "the schedules' tick", tick::tick(&worker)).await;
        bounded("wake", "the wakes", wake::wake(&worker)).await;
    }
}

/// Looks how the engine stands.
async fn look_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = rounds(look::EVERY);
    while next(&mut round, &shutdown).await {
        bounded("look", "looking how the engine stands", look::look(&worker)).await;
    }
}

/// Sweeps once a round. It says for itself what went wrong, and the next round goes on.
async fn sweep_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = rounds(ROUND);
    while next(&mut round, &shutdown).await {
        let Some(swept) = bounded("sweep", "the sweep", sweep(&worker)).await else { continue };
        let counts = [
            ("published", u64::try_from(swept.published).unwrap_or(u64::MAX)),
            ("requeued", swept.requeued),
            ("released", u64::try_from(swept.released).unwrap_or(u64::MAX)),
            ("settled", swept.settled.into()),
            ("cancelled", u64::try_from(swept.cancelled).unwrap_or(u64::MAX)),
        ];
        for (what, count) in counts {
            engine::SWEPT.add(count, [what]);
        }
        if !swept.is_nothing() {
            tracing::info!(
                published = swept.published,
                requeued = swept.requeued,
                released = swept.released,
                settled = swept.settled,
                cancelled = swept.cancelled,
                "swept"
            );
        }
    }
}

/// What a round came to, unless it broke off; the next one goes on. One call that never returns must not
/// end all firing.
async fn bounded<T, E: Display>(
    name: &'static str,
    what: &str,
    round: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    let begun = Instant::now();
    let came = timeout(ROUND_WITHIN, round).await;
    let outcome = if matches!(came, Ok(Ok(_))) { "done" } else { "failed" };
    engine::ROUND_SECONDS.took(begun.elapsed(), [name, outcome]);
    match came {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => tracing::warn!("{what} broke off, trying again: {error}"),
        Err(_elapsed) => tracing::error!("{what} did not come to an end, trying again"),
    }
    None
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
