//! What makes a plan slower as tables grow.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// A table or an index with fewer rows may be read whole.
const LARGE: i64 = 25_000;
/// What the planner reckons for reading that much of one shop's rows. A page from the disk is 1 to 4.
const SHOP_COST: f64 = 30_000.0;

/// One node of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    what: &'static str,
    /// The table or index that is read.
    pub(crate) of: String,
    cost: f64,
    filter: String,
    when: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, of, cost, filter, when } = self;
        write!(f, "{what} {of}, cost {cost:.0}, {when}{filter}")
    }
}

/// All that is wrong with a plan that was made `when`.
pub(crate) fn findings(plan: &Value, rows: &BTreeMap<String, i64>, when: &str) -> Vec<Finding> {
    let mut walk = Walk { rows, when, found: Vec::new() };
    walk.node(plan, false);
    walk.found
}

struct Walk<'a> {
    rows: &'a BTreeMap<String, i64>,
    when: &'a str,
    found: Vec<Finding>,
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

impl Walk<'_> {
    fn is_large(&self, name: &str) -> bool {
        self.rows.get(name).is_some_and(|rows| *rows >= LARGE)
    }

    fn add(&mut self, what: &'static str, of: &str, node: &Value) {
        let filter = match text(node, "Filter") {
            "" => String::new(),
            filter => format!(": {}", filter.chars().take(160).collect::<String>()),
        };
        let cost = node["Total Cost"].as_f64().unwrap_or(0.0);
        self.found.push(Finding { what, of: of.to_owned(), cost, filter, when: self.when.to_owned() });
    }

    /// `is_short`: whoever asks stops after a few rows.
    fn node(&mut self, node: &Value, is_short: bool) {
        let (kind, filter) = (text(node, "Node Type"), text(node, "Filter"));
        let stops = is_short && filter.is_empty();
        match kind {
            "Seq Scan" if self.is_large(text(node, "Relation Name")) => {
                self.add("scans", text(node, "Relation Name"), node);
            }
            "Index Scan" | "Index Only Scan" | "Bitmap Index Scan"
                if self.is_large(text(node, "Index Name")) =>
            {
                let (index, bound) = (text(node, "Index Name"), text(node, "Index Cond"));
                if bound.is_empty() && !stops {
                    self.add("reads the whole index", index, node);
                } else if is_of_shop_alone(bound) && !stops && node["Total Cost"].as_f64() > Some(SHOP_COST) {
                    self.add("reads all of a shop by", index, node);
                }
            }
            _ => {}
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            let is_short = match (kind, text(child, "Parent Relationship")) {
                // Counted, sorted or hashed: all of it has to be there first. A branch of its own has limits of its own.
                (_, "InitPlan" | "SubPlan" | "Inner")
                | ("Sort" | "Aggregate" | "Hash" | "Hash Join" | "WindowAgg" | "SetOp" | "ModifyTable", _) => {
                    false
                }
                ("Limit", _) => true,
                _ => is_short,
            };
            self.node(child, is_short);
        }
    }
}

/// Whether an index is searched for a shop's rows, and nothing narrower.
fn is_of_shop_alone(bound: &str) -> bool {
    !bound.is_empty()
        && bound.split(" AND ").all(|part| {
            let part = part.trim_start_matches('(');
            part.starts_with("tenant_id = ")
        })
}
