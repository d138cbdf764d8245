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
    let service = Service::start("credits", options.service, tasks::registry(&post, &shops)?).await?;
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
