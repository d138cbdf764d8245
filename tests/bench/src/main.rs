//! Load on the whole system, beside a floor measured in the same run.
//!
//! `cargo run --release -p tradeup-bench --bin bench -- monthly --shops 50 --members 2000`
//!
//! The floor is the same SQL in a plain loop with the same number of connections, without broker,
//! runs or scheduler, over batches that are planned beforehand. System and floor take turns, each
//! round on a period of its own, so that a drift of the machine falls on both.

mod floor;
mod monthly;
mod procfs;

use clap::{Parser, Subcommand};

/// Measure, and print figures beside their floors.
#[derive(Parser)]
#[command(name = "bench")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Monthly credits end to end, from trigger to the end of the root run.
    Monthly(monthly::Monthly),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Monthly(monthly) = Options::parse().command;
    monthly.run().await
}
