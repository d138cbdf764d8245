//! How much a machine and a cluster carry: measured months, a model that is fitted to them, and what it says of months that
//! nobody has measured.

mod cluster;
mod engine;
mod figures;
mod fit;
mod measure;
mod month;
mod predict;
mod setting;
mod shops;
mod table;
mod validate;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use figures::Figures;

/// Measure months, hold the model against them, and predict.
#[derive(Args)]
pub(crate) struct Capacity {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Months of several shapes on this machine, written to a file.
    Measure(measure::Measure),
    /// The model against each measured month, fitted to the others.
    Validate(validate::Validate),
    /// Months of many shops and members, on machines that nobody has measured.
    Predict(predict::Predict),
}

/// Which measurements.
#[derive(Args)]
struct Given {
    /// Measurements; the repository's unless given.
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

impl Given {
    fn read(&self) -> anyhow::Result<Figures> {
        Figures::read(&self.figures.clone().unwrap_or_else(Figures::file))
    }
}

impl Capacity {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.part {
            Part::Measure(measure) => measure.run().await,
            Part::Validate(validate) => validate.run(),
            Part::Predict(predict) => predict.run(),
        }
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
