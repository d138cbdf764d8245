//! A specialist: all of its tools at once, then what they answered.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::arguments::{self, Wish};
use super::seen::{Figure, Seen};
use super::{topics, words};
use crate::anthropic::brain::{Asked, Reply};

const SUBMIT: &str = "submit_findings";

/// Figures that matter by themselves: part of the name, the weight, and what it means.
const TELLING: [(&str, &str, &str); 10] = [
    ("other_currency_revenue", "high", "It is in no sum of the shop's own currency."),
    ("at_risk_members", "high", "They have gone quiet compared with how they used to buy."),
    ("expiring_unused", "high", "It is lost to members unless somebody tells them."),
    ("expiring", "high", "Who is about to lose credit can still be reached."),
    ("retention", "high", "It tells how many come back at all."),
    ("redemption", "medium", "Credit that is not used brings nobody back."),
    ("active_members", "medium", "They are who the programme lives on."),
    ("tier_", "medium", "It tells how the programme is made up."),
    ("segment_", "medium", "It tells how members differ."),
    (topics::LIFT, "high", "It tells what the campaign was worth."),
];

pub(super) fn answer(asked: Asked<'_>) -> Reply {
    let tools: Vec<&str> =
        asked.tools().into_iter().filter(|tool| ![SUBMIT, arguments::GROUP].contains(tool)).collect();
    let results = asked.results();
    let called = |name: &&str| results.iter().any(|result| result.name == **name);
    if !tools.is_empty() && !tools.iter().any(called) && !results.iter().any(|result| result.name == SUBMIT) {
        let wish = Wish { objective: "Tell what the tool knows.", questions: &[], segment: None };
        return Reply::calls(tools.into_iter().map(|tool| (tool, arguments::of(asked, tool, wish))));
    }
    let seen = Seen::of(&asked.task(), &results);
    let refused: Vec<&str> = results
        .iter()
        .filter(|result| result.name == SUBMIT && result.is_error)
        .map(|result| result.content.as_str())
        .collect();
    Reply::call(SUBMIT, findings(&seen, &refused))
}

/// What the facts say, without the statements that were objected to before.
fn findings(seen: &Seen, refused: &[&str]) -> Value {
    let mut told = BTreeSet::new();
    let mut statements: Vec<(u8, Value)> = Vec::new();
    for figure in seen.figures() {
        let Some((rank, statement)) = statement(figure) else { continue };
        // One statement for a name and what it is of, however many months there are.
        if told.insert((figure.name.clone(), figure.labels.clone(), figure.window.clone())) {
            statements.push((rank, statement));
        }
    }
    statements.sort_by_key(|(rank, _)| *rank);
    let mut statements: Vec<Value> =
        statements.into_iter().map(|(_, statement)| statement).take(12).collect();
    for objections in refused {
        let mut at = 0;
        statements.retain(|_| {
            at += 1;
            !objections.contains(&format!("findings[{}]", at - 1))
        });
    }
    if refused.len() > 1 {
        statements.clear();
    }
    let mut gaps: Vec<String> = seen
        .without_figures
        .iter()
        .map(|tool| format!("There is not enough data about {}.", words::tool(tool)))
        .collect();
    if statements.is_empty() && gaps.is_empty() {
        gaps.push("The tools answered nothing that could be told.".to_owned());
    }
    gaps.truncate(12);
    json!({ "findings": statements, "data_gaps": gaps })
}

fn statement(figure: &Figure) -> Option<(u8, Value)> {
    let what = words::sentence(&words::of(figure)?);
    let telling = TELLING.iter().find(|(name, _, _)| figure.name.contains(name));
    let whole = figure.is_of_all() || figure.name == topics::LIFT;
    let (weight, meaning) = match telling {
        // Nothing to worry about is not weighty.
        Some((_, _, _)) if figure.value == 0 => ("low", ""),
        Some((_, weight, meaning)) if whole => (*weight, *meaning),
        Some((_, _, _)) => ("medium", ""),
        None => ("low", ""),
    };
    let rank = match (weight, whole) {
        ("high", _) => 0,
        ("medium", true) => 1,
        ("medium", false) => 2,
        (_, true) => 3,
        _ => 4,
    };
    let statement = format!("{what}: {}. {meaning}", figure.cite());
    Some((rank, json!({ "statement": statement.trim(), "weight": weight })))
}
