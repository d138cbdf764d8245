//! `credits`: issues credits to members, batch by batch.

mod tasks;

use std::process::ExitCode;

use clap::Parser;
use tradeup_store::Purpose;
use tradeup_telemetry::LogOptions;
use tradeup_worker::{Runner, ServiceOptions, StoreOptions, Worker, close, shutdown_signal};

/// Issues credits. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "credits", version)]
struct Options {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    service: ServiceOptions,
    #[command(flatten)]
    log: LogOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("credits: {error:#}");
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
        .connect("credits", options.service.connections_max(&registry), Purpose::Service)
        .await?;
    let broker = options.service.connect("credits").await?;
    let worker = Worker::new("credits", pool.clone(), broker.clone(), options.service);
    tracing::info!(worker = worker.name(), "credits is ready as {}", worker.name());
    Runner::new(worker, registry).run(shutdown).await;
    broker.close().await;
    close(&pool).await;
    tracing::info!("stopped");
    Ok(())
}
