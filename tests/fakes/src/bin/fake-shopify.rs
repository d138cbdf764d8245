//! A stand-in for Shopify as a process: prints its address as a line of JSON when it is ready, ends on SIGTERM.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tradeup_fakes::shopify::{Clock, FakeShopify};

/// A stand-in for Shopify's Admin API on 127.0.0.1; set up by `POST /_control/...`.
#[derive(Parser)]
struct Arguments {
    /// The port; 0 takes any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Before it says that it is ready: from then on it can be told to end.
    let mut end = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    let mut fake =
        FakeShopify::start(Clock::real(), arguments.port).await.context("listening on 127.0.0.1")?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({ "base": fake.base() }))?;
    out.flush()?;
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupted.recv() => {}
        () = fake.serve() => {}
    }
    Ok(())
}
