//! Calculations: each from facts and from calculations above it.

use std::collections::BTreeMap;

use tradeup_domain::figure::Figure;

use crate::calculation::{Argument, Calculated, reckon};
use crate::document::Calculation;
use crate::fact::{self, Facts};
use crate::finding::{Code, Finding};

/// More would not be read by anyone.
const CALCULATIONS_MAX: usize = 40;

/// All calculations with their results, and what is wrong with those that have none.
pub(crate) fn reckon_all(calculations: &[Calculation], facts: &Facts) -> (Vec<Calculated>, Vec<Finding>) {
    let mut results: BTreeMap<&str, Option<Figure>> = BTreeMap::new();
    let mut calculated = Vec::new();
    let mut findings = Vec::new();
    if calculations.len() > CALCULATIONS_MAX {
        let problem = format!(
            "there are {} calculations; keep the {CALCULATIONS_MAX} that the plan cites",
            calculations.len()
        );
        findings.push(Finding::new(Code::Size, "calculations", problem));
    }
    for (at, calculation) in calculations.iter().enumerate() {
        let path = format!("calculations[{at}]");
        let figure = match one(calculation, &path, facts, &results) {
            Ok(figure) => Some(figure),
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        // Of two with one id the first stands.
        let known = results.contains_key(calculation.id.as_str());
        let figure = figure.filter(|_| !known);
        if !known {
            results.insert(&calculation.id, figure.clone());
        }
        calculated.push(Calculated {
            id: calculation.id.clone(),
            op: calculation.op,
            args: calculation.args.clone(),
            label: calculation.label.clone(),
            figure,
        });
    }
    (calculated, findings)
}

fn one(
    calculation: &Calculation,
    path: &str,
    facts: &Facts,
    results: &BTreeMap<&str, Option<Figure>>,
) -> Result<Figure, Finding> {
    let id = calculation.id.as_str();
    if fact::number('C', id).is_none() {
        let problem = format!("{} is no id of a calculation; write C1, C2 and so on", quoted(id));
        return Err(Finding::new(Code::Schema, format!("{path}.id"), problem));
    }
    if results.contains_key(id) {
        let problem = format!("{id} is there already; give each calculation an id of its own");
        return Err(Finding::new(Code::Calculation, format!("{path}.id"), problem));
    }
    let mut arguments: Vec<Argument<'_>> = Vec::new();
    for (at, argument) in calculation.args.iter().enumerate() {
        let fact = facts.get(argument).map(|fact| &fact.figure);
        let figure = fact.or_else(|| results.get(argument.as_str()).and_then(Option::as_ref));
        let Some(figure) = figure else {
            let problem = if results.contains_key(argument.as_str()) {
                format!("{argument} has no result; mend it first, or leave this calculation out")
            } else {
                format!(
                    "{} is no fact of this run and no calculation above; cite an id that a tool answered",
                    quoted(argument)
                )
            };
            return Err(Finding::new(Code::UnknownId, format!("{path}.args[{at}]"), problem));
        };
        arguments.push((argument, figure));
    }
    reckon(calculation.op, &arguments).map_err(|error| Finding::new(error.code(), path, error.to_string()))
}

/// What was given, cut so that a finding stays short.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}
