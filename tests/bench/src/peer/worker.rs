//! One worker process: a service as the product's are, with the comparison's tasks.

use std::time::Duration;

use clap::Parser;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tradeup_worker::service::StartOptions;
use tradeup_worker::{Service, Worker, sweep};

use super::{ROLE, Slot, tasks};

/// How often a scheduler sweeps.
const ROUND: Duration = Duration::from_secs(1);

/// Options of a service, all but those given here as they come.
#[derive(Parser)]
struct Started {
    #[command(flatten)]
    options: StartOptions,
}

pub(super) async fn run(slot: &Slot) -> anyhow::Result<()> {
    let (database, nats) = (slot.database_as(ROLE)?, slot.nats());
    let concurrency = slot.worker_concurrency.to_string();
    let given = ["worker", "--database-url", &database, "--nats-url", &nats, "--concurrency", &concurrency];
    let Started { options } = Started::try_parse_from(given)?;
    let mut service = Service::start("credits", options, tasks::registry()?).await?;
    if slot.worker_index == 0 {
        // What a scheduler does beside its tasks: it marks the database, and sweeps up.
        service = service.recording();
        service.beside(sweep_on(service.worker().clone(), service.shutdown()));
    }
    Ok(service.run().await?)
}

async fn sweep_on(worker: Worker, shutdown: CancellationToken) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = round.tick() => {}
        }
        match sweep(&worker).await {
            Ok(swept) if swept.is_nothing() => {}
            Ok(swept) => eprintln!("swept: {swept:?}"),
            Err(error) => eprintln!("sweeping: {error}"),
        }
    }
}
