//! A plan's page, of a plan that a model has written in part to mislead.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

use serde_json::json;
use tradeup_domain::figure::Figure;
use tradeup_plan::{Document, Fact, Facts, Limits, Meta, Plan, Settlement, check, settle};

use super::*;
use crate::views::agents::carried::{CarriedOut, Followed};
use crate::views::agents::plan::ProposedCampaign;
use crate::views::agents::plans::PlanLine;
use crate::views::agents::usd::Usd;
use crate::views::when::When;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> 25 % more";

fn document() -> Document {
    let hostile = || vec![HOSTILE];
    let campaign = json!({ "key": "c1", "name": HOSTILE, "phase": 1, "kind": "bonus_credit", "segment": HOSTILE,
        "tier": HOSTILE, "message_subject": HOSTILE, "message_body": "There is {{credit}}.\nSee you.",
        "credit_minor": 500, "credit_ends_within_days": 30, "extend_days": 0, "audience": "F2", "hold_out_bps": 1000,
        "cost_limit_minor": 90_000, "why": "{{F2}} of {{F1}} and {{F9}} are at risk." });
    let document = json!({
        "executive_summary": ["Of {{F1}} members {{F2}} are at risk: {{C1}}.", HOSTILE],
        "current_state": hostile(),
        "calculations": [
            { "id": "C1", "op": "share", "args": ["F2", "F1"], "label": "at risk" },
            { "id": "C1", "op": "share", "args": ["F2", "F7"], "label": HOSTILE },
            { "id": "main", "op": "sum", "args": ["F2", "main"], "label": "an id of the page" },
        ],
        "phases": [{ "title": HOSTILE, "weeks": 1, "goal": HOSTILE, "actions": hostile() }],
        "campaigns": [campaign],
        "kpis": [{ "name": HOSTILE, "measure": HOSTILE, "baseline": "F8", "target_change_bps": -2000, "horizon_days": 90,
            "how": HOSTILE }],
        "risks": hostile(), "assumptions": hostile(), "data_gaps": hostile(),
    });
    Document::read(&document).unwrap()
}

fn plan() -> Plan {
    let as_of = "2026-11-29T10:00:00Z".parse().unwrap();
    let figures = [Figure::count("members_total", 1_234), Figure::count("at_risk_members", 310)];
    let facts = (1..).zip(figures).map(|(at, figure)| Fact {
        id: format!("F{at}"),
        figure,
        as_of,
        tool: "get_tenant_overview".to_owned(),
        agent: "orchestrator".to_owned(),
        call: "toolu_1".to_owned(),
    });
    let facts = Facts::try_from(facts.collect::<Vec<_>>()).unwrap();
    let (limits, document) = (Limits::of("USD"), document());
    let unproven = check(&document, &facts, &limits);
    let meta = Meta {
        kind: "plan-strategic-goal".to_owned(),
        goal: HOSTILE.to_owned(),
        timeline_days: Some(90),
        target_segment: Some(HOSTILE.to_owned()),
        as_of,
        currency: "USD".to_owned(),
        tenant: "aurora".to_owned(),
        generated_by: vec!["offline-script-1".to_owned()],
        offline: true,
        cost_nano_usd: 1,
    };
    let because = Some(HOSTILE.to_owned());
    settle(Settlement { meta, document, facts, limits: &limits, unproven, incomplete_because: because })
}

fn rendered() -> String {
    let plan = plan();
    let hostile = || HOSTILE.to_owned();
    let items = plan.campaigns.iter().map(|proposal| ProposedCampaign {
        key: proposal.campaign.key.clone(),
        name: hostile(),
        state: "proposed".to_owned(),
        hash: proposal.hash.clone(),
        does: hostile(),
        to: hostile(),
        phase: 1,
        audience: proposal.audience,
        held_out: Some(31),
        cost: Some("1550.00 USD".to_owned()),
        cost_minor: Some(155_000),
        cost_limit: "900.00 USD".to_owned(),
        subject: proposal.message_subject.clone(),
        body: proposal.message_body.clone(),
        not_approvable: Some(hostile()),
        decided_by: Some(hostile()),
        decided: None,
        reason: Some(hostile()),
        carried_out: Some(CarriedOut {
            id: "0197".to_owned(),
            state: "stopped".to_owned(),
            run: "0197".to_owned(),
            spent: "1.00 USD".to_owned(),
            spent_minor: 100,
            limit: None,
            started: None,
            ended: None,
            stopped_by: Some(hostile()),
            stop_reason: Some(hostile()),
            horizon_days: 30,
            members: Vec::new(),
            mails: Vec::new(),
            measured: None,
            results: Vec::new(),
            lift: None,
            lift_bps: None,
        }),
    });
    let line = PlanLine {
        run: "0197".to_owned(),
        tenant: "aurora".to_owned(),
        task: plan.meta.kind.clone(),
        goal: plan.meta.goal.clone(),
        state: "awaiting_approval".to_owned(),
        created: When(plan.meta.as_of),
        complete: false,
        offline: true,
        campaigns: 1,
        undecided: 1,
    };
    let items = items.collect();
    let followed = Followed {
        name: hostile(),
        counted: hostile(),
        measure: hostile(),
        tier: Some(hostile()),
        planned: "25 %".to_owned(),
        actual: Some("18 %".to_owned()),
        verdict: "missed".to_owned(),
        due: When(plan.meta.as_of),
    };
    let view =
        OnePlan { line, cost: Usd::of(1), offline_approvals: false, items, followed: vec![followed], plan };
    let (plan, campaigns) = view.written();
    let frame = Frame {
        here: "shops",
        user: "olga".to_owned(),
        role: "operator",
        shop: None,
        form: "f".to_owned(),
        may_operate: true,
        sees_all: true,
        may_administer: false,
        may_move_money: false,
    };
    PlanPage { frame, shop: "aurora".to_owned(), view, plan, campaigns }.render().unwrap()
}

/// What stands between a mark and the next quote, each time.
fn after<'a>(page: &'a str, mark: &str) -> Vec<&'a str> {
    page.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn figures_lead_to_their_source_and_nothing_that_was_written_becomes_markup() {
    let page = rendered();
    let mut ids = after(&page, " id=\"");
    for link in after(&page, " href=\"#") {
        assert!(ids.contains(&link), "{link} leads nowhere: {page}");
    }
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number, "each id is there once: {ids:?}");
    assert!(after(&page, "class=\"figure\" href=\"#").contains(&"C1"), "{page}");
    for markup in ["<script>", "<img src=x", "style="] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
}

#[test]
fn what_is_not_proven_is_marked_and_what_a_script_made_says_so() {
    let page = rendered();
    let marked = page.split("<mark").skip(1).filter_map(|rest| rest.split("</mark>").next());
    let marked: Vec<&str> = marked.collect();
    for unproven in ["25 %", "F9", "F8", "F7", "main"] {
        assert!(marked.iter().any(|mark| mark.contains(unproven)), "{unproven}: {marked:?}");
    }
    for said in ["Made offline.", "Not complete.", "id=\"unproven\"", "1550.00 USD</a>", "1,234", "25.1 %"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("value=\"approve\"") && page.contains("value=\"reject\""), "{page}");
}
