//! Load on the whole system, beside a floor measured in the same run.
//!
//! `cargo run --release -p tradeup-bench --bin bench -- monthly --shops 50 --members 2000`
//!
//! The floor is the same SQL in a plain loop with the same number of connections, without broker,
//! runs or scheduler, over batches that are planned beforehand. System and floor take turns, each
//! round on a period of its own, so that a drift of the machine falls on both.

mod agents;
mod capacity;
mod console;
mod expiry;
mod fairness;
mod floor;
mod grants;
mod monthly;
mod peer;
mod procfs;
mod push;
mod recovery;
mod tiers;
mod warning_scan;
mod webhooks;

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
    /// Small runs, one credit each: throughput, and latency at two rates.
    Grants(grants::Grants),
    /// Expiration of a large ledger, of which a part has ended.
    Expiry(expiry::Expiry),
    /// The daily look for credit about to end, over a large ledger.
    WarningScan(warning_scan::WarningScan),
    /// A month told to a shop that keeps to its rate.
    Push(push::Push),
    /// A large shop beside many small ones.
    Fairness(fairness::Fairness),
    /// How long work stands still when something is killed.
    Recovery(recovery::Recovery),
    /// Webhooks of a shop: accepted a second, and a burst.
    Webhooks(webhooks::Webhooks),
    /// Pages of the console over many runs, and live pages.
    Console(console::Console),
    /// The daily review of the tiers of a large shop.
    Tiers(tiers::Tiers),
    /// Agents: tools and snapshots over a large shop, turns, and many runs at once.
    Agents(agents::Agents),
    /// Measured months, a model of them, and what it says of larger ones.
    Capacity(capacity::Capacity),
    /// The product as one of several job systems that are compared.
    Peer(peer::Peer),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Monthly(monthly) => monthly.run().await,
        Command::Grants(grants) => grants.run().await,
        Command::Expiry(expiry) => expiry.run().await,
        Command::WarningScan(scan) => scan.run().await,
        Command::Push(push) => push.run().await,
        Command::Fairness(fairness) => fairness.run().await,
        Command::Recovery(recovery) => recovery.run().await,
        Command::Console(console) => console.run().await,
        Command::Tiers(tiers) => tiers.run().await,
        Command::Agents(agents) => agents.run().await,
        Command::Capacity(capacity) => capacity.run().await,
        Command::Peer(peer) => peer.run().await,
        Command::Webhooks(webhooks) => webhooks.run().await,
    }
}
