//! Agents: how long their tools take over a large shop, how long that shop's snapshot, what a turn takes beside the
//! provider's time, and what many runs at once take.

mod crowd;
mod shop;
mod snapshot;
mod stand_in;
mod tools;
mod turns;

use clap::{Args, Subcommand};

use crate::figures::percentile;

/// Tools, snapshots, turns, and many runs at once.
#[derive(Args)]
pub(crate) struct Agents {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Each tool over a large shop, and how long the snapshot took that they read.
    Tools(tools::Tools),
    /// The snapshot of a large shop alone, again and again.
    Snapshot(snapshot::Snapshot),
    /// One run after the other: what each turn takes beyond the provider's time.
    Turns(turns::Turns),
    /// Many runs at once: how many a second, how long each, in how much memory.
    Crowd(crowd::Crowd),
}

impl Agents {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.part {
            Part::Tools(tools) => tools.run().await,
            Part::Snapshot(snapshot) => snapshot.run().await,
            Part::Turns(turns) => turns.run().await,
            Part::Crowd(crowd) => crowd.run().await,
        }
    }
}

/// Median, 99th percentile and maximum of times in milliseconds; null of none.
fn percentiles(times: &[f64]) -> serde_json::Value {
    let at = |percent: usize| round(percentile(times, percent));
    serde_json::json!({ "calls": times.len(), "p50_ms": at(50), "p99_ms": at(99), "max_ms": at(100) })
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
