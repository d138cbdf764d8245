//! What agents hand in: checked against the run's facts, sent back with what is wrong, and taken at last with what stays
//! unproven.

use serde_json::{Map, Value, json};
use tradeup_plan::{Document, Fact, Facts, Finding, Findings, Limits, check, check_findings};
use tradeup_store::agent_runs::{FactRow, Journal};

use super::results::plain;
use super::state::Agent;
use crate::bundle::SUBMIT_PLAN;

/// What is said of something that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The result of the call.
    pub(super) content: String,
    /// Whether it is refused.
    pub(super) is_error: bool,
}

/// The facts of a run, as plans cite them.
pub(super) fn facts(rows: &[FactRow]) -> Facts {
    let mut facts = Facts::default();
    for row in rows {
        let fact = Fact {
            id: format!("F{}", row.id),
            figure: row.figure.clone(),
            as_of: row.as_of,
            tool: row.tool.clone(),
            agent: row.agent.clone(),
            call: row.tool_use_id.clone(),
        };
        if let Err(error) = facts.insert(fact) {
            // The table's key does not let that be.
            tracing::error!("a fact is left out: {error}");
        }
    }
    facts
}

/// A plan and what is wrong with it; `Err` when it can't be read.
pub(crate) fn read_plan(
    input: &str,
    rows: &[FactRow],
    limits: &Limits,
) -> Result<(Document, Facts, Vec<Finding>), Option<Finding>> {
    let value: Value = serde_json::from_str(input).map_err(|_none| None)?;
    let document = Document::read(&value).map_err(Some)?;
    let facts = facts(rows);
    let findings = check(&document, &facts, limits);
    Ok((document, facts, findings))
}

/// Judges a plan.
pub(super) fn judge_plan(input: &str, rows: &[FactRow], limits: &Limits, last: bool) -> Verdict {
    match read_plan(input, rows, limits) {
        Ok((_, _, findings)) if findings.is_empty() => accepted(0),
        Ok((_, _, findings)) if last => accepted(findings.len()),
        Ok((_, _, findings)) => refused(&findings),
        Err(finding) => unreadable(finding),
    }
}

/// Judges findings; what is taken comes back.
pub(super) fn judge_findings(input: &str, rows: &[FactRow], last: bool) -> Verdict {
    let Ok(value) = serde_json::from_str::<Value>(input) else { return unreadable(None) };
    let (document, problems) = check_findings(&value, &facts(rows));
    let is_empty = document.findings.is_empty() && document.data_gaps.is_empty();
    match problems.len() {
        0 => accepted(0),
        // What can be read is handed on without what is unproven.
        wrong if last && !is_empty => accepted(wrong),
        _ => refused(&problems),
    }
}

fn accepted(unproven: usize) -> Verdict {
    let mut content = json!({ "accepted": true });
    if unproven > 0 {
        content["unproven"] = json!(unproven);
    }
    Verdict { content: content.to_string(), is_error: false }
}

fn refused(findings: &[Finding]) -> Verdict {
    let content = json!({
        "accepted": false,
        "findings": findings,
        "next": "Mend exactly this and hand in the whole again.",
    });
    Verdict { content: content.to_string(), is_error: true }
}

fn unreadable(finding: Option<Finding>) -> Verdict {
    match finding {
        Some(finding) => refused(&[finding]),
        None => {
            let problem =
                "The arguments are no JSON object. Hand in the whole again, in the form of the schema.";
            Verdict { content: problem.to_owned(), is_error: true }
        }
    }
}

/// What a specialist found, as the result of the call that asked it: what is proven, with the facts that it cites.
pub(super) fn handed_up(input: &str, rows: &[FactRow], bytes: usize) -> String {
    let value: Value = serde_json::from_str(input).unwrap_or_default();
    let all = facts(rows);
    let (mut document, problems) = check_findings(&value, &all);
    let mut at = 0..;
    document.findings.retain(|_| {
        let path = format!("findings[{}]", at.next().unwrap_or_default());
        !problems.iter().any(|problem| problem.is_within(&path))
    });
    let mut at = 0..;
    document.data_gaps.retain(|_| {
        let path = format!("data_gaps[{}]", at.next().unwrap_or_default());
        !problems.iter().any(|problem| problem.is_within(&path))
    });
    let mut told = findings_json(&document, &all);
    // The least weighty is last.
    while told.len() > bytes && document.findings.pop().is_some() {
        told = findings_json(&document, &all);
    }
    told
}

fn findings_json(document: &Findings, facts: &Facts) -> String {
    let cited: Map<String, Value> = document
        .cited(facts)
        .into_iter()
        .filter_map(|id| {
            let figure = plain(&facts.get(&id)?.figure);
            Some((id, figure))
        })
        .collect();
    json!({ "findings": document.findings, "data_gaps": document.data_gaps, "facts": cited }).to_string()
}

/// What is said of a specialist that came to its end without findings: the facts that it got are there all the same.
pub(super) fn without_findings(words: &str, agent: &Agent, rows: &[FactRow], bytes: usize) -> String {
    let mut facts: Vec<&FactRow> = rows.iter().filter(|row| agent.owns(&row.agent)).collect();
    loop {
        let told: Map<String, Value> =
            facts.iter().map(|row| (format!("F{}", row.id), plain(&row.figure))).collect();
        let told = json!({
            "ended": words,
            "facts": told,
            "next": "The specialist handed in nothing. Go on with these facts, or with what you have.",
        })
        .to_string();
        if told.len() <= bytes || facts.pop().is_none() {
            return told;
        }
    }
}

/// The newest plan that the orchestrator handed in and that could be read, if the run ends before one was taken.
pub(crate) fn last_readable<'a>(journal: &'a Journal, limits: &Limits) -> Option<&'a str> {
    let orchestrator = Agent::orchestrator();
    let mut handed_in: Vec<_> = journal
        .calls
        .iter()
        .filter(|call| call.name == SUBMIT_PLAN && orchestrator.owns(&call.agent) && call.state == "done")
        .collect();
    handed_in.sort_by_key(|call| (&call.agent, call.seq, call.position));
    handed_in
        .into_iter()
        .rev()
        .filter_map(|call| call.input.as_deref())
        .find(|input| read_plan(input, &journal.facts, limits).is_ok())
}
