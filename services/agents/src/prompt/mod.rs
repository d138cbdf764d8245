//! What agents are told. System prompts are files; they hold nothing of a shop and nothing of the day, so that they are
//! cached for all. What is of the run stands in the first message.

use serde_json::{Value, json};
use tradeup_plan::{KPI_MEASURES, RULES, SEGMENTS};
use tradeup_store::agent_runs::{CallRow, Journal};

use crate::bundle::{Role, Task, is_submit};
use crate::engine::Agent;

/// An agent that says something and hands nothing in is reminded.
pub(crate) const REMINDER: &str = "You have handed nothing in yet, and text is read by nobody. Ask what is still missing, \
     or hand in by your submit tool.";
/// Then it is told to conclude.
pub(crate) const CONCLUDE: &str =
    "This is closed now: hand in what you have by your submit tool. No other call is answered.";
/// An answer that the model broke off is gone on with.
pub(crate) const GO_ON: &str = "Go on.";

/// What of an earlier self's results is told at most, in bytes.
const FOUND_MAX: usize = 96 * 1024;

/// The system prompt of a role in a kind of run.
pub(crate) fn system(role: Role, kind: &str) -> String {
    let segments = SEGMENTS.join(", ");
    let measures =
        KPI_MEASURES.map(|measure| format!("{} ({})", measure.name, measure.unit.as_str())).join(", ");
    let figures = format!("# Figures in texts\n\n{RULES}\n");
    let specialist = |who: &str| format!("{who}{}\n{figures}", include_str!("specialist.md"));
    match role {
        Role::Orchestrator => format!(
            "{}\n{figures}\n# Names\n\nSegments: {segments}.\nMeasures of KPIs: {measures}. The baseline of tier_members is a \
             fact of that name, which says of which tier it is.\n\n{}",
            include_str!("orchestrator.md"),
            of_kind(kind)
        ),
        Role::Insights => specialist(include_str!("insights.md")),
        Role::Engagement => specialist(include_str!("engagement.md")),
    }
}

fn of_kind(kind: &str) -> &'static str {
    match kind {
        "weekly-churn-prevention-scan-tenant" => include_str!("kinds/weekly-churn-prevention-scan-tenant.md"),
        "daily-expiration-rescue-tenant" => include_str!("kinds/daily-expiration-rescue-tenant.md"),
        "monthly-strategic-review-tenant" => include_str!("kinds/monthly-strategic-review-tenant.md"),
        "plan-campaign" => include_str!("kinds/plan-campaign.md"),
        "analyze-member-insights" => include_str!("kinds/analyze-member-insights.md"),
        "analyze-segment" => include_str!("kinds/analyze-segment.md"),
        _ => include_str!("kinds/plan-strategic-goal.md"),
    }
}

/// The first message of an agent.
pub(crate) fn opening(task: &Task, agent: &Agent) -> String {
    match agent.role {
        Role::Orchestrator => {
            let task = serde_json::to_value(task).unwrap_or_default();
            format!("This is asked of you.\n\n{}", fenced("TASK", &task))
        }
        Role::Insights | Role::Engagement => {
            let asked: Value =
                serde_json::from_str(&agent.brief).unwrap_or_else(|_none| Value::String(agent.brief.clone()));
            let brief = json!({
                "brief": asked,
                "as_of": task.as_of,
                "currency": task.currency,
                "tiers": task.tiers,
                "segments": SEGMENTS,
            });
            format!("This is asked of you by the lead analyst.\n\n{}", fenced("BRIEF", &brief))
        }
    }
}

/// The result of a tool, as it stands in a message of the host's.
pub(crate) fn result_block(tool: &str, content: &str) -> String {
    format!("RESULT {tool}\n```json\n{}\n```\n", unfenced(content))
}

/// What an agent's earlier self was answered, for the one that begins anew with another model. `None` if that is nothing.
pub(crate) fn found_before(journal: &Journal, agent: &Agent) -> Option<String> {
    let is_answer = |call: &&CallRow| {
        agent.owns(&call.agent) && call.state == "done" && !call.is_error && !is_submit(&call.name)
    };
    let mut text = String::new();
    // What the host had asked for the earlier self.
    for note in journal.notes.iter().filter(|note| note.seq == 1 && agent.owns(&note.agent)) {
        text.push_str(&note.content);
    }
    for call in journal.calls.iter().filter(is_answer) {
        let block = result_block(&call.name, call.content.as_deref().unwrap_or_default());
        if text.len() + block.len() <= FOUND_MAX {
            text.push_str(&block);
        }
    }
    (!text.is_empty()).then(|| {
        format!("Another has worked on this before you. These are the answers it got; do not ask for them again.\n\n{text}")
    })
}

fn fenced(label: &str, value: &Value) -> String {
    format!("{label}\n```json\n{}\n```\n", unfenced(&format!("{value:#}")))
}

/// JSON in which nothing can end the fence: a backtick stands only in texts there.
fn unfenced(json: &str) -> String {
    json.replace('`', "\\u0060")
}
