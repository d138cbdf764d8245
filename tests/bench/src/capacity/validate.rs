//! The model against what was measured: each month by a model that was fitted to the others.

use std::fs;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use serde_json::json;

use super::figures::Month;
use super::fit::{self, Costs};
use super::month::simulate;
use super::setting::Setting;
use super::table::{self, percent, time};
use super::{Given, float};

/// Of the model, as of the tasks: docs/decisions/0001.
pub(super) const BATCH: u64 = 100;
pub(super) const WINDOW: u32 = 64;
/// Most batches of a shop in one transaction, as `credits` takes them.
pub(super) const TOGETHER: usize = 8;

/// Print what the model says beside what was measured.
#[derive(Args)]
pub(super) struct Validate {
    #[command(flatten)]
    given: Given,
    /// Fail if the model is further off than this, in percent of what was measured.
    #[arg(long, value_name = "PERCENT")]
    within: Option<f64>,
    /// Write the comparison to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let figures = self.given.read()?;
        let (mut rows, mut kept, mut worst) = (Vec::new(), Vec::new(), 0.0_f64);
        for (n, month) in figures.months.iter().enumerate() {
            let mut others = figures.months.clone();
            if others.len() > 3 {
                others.remove(n);
            }
            let costs = fit::costs(&figures, &others);
            let outcome = simulate(&as_measured(month, costs, self.seed))?;
            ensure!(
                outcome.credits == month.credits,
                "the model credits {}, not {}",
                outcome.credits,
                month.credits
            );
            let off = outcome.seconds / month.seconds - 1.0;
            worst = worst.max(off.abs());
            let spread = format!("{} to {}", time(month.seconds_least), time(month.seconds_most));
            rows.push(vec![
                format!("{} x {}", month.shops, month.members_each),
                month.concurrency.to_string(),
                format!("{:.1}", month.cores_left),
                time(month.seconds),
                spread,
                time(outcome.seconds),
                format!("{:+.0} %", off * 100.0),
                table::count(float(month.credits) / month.seconds),
                table::count(float(month.credits) / outcome.seconds),
            ]);
            kept.push(
                json!({ "shops": month.shops, "members_each": month.members_each, "measured_s": month.seconds,
                "model_s": outcome.seconds, "off": off }),
            );
        }
        println!("{}", figures.about);
        table::show(
            "Each month as the model, fitted to the other months, has it; all on the machine that was measured",
            &[
                "shops x credited",
                "at once",
                "processors",
                "measured",
                "least to most",
                "model",
                "off",
                "credits/s",
                "model",
            ],
            &rows,
        );
        println!("\nFurthest off: {}. Fitted to all months:", percent(worst));
        show(&fit::costs(&figures, &figures.months));
        if let Some(path) = &self.json {
            fs::write(path, serde_json::to_string_pretty(&kept)? + "\n")?;
        }
        if let Some(within) = self.within {
            ensure!(worst * 100.0 <= within, "the model is off by {}, more than {within} %", percent(worst));
        }
        Ok(())
    }
}

/// All of it on one machine, with the processors that others left to it.
fn as_measured(month: &Month, costs: Costs, seed: u64) -> Setting {
    Setting {
        shops: vec![month.members_each; month.shops as usize],
        starts: Vec::new(),
        batch: BATCH,
        window: WINDOW,
        together: TOGETHER,
        machines: vec![month.cores_left],
        postgres: 0,
        nats: 0,
        schedulers: vec![0],
        credits: vec![0],
        concurrency: month.concurrency,
        costs,
        round_trip: 0.0,
        wal_bytes_per_s: 0.0,
        stream_bytes_max: f64::INFINITY,
        sweeps: true,
        faults: Vec::new(),
        seed,
    }
}

/// The costs that the model reckons with.
pub(super) fn show(costs: &Costs) {
    let ms = |seconds: f64| format!("{:.3} ms", seconds * 1000.0);
    let row = |what: &str, shop: f64, batch: f64, credit: f64| {
        vec![what.to_owned(), ms(shop), ms(batch), ms(credit * 1000.0)]
    };
    table::show(
        "Seconds of a processor",
        &["", "a shop", "a batch", "1,000 credits"],
        &[
            row("PostgreSQL: making the shop's run", costs.spawn, 0.0, 0.0),
            row("PostgreSQL: planning it", costs.plan.shop, 0.0, costs.plan.credit),
            row("PostgreSQL: its batches", 0.0, costs.batch.batch, costs.batch.credit),
            row("credits", 0.0, costs.credits.batch, costs.credits.credit),
            row("scheduler", costs.scheduler, 0.0, 0.0),
            row("NATS", costs.message, costs.message, 0.0),
        ],
    );
    let size = |what: &str, cost: fit::Cost| {
        let thousand = cost.credit * 1000.0;
        vec![what.to_owned(), table::bytes(cost.shop), table::bytes(cost.batch), table::bytes(thousand)]
    };
    let sizes = [size("log", costs.wal), size("on disk", costs.disk)];
    table::show("Bytes", &["", "a shop", "a batch", "1,000 credits"], &sizes);
    println!(
        "\nA processor gives {} more while its sibling rests. A batch's demand deviates by {}, and it keeps its place {} longer; a flush takes {}; NATS \
         stores {} messages a second of {:.0} bytes; the sweep takes {} for a run that waits.",
        percent(costs.boost),
        percent(costs.batch_deviation),
        ms(costs.hop),
        ms(costs.flush),
        table::count(costs.message_stored.recip()),
        costs.message_bytes,
        ms(costs.sweep_run),
    );
}
