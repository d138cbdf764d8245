//! `agents`: looks at a shop with models, and writes plans in which each figure is proven.

mod bundle;
mod conduct;
mod engine;
mod models;
mod options;
mod prompt;
mod tasks;
mod tools;

use std::process::ExitCode;

use clap::Parser;
use tradeup_store::schedules;
use tradeup_worker::{Service, service, settings};

use crate::options::ModelOptions;

/// Writes plans for shops with models. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "agents", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
    #[command(flatten)]
    models: ModelOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("agents", serve(settings::parse::<Options>()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let provider = options.models.provider()?;
    let service = Service::start("agents", options.service, tasks::registry(&provider)?).await?;
    let (shutdown, pool) = (service.shutdown(), service.worker().pool().clone());
    service.beside(async move {
        let looking = async {
            match schedules::clock(&pool).await {
                Ok(now) => provider.look(now).await,
                Err(error) => tracing::warn!("which models are there is not looked at: {error}"),
            }
        };
        tokio::select! {
            () = looking => shutdown.cancelled().await,
            () = shutdown.cancelled() => {}
        }
        provider.stop();
    });
    Ok(service.run().await?)
}
