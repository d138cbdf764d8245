//! What a specialist hands in by `submit_findings`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::read;
use crate::fact::Facts;
use crate::finding::{Code, Finding};
use crate::prose::{Check, Forms, Kind, Place, citable, scan};

/// The longest statement, in characters.
const STATEMENT_MAX: usize = 600;
const FINDINGS_MAX: usize = 12;

/// How much a statement matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// A plan has to act on it.
    High,
    /// A plan should know it.
    Medium,
    /// Good to know.
    Low,
}

/// One thing found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The text, with placeholders of facts.
    pub statement: String,
    /// How much it matters.
    pub weight: Weight,
}

/// All that a specialist found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// The statements.
    pub findings: Vec<Statement>,
    /// What could not be found out.
    #[serde(default)]
    pub data_gaps: Vec<String>,
}

impl Findings {
    /// The facts that the statements cite, each once, in order.
    #[must_use]
    pub fn cited(&self, facts: &Facts) -> Vec<String> {
        let forms = Forms::default();
        let mut cited = BTreeMap::new();
        for statement in &self.findings {
            for span in scan(&statement.statement, &forms) {
                if let Kind::Cited(id) = span.kind
                    && facts.get(id).is_some()
                {
                    cited.insert(crate::fact::number('F', id), id.to_owned());
                }
            }
        }
        cited.into_values().collect()
    }
}

/// The findings in a tool's input, and what is wrong with them. Nothing is in them when they can't be read.
#[must_use]
pub fn check_findings(input: &Value, facts: &Facts) -> (Findings, Vec<Finding>) {
    let document: Findings = match read(input) {
        Ok(document) => document,
        Err(finding) => return (Findings::default(), vec![finding]),
    };
    let (ids, by_digits) = citable(facts.iter().map(|fact| (fact.id.as_str(), fact.figure.shown())));
    let forms = Forms::of_facts(facts);
    let prose = Check { forms: &forms, ids: &ids, by_digits: &by_digits };
    let mut problems = Vec::new();
    let there = document.findings.len();
    if there > FINDINGS_MAX {
        let problem = format!("there are {there} findings; keep the {FINDINGS_MAX} that matter most");
        problems.push(Finding::new(Code::Size, "findings", problem));
    }
    if document.findings.is_empty() && document.data_gaps.is_empty() {
        let problem =
            "nothing was found and nothing is missing; say in data_gaps why there is nothing to tell";
        problems.push(Finding::new(Code::Size, "findings", problem));
    }
    for (at, statement) in document.findings.iter().enumerate() {
        let path = format!("findings[{at}].statement");
        problems.extend(prose.text(&path, &statement.statement, STATEMENT_MAX, Place::Prose));
        let cites = scan(&statement.statement, &forms).iter().any(|span| matches!(span.kind, Kind::Cited(_)));
        if !cites {
            let problem = "the statement cites no fact; cite one like {{F12}}, or tell it in data_gaps";
            problems.push(Finding::new(Code::Uncited, path, problem));
        }
    }
    for (at, gap) in document.data_gaps.iter().enumerate() {
        problems.extend(prose.text(&format!("data_gaps[{at}]"), gap, STATEMENT_MAX, Place::Prose));
    }
    problems.sort_by_key(|finding| finding.code);
    (document, problems)
}
