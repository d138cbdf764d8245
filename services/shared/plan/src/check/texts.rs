//! The texts of a plan and its three phases.

use super::Context;
use crate::finding::{Code, Finding};
use crate::prose::{Kind, NAME_MAX, Place, scan};

/// The longest paragraph of the summary and the current state, in characters.
const PARAGRAPH_MAX: usize = 1_000;
/// The longest of other texts, in characters.
pub(super) const TEXT_MAX: usize = 600;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let document = context.document;
    let mut findings = Vec::new();
    let mut list = |path: &str, texts: &[String], least: usize, most: usize, longest: usize| {
        findings.extend(size(path, texts.len(), least, most));
        for (at, text) in texts.iter().enumerate() {
            findings.extend(context.prose().text(&format!("{path}[{at}]"), text, longest, Place::Prose));
        }
    };
    list("executive_summary", &document.executive_summary, 1, 6, PARAGRAPH_MAX);
    list("current_state", &document.current_state, 1, 12, PARAGRAPH_MAX);
    for (at, phase) in document.phases.iter().enumerate() {
        list(&format!("phases[{at}].actions"), &phase.actions, 1, 8, TEXT_MAX);
    }
    list("risks", &document.risks, 0, 12, TEXT_MAX);
    list("assumptions", &document.assumptions, 0, 12, TEXT_MAX);
    list("data_gaps", &document.data_gaps, 0, 12, TEXT_MAX);
    for (at, calculation) in document.calculations.iter().enumerate() {
        let path = format!("calculations[{at}].label");
        findings.extend(context.prose().text(&path, &calculation.label, NAME_MAX, Place::Name));
    }
    findings.extend(phases(context));
    findings.extend(uncited(context));
    findings
}

/// A list that is too short or too long.
pub(super) fn size(path: &str, there: usize, least: usize, most: usize) -> Option<Finding> {
    let wanted = if least == most { format!("exactly {least}") } else { format!("{least} to {most}") };
    let wrong = there < least || there > most;
    wrong.then(|| Finding::new(Code::Size, path, format!("there are {there} entries; write {wanted}")))
}

fn phases(context: &Context<'_>) -> Vec<Finding> {
    let phases = &context.document.phases;
    let mut findings: Vec<Finding> = size("phases", phases.len(), 3, 3).into_iter().collect();
    for (at, phase) in phases.iter().enumerate() {
        let prose = context.prose();
        findings.extend(prose.text(&format!("phases[{at}].title"), &phase.title, NAME_MAX, Place::Name));
        findings.extend(prose.text(&format!("phases[{at}].goal"), &phase.goal, TEXT_MAX, Place::Prose));
        if !(1..=52).contains(&phase.weeks) {
            let problem = format!("{} weeks; a phase takes 1 to 52", phase.weeks);
            findings.push(Finding::new(Code::Range, format!("phases[{at}].weeks"), problem));
        }
    }
    let weeks = phases.iter().fold(0_i64, |weeks, phase| weeks.saturating_add(phase.weeks.max(0)));
    if let Some(days) = context.limits.timeline_days {
        // A timeline that ends within a week takes that week.
        let most = days.saturating_add(6) / 7;
        if weeks > most.max(3) {
            let problem = format!(
                "the phases take {weeks} weeks, and the timeline of {days} days has {most}; shorten the phases"
            );
            findings.push(Finding::new(Code::Range, "phases", problem));
        }
    }
    findings
}

/// Where the shop stands is told by facts, when there are any.
fn uncited(context: &Context<'_>) -> Option<Finding> {
    let state = &context.document.current_state;
    let cites = |text: &String| {
        scan(text, &context.forms)
            .iter()
            .any(|span| matches!(span.kind, Kind::Cited(id) if context.ids.contains(id)))
    };
    if context.facts.is_empty() || state.is_empty() || state.iter().any(cites) {
        return None;
    }
    let problem = "nothing of where the shop stands cites a fact; cite what the tools answered, like {{F12}}";
    Some(Finding::new(Code::Uncited, "current_state", problem))
}
