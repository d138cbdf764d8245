//! What the model says of months that nobody has measured: how long, who waits, what gives way.

mod faults;
mod large;
mod small;

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::figures::Figures;
use super::fit::{self, Costs};
use super::{Given, validate};

/// Bytes that the stream JOBS takes, as it is declared.
const STREAM_BYTES: f64 = 1024.0 * 1024.0 * 1024.0;

/// Simulate, and print tables.
#[derive(Args)]
pub(super) struct Predict {
    #[command(flatten)]
    given: Given,
    /// Shops of the large month.
    #[arg(long, default_value_t = 100_000)]
    shops: u32,
    /// Members of all of them together.
    #[arg(long, default_value_t = 1_000_000_000)]
    members: u64,
    /// Processors of PostgreSQL's machine in the cluster of the large month.
    #[arg(long, default_value_t = 32.0)]
    postgres_cores: f64,
    /// Processes `credits` there.
    #[arg(long, default_value_t = 8)]
    credits: usize,
    /// Milliseconds from one machine of the cluster to another and back.
    #[arg(long, default_value_t = 0.3)]
    round_trip_ms: f64,
    /// Megabytes a second that the disk of PostgreSQL's log takes.
    #[arg(long, default_value_t = 400.0)]
    wal_mb: f64,
    /// Milliseconds of a flush there; as measured unless given.
    #[arg(long)]
    flush_ms: Option<f64>,
    /// Write all of it to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What all predictions start from.
struct Base {
    figures: Figures,
    costs: Costs,
    cluster: Cluster,
    shops: u32,
    members: u64,
    seed: u64,
}

impl Predict {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let figures = self.given.read()?;
        let mut costs = fit::costs(&figures, &figures.months);
        println!("{}", figures.about);
        validate::show(&costs);
        let measured_flush = costs.flush;
        costs.flush = self.flush_ms.map_or(costs.flush, |ms| ms / 1000.0);
        let cluster = Cluster {
            postgres: self.postgres_cores,
            credits: self.credits,
            cores: 4.0,
            schedulers: 2,
            concurrency: 8,
            round_trip: self.round_trip_ms / 1000.0,
            wal_bytes_per_s: self.wal_mb * 1e6,
            stream_bytes: STREAM_BYTES,
        };
        let base =
            Base { figures, costs, cluster, shops: self.shops, members: self.members, seed: self.seed };
        let one = small::one_machine(&base, measured_flush)?;
        let grown = small::clusters(&base)?;
        let bounds = small::bounds(&base);
        let large = large::months(&base)?;
        let windows = large::windows(&base)?;
        let faults = faults::faults(&base)?;
        let kept = large::kept(&base);
        let all: Value = json!({ "one_machine": one, "clusters": grown, "bounds": bounds, "large": large,
            "windows_and_spread": windows, "faults": faults, "kept": kept });
        if let Some(path) = &self.json {
            fs::write(path, serde_json::to_string_pretty(&all)? + "\n")?;
        }
        Ok(())
    }
}
