//! The plan as Markdown.

use serde_json::json;
use tradeup_domain::outcomes::{ArmResult, CarriedOut, FollowUp, OutcomeCount, Outcomes, ProposalOutcome};
use tradeup_plan::markdown;

use crate::shop::{as_of, document, settled, with};

#[test]
fn figures_stand_with_their_sources() {
    let text = markdown(&settled(document()), &Outcomes::default());
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
    let text = markdown(&settled(with("/risks/0", json!("About 25 % leave."))), &Outcomes::default());
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
        let text = markdown(&settled(with(pointer, json!(hostile))), &Outcomes::default());
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

fn arm(arm: &str, members: i64, ordering_members: i64, revenue_minor: i64) -> ArmResult {
    ArmResult {
        arm: arm.to_owned(),
        members,
        ordering_members,
        orders: ordering_members + 1,
        revenue_minor,
        redeemed_minor: 0,
    }
}

/// What a person decided, what was done, and what it brought.
fn outcomes(words: &str) -> Outcomes {
    let count = |arm: &str, outcome: Option<&str>, members| OutcomeCount {
        arm: arm.to_owned(),
        outcome: outcome.map(str::to_owned),
        members,
        amount_minor: 0,
    };
    let carried = CarriedOut {
        state: "done".to_owned(),
        currency: "USD".to_owned(),
        spent_minor: 83_700,
        limit_minor: Some(95_000),
        started_at: Some(as_of()),
        ended_at: Some(as_of()),
        stopped_by: None,
        stop_reason: None,
        horizon_days: 30,
        measured_at: Some(as_of()),
        members: vec![count("treated", Some("credited"), 279), count("held_out", None, 31)],
        results: vec![arm("treated", 279, 140, 560_000), arm("held_out", 31, 8, 24_000)],
    };
    let decided = |key: &str, state: &str, carried_out| ProposalOutcome {
        key: key.to_owned(),
        state: state.to_owned(),
        decided_by: Some(words.to_owned()),
        reason: Some(words.to_owned()),
        decided_at: Some(as_of()),
        carried_out,
    };
    let kpi = |n, verdict: Option<&str>, actual| FollowUp {
        n,
        name: words.to_owned(),
        measure: "retention_90d_bps".to_owned(),
        tier: None,
        unit: "bps".to_owned(),
        currency: None,
        baseline: 2_000,
        target: 2_500,
        due_at: as_of(),
        actual,
        verdict: verdict.map(str::to_owned),
        followed_at: verdict.map(|_| as_of()),
    };
    let of_tier = FollowUp {
        measure: "tier_members".to_owned(),
        tier: Some("gold".to_owned()),
        unit: "count".to_owned(),
        target: 253,
        ..kpi(2, Some("met"), Some(1_260))
    };
    Outcomes {
        campaigns: vec![decided("c1", "approved", Some(carried)), decided("c2", "rejected", None)],
        kpis: vec![
            kpi(1, Some("missed"), Some(1_800)),
            of_tier,
            kpi(3, Some("no_data"), None),
            kpi(4, None, None),
        ],
    }
}

#[test]
fn what_became_of_it_stands_where_it_was_planned() {
    let text = markdown(&settled(document()), &outcomes("Ann"));
    for part in [
        "- Decided: approved by Ann, 2025-12-01 00:00 UTC: Ann\n- Carried out: done; 837.00 USD given or kept of at most 950.00 USD\n\
         - Members: 279 were given credit; 31 left out, to compare with\n",
        "- Brought: 50.2 % of the treated ordered (140 of 279, 141 orders, 5600.00 USD), 25.8 % of who was held out ordered \
         (8 of 31, 9 orders, 240.00 USD); **lift 24.4 %**; as of 2025-12-01 00:00 UTC",
        "- Decided: rejected by Ann",
        "## What it came to\n\n- **Missed** Ann (retention\\_90d\\_bps): you planned 25 %, you got 18 %; as of",
        "- **Met** Ann (tier\\_members of gold): you planned 253, you got 1,260; as of",
        "- **Not known** Ann (retention\\_90d\\_bps): you planned 25 %, and nobody can tell what it came to",
        "1 more are looked at when their time has come.",
    ] {
        assert!(text.contains(part), "{part}\n\n{text}");
    }
    let later = text.find("## What it came to").unwrap();
    assert!(text.find("## KPIs").unwrap() < later && later < text.find("## Risks").unwrap(), "{text}");
    let nothing = markdown(&settled(document()), &Outcomes::default());
    assert!(!nothing.contains("Decided") && !nothing.contains("What it came to"), "{nothing}");
}

#[test]
fn what_people_said_of_it_is_no_markup_either() {
    let text = markdown(&settled(document()), &outcomes("<b>x</b> [y](https://evil.example)"));
    assert!(!text.contains("<b>") && !text.contains("[y]") && !text.contains("https:"), "{text}");
}
