//! An evaluation, for people.

use tradeup_domain::figure::{Unit, shown};

use super::super::words::usd;
use super::report::Report;
use crate::output::{count, table};

impl Report {
    /// For people.
    pub(super) fn text(&self) -> String {
        let headings = [
            "goal",
            "shop",
            "task",
            "plans",
            "grounding",
            "coverage",
            "kpis",
            "passed",
            "cost",
            "unknown",
            "turns",
            "repairs",
            "calls",
        ];
        let mut shown = table(&headings, &[3, 4, 5, 6, 8, 9, 10, 11, 12]);
        for goal in &self.goals {
            shown.add_row([
                goal.id.clone(),
                goal.shop.clone(),
                goal.task.clone(),
                format!("{}/{}", goal.plans, goal.runs.len()),
                percent(goal.grounding_bps),
                percent(goal.coverage_bps),
                percent(goal.kpis_bps),
                if goal.passed { "yes" } else { "no" }.to_owned(),
                usd(goal.cost_nano_usd),
                usd(goal.unknown_nano_usd),
                goal.turns.to_string(),
                goal.repairs.to_string(),
                goal.tool_calls.to_string(),
            ]);
        }
        format!("{shown}\n\n{}{}", self.summary_text(), self.problems_text())
    }

    fn summary_text(&self) -> String {
        let summary = &self.summary;
        let times = if self.repeat > 1 { format!(" in all of {} runs", self.repeat) } else { String::new() };
        let models = self.models.iter().map(|(role, models)| {
            let models: Vec<&str> = models.iter().map(String::as_str).collect();
            format!("{role} {}", models.join(", "))
        });
        let models = models.collect::<Vec<_>>().join("; ");
        let offline =
            if self.offline { "OFFLINE: rules wrote these plans, no model was asked.\n" } else { "" };
        format!(
            "{offline}{} of {} goals passed{times}: sound, and everything found\n\
             {} of {} plans sound; grounding {}, coverage {}, KPIs {}\n\
             {} in all, of which {} unknown; {}, {} lost, {}, {} of tools\n\
             models: {}; prompts, tools and bounds {}\n",
            summary.passed,
            summary.goals,
            summary.sound,
            summary.runs,
            percent(summary.grounding_bps),
            percent(summary.coverage_bps),
            percent(summary.kpis_bps),
            usd(summary.cost_nano_usd),
            usd(summary.unknown_nano_usd),
            number(summary.turns, "turn", "turns"),
            summary.lost_tries,
            number(summary.repairs, "repair", "repairs"),
            number(summary.tool_calls, "call", "calls"),
            if models.is_empty() { "none" } else { &models },
            if self.scripts.is_empty() { "-" } else { &self.scripts },
        )
    }

    fn problems_text(&self) -> String {
        let problems = self
            .goals
            .iter()
            .flat_map(|goal| goal.problems.iter().map(move |problem| format!("\n{}: {problem}", goal.id)));
        problems.collect()
    }
}

fn number(n: usize, one: &str, many: &str) -> String {
    count(u64::try_from(n).unwrap_or(u64::MAX), one, many)
}

/// A share, for people.
pub(super) fn percent(bps: i64) -> String {
    shown(bps, Unit::Bps, None)
}
