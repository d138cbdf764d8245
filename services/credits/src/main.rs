//! `credits`: issues credits to members, batch by batch and one by one.

mod batch;
mod tasks;

use std::process::ExitCode;

use clap::Parser;
use tradeup_worker::{Service, ServiceError, service};

/// Issues credits. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "credits", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("credits", serve(Options::parse()).await)
}

async fn serve(options: Options) -> Result<(), ServiceError> {
    Service::start("credits", options.service, tasks::registry()?).await?.run().await
}
