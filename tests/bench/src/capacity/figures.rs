//! What was measured, as a file: `bench capacity measure` writes it, the model is fitted to it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tradeup_harness::repository;

use crate::running::Cpu;

/// Measurements of one machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figures {
    /// Where they are from, in words: machine, profile, day.
    pub(super) about: String,
    /// Processors of the machine, on which all of it ran.
    pub(super) cores: u32,
    /// Seconds of one `fdatasync` of 8 KiB in the folder of PostgreSQL: the median.
    pub(super) flush_s: f64,
    /// Messages a second that NATS stores and confirms, when there is nothing else to do.
    pub(super) messages_per_s: f64,
    /// Bytes of a batch's message in the stream.
    pub(super) message_bytes: f64,
    /// Seconds that the sweep takes for one waiting run that it looks at.
    pub(super) sweep_run_s: f64,
    /// Peak resident MiB of each process.
    pub(super) peak_mib: PeakMib,
    /// Months, from their trigger to the end of the root run, of several shapes.
    pub(super) months: Vec<Month>,
}

/// Peak resident MiB.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeakMib {
    pub(super) scheduler: f64,
    pub(super) credits: f64,
}

/// A month of one shape: the median round by its seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Month {
    /// Shops, all alike.
    pub(super) shops: u32,
    /// Members of each who are credited.
    pub(super) members_each: u64,
    /// Credits in all.
    pub(super) credits: u64,
    /// Batches in all.
    pub(super) batches: u64,
    /// Runs of one kind at once in the one process of `credits`, and of `scheduler`.
    pub(super) concurrency: u32,
    /// Rounds that were measured.
    pub(super) rounds: u32,
    /// Seconds from the trigger to the end: median, least and most of the rounds.
    pub(super) seconds: f64,
    pub(super) seconds_least: f64,
    pub(super) seconds_most: f64,
    /// Processors that nothing else on the machine used meanwhile.
    pub(super) cores_left: f64,
    /// Processor seconds of a round, without those of triggering it and looking at it.
    pub(super) cpu_s: Cpu,
    /// Write-ahead log of a round.
    pub(super) wal_bytes: f64,
    /// Growth of lots, entries and accounts with their indexes in a round, and of all else.
    pub(super) disk_credits_bytes: f64,
    pub(super) disk_runs_bytes: f64,
    /// Seconds of the attempt that creates a run for each shop.
    pub(super) spawn_s: f64,
    /// Seconds of the attempts that plan a shop: their mean.
    pub(super) plan_s: f64,
    /// Seconds of batches' attempts: mean and standard deviation.
    pub(super) batch_s: f64,
    pub(super) batch_s_deviation: f64,
}

impl Figures {
    /// The file of the repository.
    pub(super) fn file() -> PathBuf {
        repository().join("tests/bench/capacity.json")
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let figures: Self = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        anyhow::ensure!(figures.months.len() >= 3, "three months of different shapes are needed to fit to");
        Ok(figures)
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| path.display().to_string())
    }
}
