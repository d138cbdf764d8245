//! `credits`: issues credits to members, batch by batch and one by one, ends them, and warns before.

mod batch;
mod mail;
mod shop;
mod tasks;

use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;
use tradeup_worker::{Service, service, settings};

use crate::mail::MailOptions;
use crate::shop::ShopOptions;

/// Issues credits. Any number may run; they share the work.
#[derive(Parser)]
#[command(name = "credits", version)]
struct Options {
    #[command(flatten)]
    service: service::StartOptions,
    /// Most members of a shop whose month is one run. More are cut into batches of 100, each a run of its own; with 0 all are.
    #[arg(long, help_heading = "Service", env = "TRADEUP_ONE_RUN_MEMBERS", value_name = "MEMBERS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(0..=1000))]
    one_run_members: u16,
    #[command(flatten)]
    mail: MailOptions,
    #[command(flatten)]
    shop: ShopOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    service::exit_code("credits", serve(settings::parse::<Options>()).await)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let stopping = CancellationToken::new();
    let mail_server = options.mail.endpoint();
    let post = options.mail.post(stopping.clone())?;
    let shops = options.shop.shops(stopping.clone())?;
    let service = Service::start(
        "credits",
        options.service,
        tasks::registry(&post, &shops, options.one_run_members.into())?,
    )
    .await?;
    let service = service.watching("mail", mail_server);
    // A batch of mails, or of calls to a shop, stops between two of them; there is time for those under way.
    let shutdown = service.shutdown();
    service.beside(async move {
        shutdown.cancelled().await;
        stopping.cancel();
    });
    service.run().await?;
    post.close().await;
    Ok(())
}
