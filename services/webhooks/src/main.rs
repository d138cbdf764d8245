//! `webhooks`: takes what other systems say. So far from the stream of events; by HTTP later.

mod events;
mod routes;

use std::process::ExitCode;

use clap::Parser;
use tradeup_worker::{Registry, Service, ServiceError, intake, service};

/// Takes events. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "webhooks", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("webhooks", serve(Options::parse()).await)
}

async fn serve(options: Options) -> Result<(), ServiceError> {
    let service = Service::start("webhooks", options.service, Registry::new()).await?;
    service.beside(intake::take_events(service.worker().clone(), events::Events, service.shutdown()));
    service.run().await
}
