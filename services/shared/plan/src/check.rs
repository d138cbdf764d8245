//! The check of a plan: everything that can't be traced, does not exist, does not fit, or goes beyond the shop's limits.

mod calculations;
mod campaigns;
mod kpis;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use crate::calculation::Calculated;
use crate::document::Document;
use crate::fact::Facts;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::prose::{self, Forms};
pub(crate) use calculations::reckon_all;
pub(crate) use campaigns::cost_minor;
pub(crate) use kpis::target;

/// What is wrong with a document, in the order in which things are checked: form, ids, units, currencies, windows,
/// calculations, prose, choices, costs. Nothing when it may stand as it is.
#[must_use]
pub fn check(document: &Document, facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let (calculated, mut findings) = reckon_all(&document.calculations, facts);
    let (ids, by_digits) = citable(facts, &calculated);
    let forms = Forms::of(document, facts, limits.timeline_days);
    let context = Context { document, facts, limits, forms, ids, by_digits };
    findings.extend(texts::check(&context));
    findings.extend(campaigns::check(&context));
    findings.extend(kpis::check(&context));
    findings.sort_by_key(|finding| finding.code);
    findings
}

/// Ids that may be cited, and ids by the digits that they are shown with.
type Citable = (BTreeSet<String>, BTreeMap<String, Vec<String>>);

fn citable(facts: &Facts, calculated: &[Calculated]) -> Citable {
    let facts = facts.iter().map(|fact| (fact.id.as_str(), fact.figure.shown()));
    let results = calculated
        .iter()
        .filter_map(|calculated| Some((calculated.id.as_str(), calculated.figure.as_ref()?.shown())));
    prose::citable(facts.chain(results))
}

/// What the parts of the check look at.
struct Context<'a> {
    document: &'a Document,
    facts: &'a Facts,
    limits: &'a Limits,
    forms: Forms,
    ids: BTreeSet<String>,
    by_digits: BTreeMap<String, Vec<String>>,
}

impl Context<'_> {
    fn prose(&self) -> prose::Check<'_> {
        prose::Check { forms: &self.forms, ids: &self.ids, by_digits: &self.by_digits }
    }
}
