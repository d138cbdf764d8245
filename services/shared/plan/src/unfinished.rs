//! A document of what specialists found when there was no plan yet and a limit was reached.

use crate::document::{Document, Phase};
use crate::findings::{Findings, Weight};

/// A document that tells what was found and proposes nothing. It passes the check as far as the findings did.
///
/// `reason` is prose: why there is no plan, without digits.
#[must_use]
pub fn unfinished(findings: &[Findings], reason: &str) -> Document {
    let statements = |weight: Weight| {
        findings
            .iter()
            .flat_map(|findings| &findings.findings)
            .filter(move |statement| statement.weight == weight)
            .map(|statement| statement.statement.clone())
    };
    let mut current_state: Vec<String> =
        statements(Weight::High).chain(statements(Weight::Medium)).chain(statements(Weight::Low)).collect();
    current_state.truncate(12);
    if current_state.is_empty() {
        current_state.push("Nothing was found out before the work ended.".to_owned());
    }
    let mut data_gaps: Vec<String> =
        findings.iter().flat_map(|findings| findings.data_gaps.clone()).collect();
    data_gaps.truncate(11);
    data_gaps.push(format!("There is no plan: {reason}"));
    let phase = |title: &str, goal: &str, action: &str| Phase {
        title: title.to_owned(),
        weeks: 1,
        goal: goal.to_owned(),
        actions: vec![action.to_owned()],
    };
    Document {
        executive_summary: vec![format!("The work ended before there was a plan: {reason}")],
        current_state,
        phases: vec![
            phase("Read", "Know what was found.", "Read what was found so far."),
            phase("Ask again", "Get a plan.", "Start a new run when the reason is gone."),
            phase("Decide", "Choose what to do.", "Decide on what the new plan proposes."),
        ],
        data_gaps,
        ..Document::default()
    }
}
