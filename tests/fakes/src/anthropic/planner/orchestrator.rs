//! The orchestrator: the overview and the trends at once, then both specialists at once, then the plan.

use serde_json::{Value, json};

use super::arguments::{self, Wish};
use super::seen::Seen;
use super::task::Task;
use super::writing;
use crate::anthropic::brain::{Asked, Reply, ToolResult};

const SUBMIT: &str = "submit_plan";

pub(super) fn answer(asked: Asked<'_>, ungrounded_once: bool) -> Reply {
    let task = Task::of(&asked.task());
    let results = asked.results();
    // The overview and the trends, then both specialists; in a workflow, whatever is offered of them.
    for step in ["get_", "delegate_"] {
        let offered: Vec<&str> = asked
            .tools()
            .into_iter()
            .filter(|tool| tool.starts_with(step) && *tool != arguments::GROUP)
            .collect();
        // A step is taken once, whatever came of it; and none after a plan, or after it was said to conclude.
        let taken = results.iter().any(|result| result.name.starts_with(step));
        if !offered.is_empty() && !taken && !is_closed(&results) {
            return Reply::calls(
                offered.into_iter().map(|tool| (tool, arguments::of(asked, tool, wish(tool, &task)))),
            );
        }
    }
    let seen = Seen::of(&asked.task(), &results);
    let refused: Vec<&str> = results
        .iter()
        .filter(|result| result.name == SUBMIT && result.is_error)
        .map(|result| result.content.as_str())
        .collect();
    let mut plan = writing::plan(&task, &seen);
    if ungrounded_once && refused.is_empty() {
        plan = ungrounded(plan);
    }
    // The invented figure is the script's own mistake: its objections are mended by leaving it out.
    let earlier = usize::from(ungrounded_once);
    for objections in refused.iter().skip(earlier) {
        plan = without(plan, objections);
    }
    if refused.len() > earlier + 1 {
        plan = writing::bare(&task, &seen);
    }
    Reply::call(SUBMIT, plan)
}

/// Whether a plan was handed in already, or a result says that it is time to.
fn is_closed(results: &[ToolResult]) -> bool {
    let closed = |result: &ToolResult| result.is_error && result.content.to_lowercase().contains("submit");
    results.iter().any(|result| result.name == SUBMIT || closed(result))
}

fn wish<'a>(tool: &str, task: &'a Task) -> Wish<'a> {
    let segment = task.target_segment.as_deref();
    let (objective, questions): (&str, &[&str]) = match tool {
        "delegate_insights" => (
            "Find out how members buy, earn and use credit, and how they are spread over tiers.",
            &[
                "Which segments are there and how large are they?",
                "How much of the credit is used?",
                "How are members spread over tiers?",
                "How many members come back?",
            ],
        ),
        "delegate_engagement" => (
            "Find out who is about to leave, which credit is about to end, and what campaigns have brought.",
            &[
                "How many members are at risk?",
                "How much credit ends within 30 days, and of how many members?",
                "What did earlier campaigns bring against their hold-out?",
            ],
        ),
        _ => ("Tell how the shop stands.", &[]),
    };
    Wish { objective, questions, segment }
}

/// The plan with a figure that no tool answered.
fn ungrounded(mut plan: Value) -> Value {
    if let Some(summary) = plan["executive_summary"].as_array_mut() {
        summary.push(json!("About 37 % of members would come back by themselves."));
    }
    plan
}

/// The plan without what was objected to: whole campaigns and KPIs, and texts of lists.
fn without(mut plan: Value, objections: &str) -> Value {
    for list in
        ["campaigns", "kpis", "executive_summary", "current_state", "risks", "assumptions", "data_gaps"]
    {
        let Some(items) = plan[list].as_array_mut() else { continue };
        let mut at = 0;
        let mut gone = 0;
        items.retain(|_| {
            let named = objections.contains(&format!("{list}[{at}]"));
            at += 1;
            gone += usize::from(named);
            !named
        });
        if gone > 0 && list == "campaigns" {
            let gap = "A campaign was left out because it did not fit the shop's limits.";
            plan["data_gaps"].as_array_mut().into_iter().for_each(|gaps| gaps.push(json!(gap)));
        }
    }
    for (list, text) in
        [("executive_summary", "There is little to say for certain."), ("current_state", "Little is known.")]
    {
        if plan[list].as_array().is_some_and(Vec::is_empty) {
            plan[list] = json!([text]);
        }
    }
    plan
}
