//! `tradeup stand-by`.

use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

/// Do nothing until told to end: for a container in which commands are run, which has no shell to wait in.
#[derive(Args)]
pub(crate) struct StandBy {}

impl StandBy {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}
