//! Everything that is measured for the page of figures, one after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::expiry::Expiry;
use crate::figures::{Figure, Report};
use crate::grants::Grants;
use crate::monthly::Monthly;
use crate::push::Push;
use crate::start::Start;
use crate::warning_scan::WarningScan;
use crate::webhooks::Webhooks;

/// All figures beside their floors; on a quiet machine.
#[derive(Args)]
pub(crate) struct All {
    /// How much of it.
    #[arg(long, value_enum, default_value_t = Scale::Usual)]
    scale: Scale,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Write the figures here as JSON, after each part.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Compare with what an earlier run has written.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Write the page of the documentation here, after each part.
    #[arg(long)]
    page: Option<PathBuf>,
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scale {
    /// Whether it works at all: a few minutes, and the figures say nothing.
    Smoke,
    /// Up to 1,000,000 members: about an hour.
    Usual,
    /// 10,000,000 members as well: several hours, and 40 GB.
    Large,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Start, and standing by.
    Start,
    /// One-credit runs, and from trigger to effect.
    Grants,
    /// Monthly credits.
    Monthly,
    /// Webhooks, and what follows from them.
    Webhooks,
    /// Expiration.
    Expiry,
    /// Warnings.
    Warnings,
    /// Telling a shop.
    Push,
}

impl Part {
    async fn measure(self, scale: Scale) -> anyhow::Result<Vec<Figure>> {
        let smoke = scale == Scale::Smoke;
        let of = |small: u64, usual: u64| if smoke { small } else { usual };
        match self {
            Self::Start if smoke => Start { rounds: 2, idle_seconds: 2 }.measure().await,
            Self::Start => Start { rounds: 5, idle_seconds: 20 }.measure().await,
            Self::Grants if smoke => {
                Grants { runs: 500, seconds: 2, rounds: 2, connections: 8 }.measure().await
            }
            Self::Grants => Grants { runs: 20_000, seconds: 15, rounds: 5, connections: 8 }.measure().await,
            Self::Monthly => {
                let mut figures = Vec::new();
                for shops in sizes(scale) {
                    let shops = shops.split(',').map(str::parse).collect::<Result<_, _>>()?;
                    let rounds = if smoke { 2 } else { 6 };
                    let monthly = Monthly { shops, rounds, connections: 8, no_floor: false };
                    figures.extend(monthly.measure().await?);
                }
                Ok(figures)
            }
            Self::Webhooks => {
                let (count, burst) = if smoke { (200, 200) } else { (4_000, 20_000) };
                let rounds = if smoke { 2 } else { 5 };
                Webhooks { count, burst, connections: 64, rounds }.measure().await
            }
            Self::Expiry => {
                let rounds = of(2, 5);
                Expiry { members: of(2_000, 1_000_000), lots: 5, rounds, one_in: 20, connections: 8 }
                    .measure()
                    .await
            }
            Self::Warnings => {
                WarningScan { members: of(2_000, 1_000_000), lots: 5, one_in: 10, rounds: of(2, 5) }
                    .measure()
                    .await
            }
            Self::Push => Push { members: of(30, 1_000), rate: 200.0, at_once: 24 }.measure().await,
        }
    }
}

/// Shops by members: many small ones, one huge one, and both.
fn sizes(scale: Scale) -> &'static [&'static str] {
    match scale {
        Scale::Smoke => &["3x200"],
        Scale::Usual => &["50x2000", "500x200", "1x100000", "1x100000,500x200", "1x1000000"],
        Scale::Large => &["50x2000", "500x200", "1x100000", "1x100000,500x200", "1x1000000", "1x10000000"],
    }
}

impl All {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let earlier = self.against.as_deref().map(Report::read).transpose()?;
        let mut report = Report::of_this_machine(servers());
        let parts = if self.only.is_empty() { Part::value_variants() } else { &self.only };
        for part in parts {
            eprintln!("== {part:?}");
            let figures = part.measure(self.scale).await.with_context(|| format!("measuring {part:?}"))?;
            report.figures.extend(figures);
            self.write(&report, earlier.as_ref())?;
        }
        print!("{}", report.table(earlier.as_ref()));
        Ok(())
    }

    /// What has been measured so far.
    fn write(&self, report: &Report, earlier: Option<&Report>) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(report)?)?;
        }
        if let Some(path) = &self.page {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(path, report.page(earlier))?;
        }
        Ok(())
    }
}

/// What is measured against.
fn servers() -> BTreeMap<String, String> {
    let shared = tradeup_harness::Servers::shared().status();
    let version = |server: &str| Some((server.to_owned(), shared[server]["version"].as_str()?.to_owned()));
    ["postgres", "nats"].into_iter().filter_map(version).collect()
}
