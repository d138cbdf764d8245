//! `faults`: plays rounds for as long as asked, and prints what was injected and what was found.
#![expect(clippy::print_stdout, reason = "its output")]

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use futures::FutureExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tradeup_faults::{Report, Scenario, round};

/// Plays fault rounds for as long as asked. Build the services first, with their fault points:
/// `cargo build --workspace --bins --features tradeup-worker/faultpoints`.
#[derive(Parser)]
struct Options {
    /// For so many minutes; the last round is finished.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Everything random follows from it. Printed, so that it can be given again.
    #[arg(long)]
    seed: Option<u64>,
    /// Only scenarios whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// One round of each, with this seed: that of a round that failed, as it was printed.
    #[arg(long)]
    round: Option<u64>,
    /// List the scenarios.
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut scenarios = Scenario::all();
    if let Some(only) = &options.only {
        scenarios.retain(|scenario| scenario.to_string().contains(only));
    }
    if options.list || scenarios.is_empty() {
        scenarios.iter().for_each(|scenario| println!("{scenario}"));
        return ExitCode::SUCCESS;
    }
    if let Some(seed) = options.round {
        let mut total = Total::default();
        for scenario in scenarios {
            total.play(scenario, seed).await;
        }
        return if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let seed = options.seed.unwrap_or_else(|| rand::random_range(0..1_000_000_000));
    println!("seed {seed}, {} scenarios, {} minutes", scenarios.len(), options.minutes);
    let mut rng = StdRng::seed_from_u64(seed);
    let (begun, mut total) = (Instant::now(), Total::default());
    'all: loop {
        scenarios.shuffle(&mut rng);
        for scenario in &scenarios {
            if begun.elapsed() >= Duration::from_secs(options.minutes * 60) {
                break 'all;
            }
            total.play(*scenario, rng.random_range(0..1_000_000_000)).await;
        }
    }
    total.print(begun.elapsed());
    if total.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Total {
    rounds: u64,
    faults: BTreeMap<String, u64>,
    runs: i64,
    attempts: i64,
    attempts_lost: i64,
    replays: u64,
    entries: i64,
    slowest: Duration,
    failed: Vec<(Scenario, u64)>,
}

impl Total {
    async fn play(&mut self, scenario: Scenario, seed: u64) {
        let begun = Instant::now();
        // A panic is this round's alone; its message is printed where it happens.
        let played = AssertUnwindSafe(round(scenario, seed)).catch_unwind().await;
        let took = begun.elapsed().as_secs_f64();
        self.rounds += 1;
        match played {
            Ok(report) => {
                let faults: Vec<String> =
                    report.faults.iter().map(|(fault, count)| format!("{count}x {fault}")).collect();
                println!(
                    "ok    {scenario} seed {seed}: {}; {} runs, {} attempts ({} lost), {} replays, {} entries, drained in {:.1} s, {took:.0} s",
                    faults.join(", "),
                    report.runs,
                    report.attempts,
                    report.attempts_lost,
                    report.replays,
                    report.entries,
                    report.drained_in.as_secs_f64(),
                );
                self.add(&report);
            }
            Err(_panic) => {
                println!("FAIL  {scenario} seed {seed}, {took:.0} s");
                self.failed.push((scenario, seed));
            }
        }
    }

    fn add(&mut self, report: &Report) {
        for (fault, count) in &report.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
        self.runs += report.runs;
        self.attempts += report.attempts;
        self.attempts_lost += report.attempts_lost;
        self.replays += report.replays;
        self.entries += report.entries;
        self.slowest = self.slowest.max(report.drained_in);
    }

    fn print(&self, took: Duration) {
        println!("\n{} rounds in {} min", self.rounds, took.as_secs() / 60);
        println!("faults injected: {}", self.faults.values().sum::<u64>());
        self.faults.iter().for_each(|(fault, count)| println!("  {count:6} {fault}"));
        println!(
            "runs {}, attempts {} of which {} lost or failed, replays by hand {}, ledger entries {}",
            self.runs, self.attempts, self.attempts_lost, self.replays, self.entries
        );
        println!("slowest heal: {:.1} s", self.slowest.as_secs_f64());
        println!("rounds with a loss, a double or a run that did not end: {}", self.failed.len());
        self.failed.iter().for_each(|(scenario, seed)| println!("  {scenario} seed {seed}"));
        // No failure in n rounds bounds their rate from above, no more (95 %).
        if self.failed.is_empty() && self.rounds > 0 {
            println!("so at most one round in {} fails, with 95 % confidence", (self.rounds / 3).max(1));
        }
    }
}
