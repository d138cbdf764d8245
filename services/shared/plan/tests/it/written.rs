//! The plan as Markdown.

use serde_json::json;
use tradeup_plan::markdown;

use crate::shop::{document, settled, with};

#[test]
fn figures_stand_with_their_sources() {
    let text = markdown(&settled(document()));
    for part in [
        "# Plan: Reduce churn by 20 %",
        "> **Offline.**",
        "Of 4,000 \\[F1\\] members 310 \\[F3\\] may leave, and 12500.00 USD \\[F4\\] of credit",
        "7.8 % \\[C1\\] of members are at risk",
        "### 1. Rescue (4 weeks)",
        "- Offer: 3.00 USD of credit, which ends within 30 days",
        "- Audience: 310 \\[F3\\] members, of which 10 % are held out to measure against",
        "- Cost: at most 930.00 USD, with a limit of 950.00 USD",
        "> We have 3.00 USD for you",
        "| Members at risk | at\\_risk\\_members | 310 \\[F3\\] | 248 (-20 %) | 90 days | Count them again after 90 days. |",
        "| F3 | at\\_risk\\_members | 310 | – | get\\_tenant\\_overview (orchestrator) |",
        "| C1 | At-risk share | 7.8 % | – | share(F3, F1) |",
    ] {
        assert!(text.contains(part), "{part}\n\n{text}");
    }
    assert!(!text.contains('⚠'), "{text}");
}

#[test]
fn what_is_unproven_is_seen() {
    let text = markdown(&settled(with("/risks/0", json!("About 25 % leave."))));
    assert!(text.contains("About ⚠ 25 % (unproven) leave."), "{text}");
    assert!(text.contains("> **Not all of it is proven.**"), "{text}");
    assert!(text.contains("## What is unproven"), "{text}");
}

#[test]
fn no_text_becomes_markup() {
    let hostile = "<script>alert(1)</script> [x](javascript:y) ![i](z) | a | `b` **c** # d\n# e\n- f https://evil.example \u{202e}";
    for pointer in [
        "/risks/0",
        "/executive_summary/0",
        "/campaigns/0/message_body",
        "/campaigns/0/name",
        "/phases/0/title",
    ] {
        let text = markdown(&settled(with(pointer, json!(hostile))));
        // What is left when everything that is escaped is taken away.
        let mut bare = String::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            if char == '\\' {
                chars.next();
            } else {
                bare.push(char);
            }
        }
        for bad in ["<", "](", "![", "*c", "\n# e", "\n- f", "`", "https:", "\u{202e}"] {
            assert!(!bare.contains(bad), "{pointer}: {bad}\n{text}");
        }
    }
}
