//! A shop with facts, its limits, and a plan in which nothing is wrong.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tradeup_domain::figure::{Figure, Unit};
use tradeup_plan::{Code, Document, Fact, Facts, Finding, Limits, Meta, Plan, Settlement, check, settle};

pub(crate) fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_547_200, 0).unwrap()
}

pub(crate) fn fact(id: &str, figure: Figure) -> Fact {
    Fact {
        id: id.to_owned(),
        figure,
        as_of: as_of(),
        tool: "get_tenant_overview".to_owned(),
        agent: "orchestrator".to_owned(),
        call: "toolu_1".to_owned(),
    }
}

pub(crate) fn facts() -> Facts {
    let figures = [
        Figure::count("members_total", 4_000),
        Figure::count("active_members_90d", 1_234).over("90d"),
        Figure::count("at_risk_members", 310),
        Figure::minor("expiring_unused_30d_minor", 1_250_000, "USD").over("30d"),
        Figure::count("expiring_members_30d", 420).over("30d"),
        Figure::bps("retention_90d_bps", 4_550).over("90d"),
        Figure::minor("revenue", 9_000_000, "USD").over("2026-10"),
        Figure::minor("revenue", 10_000_000, "USD").over("2026-09"),
        Figure::minor("revenue", 500_000, "EUR").over("2026-10"),
        Figure::of("risk_score_avg", 71, Unit::Score),
        Figure::of("recency_avg", 45, Unit::Days),
        Figure::count("tier_members", 3),
        Figure::count("orders_90d", 0).over("90d"),
        Figure::count("tier_members", 230).of_tier("gold"),
    ];
    let mut facts = Facts::default();
    for (at, figure) in figures.into_iter().enumerate() {
        facts.insert(fact(&format!("F{}", at + 1), figure)).unwrap();
    }
    facts
}

pub(crate) fn limits() -> Limits {
    Limits {
        tiers: vec!["gold".to_owned(), "silver".to_owned()],
        timeline_days: Some(90),
        ..Limits::of("USD")
    }
}

/// What a model hands in.
pub(crate) fn input() -> Value {
    json!({
        "executive_summary": ["Of {{F1}} members {{F3}} may leave, and {{F4}} of credit ends unused within 30 days."],
        "current_state": ["{{C1}} of members are at risk; revenue changed by {{C2}} from one month to the next."],
        "calculations": [
            { "id": "C1", "op": "share", "args": ["F3", "F1"], "label": "At-risk share" },
            { "id": "C2", "op": "pct_change", "args": ["F7", "F8"], "label": "Change of monthly revenue" }
        ],
        "phases": [
            { "title": "Rescue", "weeks": 4, "goal": "Stop credit from ending unused.", "actions": ["Write to {{F5}} members."] },
            { "title": "Win back", "weeks": 4, "goal": "Bring back who left.", "actions": ["Start in week 5."] },
            { "title": "Keep", "weeks": 4, "goal": "Make it last.", "actions": ["Go on with what worked in phase 2 for 90 days."] }
        ],
        "campaigns": [
            {
                "key": "c1", "name": "Come back", "phase": 2, "kind": "bonus_credit", "segment": "at_risk", "tier": "",
                "message_subject": "We have {{credit}} for you",
                "message_body": "Use it within {{days}}.\nWe are glad to see you again.",
                "credit_minor": 300, "credit_ends_within_days": 30, "extend_days": 0, "audience": "F3",
                "hold_out_bps": 1000, "cost_limit_minor": 95_000, "why": "{{F3}} members are at risk."
            },
            {
                "key": "c2", "name": "More time", "phase": 1, "kind": "extension", "segment": "expiring", "tier": "gold",
                "message_subject": "Your credit lasts longer", "message_body": "You have {{days}} more.",
                "credit_minor": 0, "credit_ends_within_days": 0, "extend_days": 60, "audience": "F5",
                "hold_out_bps": 500, "cost_limit_minor": 0, "why": "{{F4}} would be lost to them."
            }
        ],
        "kpis": [
            { "name": "Members at risk", "measure": "at_risk_members", "baseline": "F3", "target_change_bps": -2_000,
              "horizon_days": 90, "how": "Count them again after 90 days." }
        ],
        "risks": ["Members may wait for the next credit."],
        "assumptions": ["Mail is read."],
        "data_gaps": []
    })
}

pub(crate) fn document() -> Document {
    Document::read(&input()).unwrap()
}

/// The document with something else at a JSON pointer.
pub(crate) fn with(pointer: &str, value: Value) -> Document {
    let mut input = input();
    *input.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")) = value;
    Document::read(&input).unwrap()
}

/// What is found, as code and path.
pub(crate) fn found(document: &Document) -> Vec<(Code, String)> {
    findings(document).into_iter().map(|finding| (finding.code, finding.path)).collect()
}

pub(crate) fn findings(document: &Document) -> Vec<Finding> {
    check(document, &facts(), &limits())
}

/// The one finding about the document with something else at a JSON pointer.
pub(crate) fn only(pointer: &str, value: Value) -> Finding {
    let mut all = findings(&with(pointer, value));
    assert_eq!(all.len(), 1, "{pointer}: {all:?}");
    all.remove(0)
}

pub(crate) fn meta() -> Meta {
    Meta {
        kind: "plan-strategic-goal".to_owned(),
        goal: "Reduce churn by 20 %".to_owned(),
        timeline_days: Some(90),
        target_segment: None,
        as_of: as_of(),
        currency: "USD".to_owned(),
        tenant: "demo".to_owned(),
        generated_by: vec!["offline-script-1".to_owned()],
        offline: true,
        cost_nano_usd: 0,
    }
}

pub(crate) fn settled(document: Document) -> Plan {
    let unproven = findings(&document);
    settle(Settlement {
        meta: meta(),
        document,
        facts: facts(),
        limits: &limits(),
        unproven,
        incomplete_because: None,
    })
}
