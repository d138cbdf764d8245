//! The forms that tools take, in the subset of JSON Schema that strict tools may use: every object closed and every
//! property required, no bounds, no recursion. What it can't say, the check does.

use serde_json::{Value, json};

use crate::calculation::Op;
use crate::limits::{KPI_MEASURES, SEGMENTS};

const TEXT: &str =
    "Plain prose, with placeholders like {{F12}} or {{C3}} for every figure and no digits otherwise";

/// The form of `submit_plan`.
#[must_use]
pub fn plan_schema() -> Value {
    object(&[
        ("executive_summary", texts("What it comes down to: 1 to 6 paragraphs")),
        ("current_state", texts("Where the shop stands: 1 to 12 paragraphs, which cite facts")),
        ("calculations", list("What the host is to reckon; its results are cited as {{C1}}", &calculation())),
        ("phases", list("Exactly 3 phases, in order", &phase())),
        (
            "campaigns",
            list("What is proposed to be sent or given; each is decided on by a person", &campaign()),
        ),
        ("kpis", list("What the plan is measured by", &kpi())),
        ("risks", texts("What may go wrong")),
        ("assumptions", texts("What was assumed")),
        ("data_gaps", texts("What could not be found out")),
    ])
}

/// The form of `submit_findings`.
#[must_use]
pub fn findings_schema() -> Value {
    object(&[
        (
            "findings",
            list(
                "What was found, the weightiest first: at most 12",
                &object(&[
                    ("statement", text(&format!("{TEXT}; cites at least one fact"))),
                    ("weight", one_of("How much it matters for the objective", &["high", "medium", "low"])),
                ]),
            ),
        ),
        ("data_gaps", texts("What could not be found out")),
    ])
}

fn calculation() -> Value {
    object(&[
        ("id", text("C1, C2 … in order")),
        (
            "op",
            one_of(
                "sum takes figures of one unit, currency and window; diff (first minus second), avg and pct_change (new, old) \
                 may compare two months as well; share (part, whole), ratio (first over second) and pct_change give a \
                 percentage; product_money takes a count and an amount",
                &Op::ALL.map(Op::as_str),
            ),
        ),
        ("args", list("Ids of facts, or of calculations above", &text("F12 or C1"))),
        ("label", text("What it says, in a few words without digits")),
    ])
}

fn phase() -> Value {
    object(&[
        ("title", text("A name without figures")),
        ("weeks", number("How long it takes, 1 to 52")),
        ("goal", text(TEXT)),
        ("actions", texts("What is done: 1 to 8")),
    ])
}

fn campaign() -> Value {
    object(&[
        ("key", text("c1, c2 …: unique in the plan")),
        ("name", text("A name without figures")),
        ("phase", number("The phase it belongs to: 1, 2 or 3")),
        (
            "kind",
            one_of(
                "bonus_credit gives credit_minor, which ends within credit_ends_within_days; extension lets credit that \
                 ends soon end extend_days later; mail does neither",
                &["bonus_credit", "extension", "mail"],
            ),
        ),
        ("segment", one_of("Who it is for", &SEGMENTS)),
        ("tier", text("The handle of the only tier it is for; empty for all")),
        (
            "message_subject",
            text("For members: no figures of the shop; {{credit}} and {{days}} stand for the offer's own"),
        ),
        ("message_body", text("For members, under the same rule as the subject")),
        ("credit_minor", number("What each member is given, in minor units; 0 unless bonus_credit")),
        ("credit_ends_within_days", number("In how many days it ends; 0 unless bonus_credit")),
        ("extend_days", number("By how many days credit is extended; 0 unless extension")),
        ("audience", text("The id of the fact that counts the members it is for, like F7")),
        (
            "hold_out_bps",
            number("The share that gets nothing, to measure against, in basis points: 1000 is a tenth"),
        ),
        ("cost_limit_minor", number("The most it may cost, in minor units: at least audience times credit")),
        ("why", text(TEXT)),
    ])
}

fn kpi() -> Value {
    object(&[
        ("name", text("A name without figures")),
        ("measure", one_of("What is counted", &KPI_MEASURES.map(|measure| measure.name))),
        ("baseline", text("The id of the fact of the same name that it starts from, like F9")),
        (
            "target_change_bps",
            number(
                "The change wanted, in basis points of the baseline: -2000 is a fifth less, 1000 a tenth more",
            ),
        ),
        ("horizon_days", number("When it is measured, in days from now: 7 to 365")),
        ("how", text(TEXT)),
    ])
}

fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(name, form)| ((*name).to_owned(), form.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn list(description: &str, items: &Value) -> Value {
    json!({ "type": "array", "description": description, "items": items })
}

fn texts(description: &str) -> Value {
    list(description, &text(TEXT))
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

fn one_of(description: &str, values: &[&str]) -> Value {
    json!({ "type": "string", "description": description, "enum": values })
}
