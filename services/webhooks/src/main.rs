//! `webhooks`: takes what other systems say, from the stream of events and by HTTP.

mod deliver;
mod envelope;
mod events;
mod http;
mod pace;
mod routes;
mod shop;
mod tasks;
mod unclaimed;

use std::process::ExitCode;

use clap::Parser;
use tradeup_worker::{Service, intake, service, settings};

use crate::http::HttpOptions;

/// Takes events. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "webhooks", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
    #[command(flatten)]
    http: HttpOptions,
    #[command(flatten)]
    deliver: deliver::DeliverOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("webhooks", serve(settings::parse::<Options>()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let deliverer = options.deliver.deliverer(options.http.signing()?)?;
    let http = options.http.listen().await?;
    // What shops say is kept as rows while NATS is not there.
    let service = Service::start_early("webhooks", options.service, tasks::registry()?).await?;
    let events = events::Events::default();
    service.beside(intake::take_events(service.worker().clone(), events.clone(), service.shutdown()));
    service.beside(unclaimed::claim(service.worker().clone(), events.clone(), service.shutdown()));
    match deliverer {
        Some(deliverer) => service.beside(deliverer.deliver(service.worker().clone(), service.shutdown())),
        None => tracing::warn!("endpoints are not told of anything: TRADEUP_SIGNING_KEYS is not set"),
    }
    if let Some(http) = http {
        service.beside(http.serve(service.worker().clone(), events, service.shutdown()));
    }
    Ok(service.run().await?)
}
