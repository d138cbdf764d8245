//! What specialists hand in.

use serde_json::json;
use tradeup_plan::{Code, Weight, check, check_findings, unfinished};

use crate::shop::{facts, limits};

#[test]
fn statements_cite_facts() {
    let input = json!({
        "findings": [
            { "statement": "{{F3}} of {{F1}} members may leave within 90 days.", "weight": "high" },
            { "statement": "Credit of {{F4}} ends unused.", "weight": "low" }
        ],
        "data_gaps": ["There were no campaigns yet."]
    });
    let (findings, problems) = check_findings(&input, &facts());
    assert_eq!(problems, []);
    assert_eq!(findings.findings[0].weight, Weight::High);
    assert_eq!(findings.cited(&facts()), ["F1", "F3", "F4"]);
}

#[test]
fn what_can_not_be_traced_is_told() {
    for (input, code, path) in [
        (
            json!({ "findings": [{ "statement": "All is well.", "weight": "low" }] }),
            Code::Uncited,
            "findings[0].statement",
        ),
        (
            json!({ "findings": [{ "statement": "{{F99}} left.", "weight": "low" }] }),
            Code::UnknownId,
            "findings[0].statement",
        ),
        (
            json!({ "findings": [{ "statement": "{{C1}} left.", "weight": "low" }] }),
            Code::UnknownId,
            "findings[0].statement",
        ),
        (
            json!({ "findings": [{ "statement": "{{F3}} of 4000.", "weight": "low" }] }),
            Code::Digits,
            "findings[0].statement",
        ),
        (json!({ "findings": [], "data_gaps": ["12 days are missing"] }), Code::Digits, "data_gaps[0]"),
        (json!({ "findings": [] }), Code::Size, "findings"),
        (json!({ "findings": [{ "statement": "x", "weight": "huge" }] }), Code::Schema, "findings[0].weight"),
        (json!([]), Code::Schema, ""),
    ] {
        let (_, problems) = check_findings(&input, &facts());
        assert_eq!(problems.len(), 1, "{input}: {problems:?}");
        assert_eq!((problems[0].code, problems[0].path.as_str()), (code, path), "{input}");
    }
}

#[test]
fn what_was_found_is_kept_when_there_is_no_plan() {
    let input = json!({
        "findings": [
            { "statement": "Credit of {{F4}} ends unused.", "weight": "low" },
            { "statement": "{{F3}} of {{F1}} members may leave.", "weight": "high" }
        ],
        "data_gaps": []
    });
    let (findings, _) = check_findings(&input, &facts());
    let document = unfinished(&[findings], "the limit on money was reached.");
    assert_eq!(check(&document, &facts(), &limits()), []);
    assert!(document.current_state[0].contains("{{F3}}"), "the weightiest first");
    let nothing = unfinished(&[], "the limit on money was reached.");
    assert_eq!(check(&nothing, &tradeup_plan::Facts::default(), &limits()), []);
}
