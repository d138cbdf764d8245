//! The settled plan: reckoned, hashed, marked, and the same after it was stored.

use serde_json::{Value, json};
use tradeup_plan::{Code, Facts, Piece, Plan, Settlement, pieces, settle};
use tradeup_proto::{Message as _, v1};

use crate::shop::{document, fact, facts, findings, limits, meta, settled, with};
use tradeup_domain::figure::Figure;

#[test]
fn it_is_the_same_after_it_was_stored() {
    let plan = settled(document());
    let text = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(back, plan);
    assert_eq!(serde_json::to_string(&back).unwrap(), text, "byte for byte");
}

#[test]
fn everything_is_reckoned() {
    let plan = settled(document());
    assert!(plan.complete);
    assert_eq!(plan.unproven, []);
    assert_eq!(plan.figure("C1").unwrap().1.value, 775);
    assert_eq!(plan.figure("C2").unwrap().1.value, -1_000);
    assert_eq!(plan.cited, ["F1", "F3", "F4", "F5", "F7", "F8"]);
    let [bonus, extension] = plan.campaigns.as_slice() else { panic!("two") };
    assert_eq!((bonus.audience, bonus.cost_minor), (Some(310), Some(93_000)));
    assert_eq!((extension.audience, extension.cost_minor), (Some(420), Some(0)));
    assert_eq!(bonus.message_subject, "We have 3.00 USD for you");
    assert_eq!(bonus.message_body, "Use it within 30 days.\nWe are glad to see you again.");
    assert_eq!(extension.message_body, "You have 60 days more.");
    assert!(bonus.approvable && extension.approvable);
}

#[test]
fn a_hash_is_of_all_that_is_decided_on() {
    let first = settled(document());
    let hash = &first.campaigns[0].hash;
    assert_eq!(hash.len(), 64);
    assert_ne!(hash, &first.campaigns[1].hash);
    for (field, value) in [
        ("credit_minor", json!(299)),
        ("message_body", json!("Come.")),
        ("message_subject", json!("Come.")),
        ("segment", json!("lost")),
        ("tier", json!("gold")),
        ("hold_out_bps", json!(1_001)),
        ("cost_limit_minor", json!(95_001)),
        ("credit_ends_within_days", json!(31)),
        ("audience", json!("F5")),
        ("phase", json!(3)),
        ("why", json!("Because.")),
    ] {
        let other = settled(with(&format!("/campaigns/0/{field}"), value));
        assert_ne!(&other.campaigns[0].hash, hash, "{field}");
        assert_eq!(other.campaigns[1].hash, first.campaigns[1].hash, "{field} is of the other");
    }
    // What the audience counts is decided on as well.
    let mut grown = Facts::default();
    for old in facts().iter() {
        let more = if old.id == "F3" { Figure::count("at_risk_members", 311) } else { old.figure.clone() };
        grown.insert(fact(&old.id, more)).unwrap();
    }
    let plan = settle(Settlement {
        meta: meta(),
        document: document(),
        facts: grown,
        limits: &limits(),
        unproven: Vec::new(),
        incomplete_because: None,
    });
    assert_ne!(&plan.campaigns[0].hash, hash);
    assert_eq!(settled(document()).campaigns[0].hash, *hash, "the same again");
}

#[test]
fn what_is_unproven_is_kept_marked_and_not_approvable() {
    let mut bad = document();
    bad.campaigns[0].why = "About 25 % of {{F99}} left, {{F3}} stay.".to_owned();
    let plan = settled(bad);
    assert!(
        plan.unproven
            .iter()
            .any(|finding| finding.code == Code::Digits && finding.path == "campaigns[0].why")
    );
    assert!(!plan.campaigns[0].approvable);
    assert!(plan.campaigns[1].approvable);
    let text = |text: &str| Piece::Text(text.to_owned());
    assert_eq!(
        pieces(&plan, &plan.campaigns[0].campaign.why),
        [
            text("About "),
            Piece::Unproven("25 %".to_owned()),
            text(" of "),
            Piece::Unproven("F99".to_owned()),
            text(" left, "),
            Piece::Figure {
                id: "F3".to_owned(),
                shown: "310".to_owned(),
                name: "at_risk_members".to_owned()
            },
            text(" stay."),
        ]
    );
}

#[test]
fn a_message_of_which_something_is_unresolved_can_not_be_approved() {
    for (field, text) in [
        ("message_subject", "{{F3}} of you are missed"),
        ("message_body", "We give you {{credit}} for {{F3}} days."),
        ("message_body", "We give you {{gift}}."),
        ("message_body", "We give you 25 dollars."),
    ] {
        // Even when nobody has found anything wrong with it.
        let plan = settle(Settlement {
            meta: meta(),
            document: with(&format!("/campaigns/0/{field}"), json!(text)),
            facts: facts(),
            limits: &limits(),
            unproven: Vec::new(),
            incomplete_because: None,
        });
        assert!(!plan.campaigns[0].approvable && plan.campaigns[1].approvable, "{text}");
    }
}

#[test]
fn a_campaign_that_leans_on_a_failed_calculation_is_not_approvable() {
    let mut bad = document();
    bad.calculations[0].args = vec!["F3".to_owned(), "F13".to_owned()];
    bad.campaigns[0].why = "{{C1}} of members are at risk.".to_owned();
    let plan = settled(bad);
    assert!(!plan.campaigns[0].approvable && plan.campaigns[1].approvable);
    assert_eq!(plan.calculations[0].figure, None);
}

#[test]
fn an_audience_that_is_none_has_no_cost() {
    let plan = settled(with("/campaigns/0/audience", json!("F99")));
    assert_eq!((plan.campaigns[0].audience, plan.campaigns[0].cost_minor), (None, None));
    assert!(!plan.campaigns[0].approvable);
}

#[test]
fn a_plan_that_was_cut_short_says_so() {
    let plan = settle(Settlement {
        meta: meta(),
        document: document(),
        facts: facts(),
        limits: &limits(),
        unproven: findings(&document()),
        incomplete_because: Some("The limit on money was reached.".to_owned()),
    });
    assert!(!plan.complete);
    let stored: Value = serde_json::to_value(&plan).unwrap();
    assert_eq!(stored["incomplete_because"], "The limit on money was reached.");
}

#[test]
fn facts_are_in_the_order_of_their_numbers_and_each_is_there_once() {
    let mut some = Facts::default();
    for id in ["F10", "F2", "F1"] {
        some.insert(fact(id, Figure::count("members", 1))).unwrap();
    }
    let ids: Vec<&str> = some.iter().map(|fact| fact.id.as_str()).collect();
    assert_eq!(ids, ["F1", "F2", "F10"]);
    assert!(some.insert(fact("F2", Figure::count("members", 1))).is_err());
    for id in ["F0", "F01", "f1", "C1", "F", "F-1", "F1 ", ""] {
        assert!(some.insert(fact(id, Figure::count("members", 1))).is_err(), "{id:?}");
        assert!(some.get(id).is_none());
    }
    let twice = json!(vec![fact("F1", Figure::count("members", 1)); 2]);
    assert!(serde_json::from_value::<Facts>(twice).is_err());
}

#[test]
fn the_message_holds_all_of_it() {
    let plan = settled(document());
    let message = v1::Plan::from(&plan);
    let back = v1::Plan::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(back, message);
    assert_eq!(back.facts.len(), facts().len());
    assert_eq!(back.campaigns[0].hash, plan.campaigns[0].hash);
    assert_eq!(back.campaigns[0].cost_minor, Some(93_000));
    assert_eq!(back.kpis[0].target, Some(248));
    assert_eq!(back.meta.unwrap().tenant, "demo");
}
