//! Load on the whole system, beside a floor measured in the same run.
//!
//! `cargo run --release -p tradeup-bench --bin bench -- monthly --shops 50x2000`
//!
//! The floor is the same SQL in a plain loop with the same number of connections, without broker,
//! runs or scheduler, over batches that are planned beforehand. System and floor take turns, each
//! round on a period of its own, so that a drift of the machine falls on both.

mod agents;
mod all;
mod capacity;
mod console;
mod expiry;
mod fairness;
mod figures;
mod floor;
mod grants;
mod monthly;
mod peer;
mod plant;
mod procfs;
mod push;
mod recovery;
mod running;
mod servers;
mod start;
mod statements;
mod tiers;
mod warning_scan;
mod webhooks;
mod week;

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
    /// All figures beside their floors, with a page and a comparison.
    All(all::All),
    /// Cold start of each service, and what it takes while idle.
    Start(start::Start),
    /// What each statement costs a run.
    Statements(statements::Statements),
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
    /// A simulated week: what grows though nothing more is live.
    Week(week::Week),
    /// Measured months, a model of them, and what it says of larger ones.
    Capacity(capacity::Capacity),
    /// The product as one of several job systems that are compared.
    Peer(peer::Peer),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let figures = match Options::parse().command {
        Command::All(all) => return all.run().await,
        Command::Fairness(fairness) => return fairness.run().await,
        Command::Recovery(recovery) => return recovery.run().await,
        Command::Console(console) => return console.run().await,
        Command::Statements(statements) => return statements.run().await,
        Command::Capacity(capacity) => return capacity.run().await,
        Command::Peer(peer) => return peer.run().await,
        Command::Week(week) => return week.run().await,
        Command::Tiers(tiers) => return tiers.run().await,
        Command::Agents(agents) => return agents.run().await,
        Command::Start(start) => start.measure().await?,
        Command::Monthly(monthly) => monthly.measure().await?,
        Command::Grants(grants) => grants.measure().await?,
        Command::Expiry(expiry) => expiry.measure().await?,
        Command::WarningScan(scan) => scan.measure().await?,
        Command::Push(push) => push.measure().await?,
        Command::Webhooks(webhooks) => webhooks.measure().await?,
    };
    print!("{}", figures::Report { figures, ..figures::Report::default() }.table(None));
    Ok(())
}
