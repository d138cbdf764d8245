//! What an evaluation came to: for people, and as a file that another one is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradeup_plan::Score;

use super::super::words::short;
use super::compare::Comparison;
use super::goals::{Goals, short_digest};
use super::text::percent;
use crate::output::instant;

/// The form of reports. One of another form is not compared.
const VERSION: u32 = 1;
const ALL_BPS: i64 = 10_000;
/// Characters of why there is no plan.
const WHY_CHARS: usize = 160;

/// Below what an evaluation fails. 10,000 is all of it.
#[derive(Args, Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Minimum {
    /// Texts in which everything is proven, of all texts of a plan, in basis points.
    #[arg(long = "min-grounding", value_name = "BPS", default_value_t = ALL_BPS, value_parser = clap::value_parser!(i64).range(0..=ALL_BPS))]
    grounding_bps: i64,
    /// What was found, of what there is to be found.
    #[arg(long = "min-coverage", value_name = "BPS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=ALL_BPS))]
    coverage_bps: i64,
    /// KPIs with a baseline, a target for the better and a time, of all KPIs.
    #[arg(long = "min-kpis", value_name = "BPS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=ALL_BPS))]
    kpis_bps: i64,
}

/// A run of a goal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OneRun {
    pub(super) run_id: String,
    /// Which of the goal's runs, from 1.
    pub(super) n: u32,
    pub(super) state: String,
    pub(super) ended: bool,
    /// None without a plan.
    pub(super) score: Option<Score>,
    /// What its plan says that none may.
    pub(super) said: Vec<String>,
    pub(super) unproven: usize,
    /// Whether rules wrote it and no model.
    pub(super) offline: bool,
    /// Why there is no plan, or none that is complete.
    pub(super) why: Option<String>,
    /// Spent, with what is unknown.
    pub(super) cost_nano_usd: i64,
    pub(super) unknown_nano_usd: i64,
    /// Answered turns of all agents.
    pub(super) turns: usize,
    /// Tries that were sent and never answered.
    pub(super) lost_tries: usize,
    /// Plans and findings that were handed in and sent back.
    pub(super) repairs: usize,
    pub(super) tool_calls: usize,
    /// Of those, which were not asked as they can be.
    pub(super) refused_calls: usize,
    pub(super) took_ms: i64,
    /// Models that answered, by role.
    pub(super) models: BTreeMap<String, BTreeSet<String>>,
    /// A digest of prompts, tools and bounds.
    pub(super) script: String,
}

impl OneRun {
    /// Whether there is nothing to be said against its plan.
    fn is_good(&self) -> bool {
        self.said.is_empty() && self.score.is_some_and(|score| score.sound && score.coverage_bps == ALL_BPS)
    }
}

/// A goal with the worst of its runs, and the sum of what they cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct GoalReport {
    pub(super) id: String,
    pub(super) shop: String,
    pub(super) task: String,
    /// What is asked and what is to be found: another goal has another.
    pub(super) digest: String,
    /// Whether the plans of all its runs are sound and found everything.
    pub(super) passed: bool,
    /// What is below the minimum.
    pub(super) problems: Vec<String>,
    pub(super) plans: usize,
    pub(super) sound: usize,
    pub(super) grounding_bps: i64,
    pub(super) coverage_bps: i64,
    pub(super) kpis_bps: i64,
    /// Runs whose plan says what none may.
    pub(super) said: usize,
    pub(super) cost_nano_usd: i64,
    pub(super) unknown_nano_usd: i64,
    pub(super) turns: usize,
    pub(super) repairs: usize,
    pub(super) tool_calls: usize,
    pub(super) runs: Vec<OneRun>,
}

impl GoalReport {
    fn sum_up(&mut self, minimum: Minimum) {
        let runs = &self.runs;
        let scores: Vec<Score> = runs.iter().filter_map(|run| run.score).collect();
        // A goal is as good as the worst of its plans; one without is as bad as can be.
        let is_whole = !runs.is_empty() && scores.len() == runs.len();
        let worst = |of: fn(&Score) -> i64| scores.iter().map(of).min().filter(|_| is_whole).unwrap_or(0);
        self.plans = scores.len();
        self.sound = scores.iter().filter(|score| score.sound).count();
        self.grounding_bps = worst(|score| score.grounding_bps);
        self.coverage_bps = worst(|score| score.coverage_bps);
        self.kpis_bps = worst(|score| score.kpis_bps);
        self.said = runs.iter().filter(|run| !run.said.is_empty()).count();
        self.passed = !runs.is_empty() && runs.iter().all(OneRun::is_good);
        self.cost_nano_usd = runs.iter().map(|run| run.cost_nano_usd).sum();
        self.unknown_nano_usd = runs.iter().map(|run| run.unknown_nano_usd).sum();
        self.turns = runs.iter().map(|run| run.turns).sum();
        self.repairs = runs.iter().map(|run| run.repairs).sum();
        self.tool_calls = runs.iter().map(|run| run.tool_calls).sum();
        self.problems = self.problems(minimum, is_whole);
    }

    fn problems(&self, minimum: Minimum, is_whole: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for run in &self.runs {
            if run.score.is_none() {
                let why = run.why.as_deref().map(|why| short(why, WHY_CHARS)).unwrap_or_default();
                problems.push(
                    format!("no plan: run {} is {}. {why}", run.run_id, run.state).trim_end().to_owned(),
                );
            }
            for said in &run.said {
                problems.push(format!(
                    "the plan of {} says what none may: {}",
                    run.run_id,
                    short(said, WHY_CHARS)
                ));
            }
        }
        if is_whole {
            for (of, is, least) in [
                ("grounding", self.grounding_bps, minimum.grounding_bps),
                ("coverage", self.coverage_bps, minimum.coverage_bps),
                ("KPIs", self.kpis_bps, minimum.kpis_bps),
            ] {
                if is < least {
                    problems.push(format!("{of} of {} is below {}", percent(is), percent(least)));
                }
            }
        }
        problems
    }
}

/// All goals together. Shares are means over runs; a run without a plan counts as nothing found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) goals: usize,
    /// Goals all of whose plans are sound and found everything.
    pub(super) passed: usize,
    pub(super) runs: usize,
    pub(super) ended: usize,
    pub(super) plans: usize,
    pub(super) sound: usize,
    pub(super) grounding_bps: i64,
    pub(super) coverage_bps: i64,
    pub(super) kpis_bps: i64,
    pub(super) cost_nano_usd: i64,
    pub(super) unknown_nano_usd: i64,
    pub(super) turns: usize,
    pub(super) lost_tries: usize,
    pub(super) repairs: usize,
    pub(super) tool_calls: usize,
    pub(super) refused_calls: usize,
}

/// What an evaluation came to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    version: u32,
    pub(super) prefix: String,
    as_of: Option<String>,
    pub(super) repeat: u32,
    /// Models that answered, by role.
    pub(super) models: BTreeMap<String, BTreeSet<String>>,
    /// Whether rules wrote all plans and no model.
    pub(super) offline: bool,
    /// A digest of the prompts, tools and bounds of all runs.
    pub(super) scripts: String,
    minimum: Minimum,
    pub(super) summary: Summary,
    pub(super) goals: Vec<GoalReport>,
}

impl Report {
    /// One of no runs yet.
    pub(super) fn new(prefix: &str, goals: &Goals, repeat: u32, minimum: Minimum) -> Self {
        let of = goals.goals.iter().map(|goal| GoalReport {
            id: goal.id.clone(),
            shop: goal.shop.clone(),
            task: goal.asked.kind().task.to_owned(),
            digest: goal.digest.clone(),
            ..GoalReport::default()
        });
        Self {
            version: VERSION,
            prefix: prefix.to_owned(),
            as_of: goals.as_of.map(instant),
            repeat,
            models: BTreeMap::new(),
            offline: false,
            scripts: String::new(),
            minimum,
            summary: Summary::default(),
            goals: of.collect(),
        }
    }

    /// Adds a run of a goal, by the goal's place.
    pub(super) fn add(&mut self, goal: usize, run: OneRun) {
        if let Some(goal) = self.goals.get_mut(goal) {
            goal.runs.push(run);
        }
    }

    /// Reckons all that follows from the runs.
    pub(super) fn sum_up(&mut self) {
        let minimum = self.minimum;
        self.goals.iter_mut().for_each(|goal| goal.sum_up(minimum));
        let runs: Vec<&OneRun> = self.goals.iter().flat_map(|goal| &goal.runs).collect();
        let scores: Vec<Score> = runs.iter().filter_map(|run| run.score).collect();
        let mean = |of: fn(&Score) -> i64| {
            let sum: i64 = scores.iter().map(of).sum();
            i64::try_from(runs.len()).ok().filter(|runs| *runs > 0).map_or(0, |runs| sum / runs)
        };
        let sum = |of: fn(&OneRun) -> usize| runs.iter().map(|run| of(run)).sum();
        self.summary = Summary {
            goals: self.goals.len(),
            passed: self.goals.iter().filter(|goal| goal.passed).count(),
            runs: runs.len(),
            ended: runs.iter().filter(|run| run.ended).count(),
            plans: scores.len(),
            sound: scores.iter().filter(|score| score.sound).count(),
            grounding_bps: mean(|score| score.grounding_bps),
            coverage_bps: mean(|score| score.coverage_bps),
            kpis_bps: mean(|score| score.kpis_bps),
            cost_nano_usd: runs.iter().map(|run| run.cost_nano_usd).sum(),
            unknown_nano_usd: runs.iter().map(|run| run.unknown_nano_usd).sum(),
            turns: sum(|run| run.turns),
            lost_tries: sum(|run| run.lost_tries),
            repairs: sum(|run| run.repairs),
            tool_calls: sum(|run| run.tool_calls),
            refused_calls: sum(|run| run.refused_calls),
        };
        let mut models: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (role, names) in runs.iter().flat_map(|run| &run.models) {
            models.entry(role.clone()).or_default().extend(names.iter().cloned());
        }
        let scripts: BTreeSet<&str> =
            runs.iter().map(|run| run.script.as_str()).filter(|script| !script.is_empty()).collect();
        let scripts = if scripts.is_empty() {
            String::new()
        } else {
            short_digest(&scripts.into_iter().collect::<Vec<_>>().join(" "))
        };
        let offline = !scores.is_empty() && runs.iter().all(|run| run.offline || run.score.is_none());
        self.models = models;
        self.scripts = scripts;
        self.offline = offline;
    }

    /// Whether each goal has a plan and none is below the minimum.
    pub(super) fn is_passed(&self) -> bool {
        self.goals.iter().all(|goal| goal.problems.is_empty())
    }

    /// Reads one from a file.
    pub(super) fn read(file: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("--baseline {file}"))?;
        let report: Self = serde_json::from_str(&text)
            .with_context(|| format!("--baseline {file} is no report of an evaluation"))?;
        ensure!(
            report.version == VERSION,
            "--baseline {file} is of form {}, and this build compares form {VERSION}; make it anew",
            report.version
        );
        Ok(report)
    }

    /// Writes it to a file, in one piece.
    pub(super) fn write(&self, file: &str) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        let part = format!("{file}.part");
        std::fs::write(&part, text).with_context(|| format!("--out {part}"))?;
        std::fs::rename(&part, file).with_context(|| format!("--out {file}"))
    }

    /// For programs: the report, with what it is compared to.
    pub(super) fn value(&self, comparison: Option<&Comparison>) -> anyhow::Result<Value> {
        let mut value = serde_json::to_value(self)?;
        if let Some(comparison) = comparison {
            value["comparison"] = serde_json::to_value(comparison)?;
        }
        Ok(value)
    }
}

/// Whether a report could be written there, as far as can be known before.
pub(super) fn writable(file: &str) -> anyhow::Result<()> {
    let path = Path::new(file);
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    ensure!(folder.is_dir(), "--out {file}: there is no folder {}", folder.display());
    ensure!(!path.is_dir(), "--out {file} is a folder");
    Ok(())
}
