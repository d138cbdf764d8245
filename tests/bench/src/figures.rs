//! Figures: one quantity over several rounds, beside its floor in the same rounds; what is shown and compared of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One quantity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What it is called, the same in every run: earlier figures are found by it.
    pub(crate) name: String,
    /// Its unit, in words.
    pub(crate) unit: String,
    /// Whether more of it is better.
    pub(crate) more_is_better: bool,
    /// One value for each round.
    pub(crate) rounds: Vec<f64>,
    /// The floor's, in the same rounds; none if it has no floor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) floor: Vec<f64>,
    /// What it should come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) goal: Option<Goal>,
}

/// What a figure should come to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At least this part of the floor.
    OfFloor(f64),
    /// At most this much above the floor.
    AboveFloor(f64),
    /// At most this.
    AtMost(f64),
}

/// Median, least and most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// All figures of a run, and where they were taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Cores, memory, kernel, servers, build.
    pub(crate) machine: BTreeMap<String, String>,
    /// The figures, in the order in which they were taken.
    pub(crate) figures: Vec<Figure>,
}

impl Figure {
    /// Of which more is better: so much of something in a second.
    pub(crate) fn rate(name: &str, unit: &str, rounds: Vec<f64>) -> Self {
        Self::new(name, unit, true, rounds)
    }

    /// Of which less is better: time, memory.
    pub(crate) fn cost(name: &str, unit: &str, rounds: Vec<f64>) -> Self {
        Self::new(name, unit, false, rounds)
    }

    fn new(name: &str, unit: &str, more_is_better: bool, rounds: Vec<f64>) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { name, unit, more_is_better, rounds, floor: Vec::new(), goal: None }
    }

    /// Beside what the machine gives at best.
    #[must_use]
    pub(crate) fn beside(mut self, floor: Vec<f64>) -> Self {
        self.floor = floor;
        self
    }

    /// With what it should come to.
    #[must_use]
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Over its rounds.
    pub(crate) fn spread(&self) -> Spread {
        Spread::of(&self.rounds)
    }

    /// What is held against its goal, with its words: each round beside the floor of that round.
    fn held(&self) -> Option<(Spread, bool)> {
        let pairs = || self.rounds.iter().zip(&self.floor);
        let (values, reached): (Vec<f64>, fn(f64, f64) -> bool) = match self.goal? {
            Goal::OfFloor(_) | Goal::AboveFloor(_) if self.floor.is_empty() => return None,
            Goal::OfFloor(_) => (pairs().map(|(own, floor)| own / floor).collect(), |is, goal| is >= goal),
            Goal::AboveFloor(_) => (pairs().map(|(own, floor)| own - floor).collect(), |is, goal| is <= goal),
            Goal::AtMost(_) => (self.rounds.clone(), |is, goal| is <= goal),
        };
        let spread = Spread::of(&values);
        let (Goal::OfFloor(goal) | Goal::AboveFloor(goal) | Goal::AtMost(goal)) = self.goal?;
        Some((spread, reached(spread.median, goal)))
    }

    fn row(&self, earlier: Option<&Self>) -> String {
        let floor = if self.floor.is_empty() { String::new() } else { Spread::of(&self.floor).shown() };
        let against = match (self.held(), self.goal) {
            (Some((held, _)), Some(Goal::OfFloor(_))) => format!("{} of it", held.shown()),
            (Some((held, _)), Some(Goal::AboveFloor(_))) => format!("{} above", held.shown()),
            _ if self.floor.len() == self.rounds.len() => {
                let ratios: Vec<f64> = self.rounds.iter().zip(&self.floor).map(|(own, f)| own / f).collect();
                format!("{} of it", Spread::of(&ratios).shown())
            }
            _ => String::new(),
        };
        let goal = match (self.goal, self.held()) {
            (Some(goal), Some((_, reached))) => {
                format!("{}: {}", goal.shown(), if reached { "reached" } else { "**missed**" })
            }
            _ => String::new(),
        };
        let change = earlier.map_or_else(String::new, |earlier| {
            let (now, before) = (self.spread().median, earlier.spread().median);
            format!("{:+.0} %", (now / before - 1.0) * 100.0)
        });
        let own = self.spread().shown();
        format!("| {} | {own} {} | {floor} | {against} | {goal} | {change} |", self.name, self.unit)
    }
}

impl Goal {
    fn shown(self) -> String {
        match self {
            Self::OfFloor(goal) => format!("at least {goal} of the floor"),
            Self::AboveFloor(goal) => format!("at most {goal} above the floor"),
            Self::AtMost(goal) => format!("at most {goal}"),
        }
    }
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |n: usize| sorted.get(n).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        } else {
            at(middle)
        };
        Self { median, least: at(0), most: at(sorted.len().saturating_sub(1)) }
    }

    fn shown(self) -> String {
        if self.most - self.least < self.median.abs() * 0.001 {
            return shown(self.median);
        }
        format!("{} ({} to {})", shown(self.median), shown(self.least), shown(self.most))
    }
}

/// Three digits that say something.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, rest) =
        plain.split_once('.').map_or((plain.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (n, c) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 && c.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(c);
    }
    rest.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}

impl Report {
    /// An empty report of this machine.
    pub(crate) fn of_this_machine(servers: BTreeMap<String, String>) -> Self {
        let mut machine = servers;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        machine.insert("cores".to_owned(), cores.to_string());
        let said = |name: &str, line: Option<String>| line.map(|line| (name.to_owned(), line));
        machine.extend(said("processor", field_of("/proc/cpuinfo", "model name")));
        machine.extend(said("memory", field_of("/proc/meminfo", "MemTotal")));
        machine.extend(said(
            "kernel",
            fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| trimmed(&text)),
        ));
        let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok();
        let commit = commit.filter(|output| output.status.success());
        machine
            .extend(said("commit", commit.map(|output| trimmed(&String::from_utf8_lossy(&output.stdout)))));
        Self { machine, figures: Vec::new() }
    }

    /// What another run has written.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} holds no figures", path.display()))
    }

    /// A table in Markdown, with the change against earlier figures.
    pub(crate) fn table(&self, earlier: Option<&Self>) -> String {
        let mut page = String::new();
        page.push_str(
            "| what | median (least to most) | floor | beside the floor | goal | since earlier |\n",
        );
        page.push_str("|---|---|---|---|---|---|\n");
        for figure in &self.figures {
            let before = earlier.and_then(|e| e.figures.iter().find(|other| other.name == figure.name));
            page.push_str(&figure.row(before));
            page.push('\n');
        }
        page
    }

    /// The page of the documentation.
    pub(crate) fn page(&self, earlier: Option<&Self>) -> String {
        let mut page = "# Measured\n\nWritten by `bench all`; how each is measured is in [Benchmarks](../benchmarks.md).\n".to_owned();
        page.push_str(
            "Medians over rounds in which system and floor take turns, least to most in brackets.\n\n",
        );
        for (name, value) in &self.machine {
            // Writing into a string does not fail.
            let _infallible = writeln!(page, "- {name}: {value}");
        }
        page.push('\n');
        page.push_str(&self.table(earlier));
        page
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn field_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// How many, as a number that can be divided.
pub(crate) fn count(n: impl TryInto<u32>) -> f64 {
    f64::from(n.try_into().unwrap_or(u32::MAX))
}

/// The value below which this part of those lies that are numbers.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_each_round_beside_its_own_floor() {
        let figure = Figure::rate("x", "runs/s", vec![500.0, 1_000.0, 1_500.0])
            .beside(vec![1_000.0, 1_000.0, 1_000.0])
            .goal(Goal::OfFloor(0.95));
        let row = figure.row(Some(&Figure::rate("x", "runs/s", vec![800.0])));
        assert_eq!(
            row,
            "| x | 1,000 (500 to 1,500) runs/s | 1,000 | 1.00 (0.500 to 1.50) of it | at least 0.95 of the floor: reached | +25 % |"
        );
        let late =
            Figure::cost("p50", "ms", vec![4.0, 6.0]).beside(vec![1.0, 1.0]).goal(Goal::AboveFloor(1.2));
        assert!(
            late.row(None).contains("4.00 (3.00 to 5.00) above | at most 1.2 above the floor: **missed**")
        );
    }

    #[test]
    fn without_a_floor_nothing_is_said_of_a_goal_beside_it() {
        let alone = Figure::rate("x", "runs/s", vec![500.0]).goal(Goal::OfFloor(0.95));
        assert_eq!(alone.row(None), "| x | 500 runs/s |  |  |  |  |");
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = [3.0, 1.0, f64::NAN, 2.0];
        assert_eq!([0, 50, 99, 100].map(|percent| percentile(&values, percent)), [1.0, 2.0, 3.0, 3.0]);
        assert!(percentile(&[], 50).is_nan());
    }

    #[test]
    fn a_report_comes_back_as_it_was_written() {
        let mut report = Report::default();
        report.figures.push(Figure::cost("idle", "MiB", vec![12.5]).goal(Goal::AtMost(20.0)));
        let read: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(read.table(None), report.table(None));
        assert!(read.table(None).contains("| idle | 12.5 MiB |  |  | at most 20: reached |  |"));
    }
}
