//! Two evaluations beside one another, goal by goal.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::words::usd;
use super::report::{GoalReport, Report};
use super::text::percent;
use crate::output::table;

/// How a goal's plans are beside those of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// In something, whatever else is better.
    Worse,
    /// In something, and worse in nothing.
    Better,
    Same,
    /// It is asked something else, or something else is to be found.
    Changed,
    /// There was none before.
    New,
    /// There is none any more.
    Gone,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Same => "same",
            Self::Changed => "changed",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// A goal, and by how much it differs from before. Cost and turns are of one run, on average.
#[derive(Clone, Debug, Serialize)]
struct Compared {
    id: String,
    verdict: Verdict,
    /// In what it is worse.
    worse_in: Vec<&'static str>,
    /// In what it is better.
    better_in: Vec<&'static str>,
    grounding_bps: i64,
    coverage_bps: i64,
    kpis_bps: i64,
    cost_nano_usd: i64,
    turns: i64,
}

/// Two evaluations.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The prefix of the other one.
    baseline: String,
    /// Whether the models, prompts, tools and bounds are the same.
    same_configuration: bool,
    counts: BTreeMap<&'static str, usize>,
    cost_nano_usd: i64,
    turns: i64,
    goals: Vec<Compared>,
}

impl Comparison {
    pub(super) fn of(before: &Report, now: &Report) -> Self {
        let known: BTreeMap<&str, &GoalReport> =
            before.goals.iter().map(|goal| (goal.id.as_str(), goal)).collect();
        let mut goals: Vec<Compared> =
            now.goals.iter().map(|goal| compared(known.get(goal.id.as_str()).copied(), goal)).collect();
        let gone = before.goals.iter().filter(|goal| now.goals.iter().all(|other| other.id != goal.id));
        goals.extend(gone.map(|goal| unlike(&goal.id, Verdict::Gone)));
        let mut counts = BTreeMap::new();
        for goal in &goals {
            *counts.entry(goal.verdict.as_str()).or_insert(0) += 1;
        }
        Self {
            baseline: before.prefix.clone(),
            same_configuration: before.models == now.models && before.scripts == now.scripts,
            counts,
            cost_nano_usd: goals.iter().map(|goal| goal.cost_nano_usd).sum(),
            turns: goals.iter().map(|goal| goal.turns).sum(),
            goals,
        }
    }

    /// For people: what differs, and how much is the same.
    pub(super) fn text(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let configuration =
            if self.same_configuration { "the same models and prompts" } else { "other models or prompts" };
        let mut text = format!(
            "\n\nBeside {} ({configuration}): {}; {} and {:+} turns for each time that all are asked\n",
            self.baseline,
            counts.join(", "),
            signed_usd(self.cost_nano_usd),
            self.turns
        );
        let differs = |goal: &&Compared| {
            // Of those that only one of the two has there is nothing to be said.
            let is_in_both = !matches!(goal.verdict, Verdict::New | Verdict::Gone);
            is_in_both && (goal.verdict != Verdict::Same || goal.cost_nano_usd != 0 || goal.turns != 0)
        };
        let mut differing: Vec<&Compared> = self.goals.iter().filter(differs).collect();
        if differing.is_empty() {
            return text;
        }
        differing.sort_by_key(|goal| goal.verdict);
        let headings =
            ["goal", "is", "grounding", "coverage", "kpis", "cost", "turns", "better in", "worse in"];
        let mut shown = table(&headings, &[2, 3, 4, 5, 6]);
        for goal in differing {
            shown.add_row([
                goal.id.clone(),
                goal.verdict.as_str().to_owned(),
                signed(goal.grounding_bps),
                signed(goal.coverage_bps),
                signed(goal.kpis_bps),
                signed_usd(goal.cost_nano_usd),
                format!("{:+}", goal.turns),
                goal.better_in.join(", "),
                goal.worse_in.join(", "),
            ]);
        }
        text.push_str(&format!("{shown}\n"));
        text
    }
}

fn unlike(id: &str, verdict: Verdict) -> Compared {
    Compared {
        id: id.to_owned(),
        verdict,
        worse_in: Vec::new(),
        better_in: Vec::new(),
        grounding_bps: 0,
        coverage_bps: 0,
        kpis_bps: 0,
        cost_nano_usd: 0,
        turns: 0,
    }
}

fn compared(before: Option<&GoalReport>, now: &GoalReport) -> Compared {
    let Some(before) = before else { return unlike(&now.id, Verdict::New) };
    if before.digest != now.digest {
        return unlike(&now.id, Verdict::Changed);
    }
    let share = |part: usize, goal: &GoalReport| per_run(part.saturating_mul(10_000), goal);
    let mut better_in = Vec::new();
    let mut worse_in = Vec::new();
    for (of, was, is) in [
        ("plans", share(before.plans, before), share(now.plans, now)),
        ("what it may not say", -share(before.said, before), -share(now.said, now)),
        ("grounding", before.grounding_bps, now.grounding_bps),
        ("coverage", before.coverage_bps, now.coverage_bps),
        ("KPIs", before.kpis_bps, now.kpis_bps),
        ("soundness", share(before.sound, before), share(now.sound, now)),
    ] {
        if is > was {
            better_in.push(of);
        } else if is < was {
            worse_in.push(of);
        }
    }
    let verdict = match (better_in.is_empty(), worse_in.is_empty()) {
        (_, false) => Verdict::Worse,
        (false, true) => Verdict::Better,
        (true, true) => Verdict::Same,
    };
    let cost = |goal: &GoalReport| goal.cost_nano_usd / runs(goal);
    Compared {
        id: now.id.clone(),
        verdict,
        worse_in,
        better_in,
        grounding_bps: now.grounding_bps - before.grounding_bps,
        coverage_bps: now.coverage_bps - before.coverage_bps,
        kpis_bps: now.kpis_bps - before.kpis_bps,
        cost_nano_usd: cost(now) - cost(before),
        turns: per_run(now.turns, now) - per_run(before.turns, before),
    }
}

fn runs(goal: &GoalReport) -> i64 {
    i64::try_from(goal.runs.len()).unwrap_or(i64::MAX).max(1)
}

fn per_run(sum: usize, goal: &GoalReport) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX) / runs(goal)
}

fn signed(bps: i64) -> String {
    if bps > 0 { format!("+{}", percent(bps)) } else { percent(bps) }
}

fn signed_usd(nano: i64) -> String {
    format!("{}{}", if nano < 0 { "-" } else { "+" }, usd(nano.saturating_abs()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::super::goals::Goals;
    use super::super::report::{Minimum, OneRun};
    use super::*;
    use clap::Parser;
    use serde_json::{Value, json};

    #[derive(Parser)]
    struct Least {
        #[command(flatten)]
        minimum: Minimum,
    }

    fn goals(ids: &[&str]) -> Goals {
        let goal = |id: &&str| json!({ "id": id, "shop": "aurora", "task": "analyze-member-insights", "truth": { "no_campaigns": true } });
        let goals: Vec<Value> = ids.iter().map(goal).collect();
        Goals::read(&json!({ "goals": goals }).to_string()).unwrap()
    }

    fn run(coverage_bps: Option<i64>) -> OneRun {
        let score = coverage_bps.map(|coverage| {
            json!({ "grounding_bps": 10_000, "coverage_bps": coverage, "kpis_bps": 10_000, "sound": true })
        });
        let run = json!({ "run_id": "r", "n": 1, "state": "succeeded", "ended": true, "score": score, "said": [],
            "unproven": 0, "offline": true, "why": "it is late", "cost_nano_usd": 1_000_000_000, "unknown_nano_usd": 0,
            "turns": 9, "lost_tries": 0, "repairs": 1, "tool_calls": 7, "refused_calls": 0, "took_ms": 12,
            "models": { "orchestrator": ["m"] }, "script": "s" });
        serde_json::from_value(run).unwrap()
    }

    fn report(ids: &[&str], runs: &[(usize, OneRun)], least: &[&str]) -> Report {
        let least = Least::parse_from([&["x"], least].concat()).minimum;
        let mut report = Report::new("p", &goals(ids), 1, least);
        runs.iter().for_each(|(goal, run)| report.add(*goal, run.clone()));
        report.sum_up();
        report
    }

    #[test]
    fn a_goal_is_as_good_as_its_worst_plan() {
        let good = report(&["a"], &[(0, run(Some(10_000))), (0, run(Some(10_000)))], &[]);
        assert!(good.goals[0].passed && good.is_passed());
        let middling = report(&["a"], &[(0, run(Some(10_000))), (0, run(Some(5_000)))], &[]);
        assert_eq!((middling.goals[0].coverage_bps, middling.goals[0].passed), (5_000, false));
        assert!(middling.is_passed(), "coverage has no minimum unless it is said");
        assert!(!report(&["a"], &[(0, run(Some(5_000)))], &["--min-coverage", "5001"]).is_passed());
        let without = report(&["a"], &[(0, run(Some(10_000))), (0, run(None))], &[]);
        assert_eq!((without.goals[0].grounding_bps, without.is_passed()), (0, false));
        assert!(without.text().contains("a: no plan: run r is succeeded. it is late"), "{}", without.text());
        let mut says = run(Some(10_000));
        says.said = vec!["CANARY".to_owned()];
        let says = report(&["a"], &[(0, says)], &[]);
        assert!(!says.is_passed() && !says.goals[0].passed);
    }

    #[test]
    fn a_report_is_written_read_and_compared() {
        let before = report(
            &["a", "b", "c", "d"],
            &[(0, run(Some(5_000))), (1, run(Some(5_000))), (2, run(Some(0)))],
            &[],
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        let file = file.to_str().unwrap();
        before.write(file).unwrap();
        let before = Report::read(file).unwrap();
        let mut dear = run(Some(5_000));
        dear.cost_nano_usd += 500_000_000;
        let now = report(&["a", "b", "c", "e"], &[(0, run(Some(10_000))), (1, dear), (2, run(None))], &[]);
        let comparison = Comparison::of(&before, &now);
        let verdicts: Vec<&str> = comparison.goals.iter().map(|goal| goal.verdict.as_str()).collect();
        assert_eq!(verdicts, ["better", "same", "worse", "new", "gone"]);
        assert_eq!(comparison.goals[0].better_in, ["coverage"]);
        assert_eq!(comparison.goals[1].cost_nano_usd, 500_000_000);
        assert!(comparison.same_configuration);
        let text = comparison.text();
        assert!(text.contains("+50 %") && text.contains("+0.5000 USD"), "{text}");
        let same = Comparison::of(&before, &before);
        assert_eq!(same.counts, BTreeMap::from([("same", 4)]));
        std::fs::write(file, "{}").unwrap();
        assert!(Report::read(file).is_err());
    }
}
