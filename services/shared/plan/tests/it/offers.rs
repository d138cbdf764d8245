//! Campaigns: who they are for, what they give and what that may cost.

use serde_json::{Value, json};
use tradeup_plan::{Code, SEGMENTS, check};

use crate::shop::{facts, findings, found, input, limits, only, with};

fn bonus(field: &str, value: Value) -> (Code, String) {
    let finding = only(&format!("/campaigns/0/{field}"), value);
    (finding.code, finding.path)
}

#[test]
fn names_must_exist() {
    for segment in SEGMENTS {
        assert_eq!(findings(&with("/campaigns/0/segment", json!(segment))), []);
    }
    for (field, value) in [
        ("segment", json!("vip")),
        ("segment", json!("")),
        ("tier", json!("platinum")),
        ("tier", json!("Gold")),
        ("key", json!("")),
        ("key", json!("C 1")),
        ("key", json!("c2é")),
        ("key", json!("k".repeat(41))),
    ] {
        assert_eq!(
            bonus(field, value.clone()),
            (Code::UnknownName, format!("campaigns[0].{field}")),
            "{value}"
        );
    }
    let twice = only("/campaigns/1/key", json!("c1"));
    assert_eq!((twice.code, twice.path.as_str()), (Code::UnknownName, "campaigns[1].key"));
    assert!(only("/campaigns/0/tier", json!("platinum")).problem.contains("gold, silver"));
    for phase in [0, 4, -1] {
        assert_eq!(bonus("phase", json!(phase)).0, Code::Range);
    }
}

#[test]
fn the_fields_fit_the_kind() {
    assert_eq!(bonus("credit_minor", json!(0)), (Code::Offer, "campaigns[0].credit_minor".to_owned()));
    assert_eq!(bonus("credit_ends_within_days", json!(0)).0, Code::Offer);
    assert_eq!(bonus("credit_ends_within_days", json!(366)).0, Code::Range);
    assert_eq!(bonus("extend_days", json!(30)), (Code::Offer, "campaigns[0].extend_days".to_owned()));
    assert_eq!(bonus("credit_minor", json!(-1)).0, Code::Range);
    for (field, value, code) in [
        ("extend_days", 0, Code::Offer),
        ("extend_days", 91, Code::Range),
        ("credit_minor", 100, Code::Offer),
        ("credit_ends_within_days", 30, Code::Offer),
    ] {
        let finding = only(&format!("/campaigns/1/{field}"), json!(value));
        assert_eq!((finding.code, finding.path), (code, format!("campaigns[1].{field}")), "{value}");
    }
    let mut mail = input();
    mail["campaigns"][1]["kind"] = json!("mail");
    mail["campaigns"][1]["message_body"] = json!("We miss you.");
    let document = |value: &Value| tradeup_plan::Document::read(value).unwrap();
    assert_eq!(found(&document(&mail)), [(Code::Offer, "campaigns[1].extend_days".to_owned())]);
    mail["campaigns"][1]["extend_days"] = json!(0);
    assert_eq!(found(&document(&mail)), []);
}

#[test]
fn the_shops_limits_hold() {
    let credit = findings(&with("/campaigns/0/credit_minor", json!(2_001)));
    assert!(
        credit
            .iter()
            .any(|finding| finding.code == Code::Range && finding.path == "campaigns[0].credit_minor")
    );
    for held in [0, 499, 5_001, -1] {
        assert_eq!(bonus("hold_out_bps", json!(held)), (Code::Range, "campaigns[0].hold_out_bps".to_owned()));
    }
    assert_eq!(bonus("cost_limit_minor", json!(100_001)).0, Code::Cost);
}

#[test]
fn the_whole_audience_fits_the_limit() {
    // 310 members times 300 are 93,000.
    assert_eq!(findings(&with("/campaigns/0/cost_limit_minor", json!(93_000))), []);
    let finding = only("/campaigns/0/cost_limit_minor", json!(92_999));
    assert_eq!((finding.code, finding.path.as_str()), (Code::Cost, "campaigns[0].cost_limit_minor"));
    assert!(finding.problem.contains("310 members times 300 is 93000"), "{}", finding.problem);
    assert!(finding.problem.contains("give at most 299 each"), "{}", finding.problem);
}

#[test]
fn an_audience_is_a_group_that_a_tool_counted() {
    for id in ["F99", "C1", "", "at_risk", "m_7"] {
        assert_eq!(
            bonus("audience", json!(id)),
            (Code::UnknownId, "campaigns[0].audience".to_owned()),
            "{id}"
        );
    }
    for id in ["F4", "F6", "F10", "F11"] {
        assert_eq!(bonus("audience", json!(id)).0, Code::Unit, "{id}");
    }
    assert_eq!(bonus("audience", json!("F12")), (Code::SmallAudience, "campaigns[0].audience".to_owned()));
    let wide = tradeup_plan::Limits { audience_min: 3, ..limits() };
    assert_eq!(check(&with("/campaigns/0/audience", json!("F12")), &facts(), &wide), []);
}

#[test]
fn extremes_are_told_and_never_wrap() {
    for value in [i64::MAX, i64::MIN] {
        for field in [
            "credit_minor",
            "cost_limit_minor",
            "extend_days",
            "credit_ends_within_days",
            "hold_out_bps",
            "phase",
        ] {
            assert!(
                !findings(&with(&format!("/campaigns/0/{field}"), json!(value))).is_empty(),
                "{field} {value}"
            );
        }
        for field in ["target_change_bps", "horizon_days"] {
            assert!(
                !findings(&with(&format!("/kpis/0/{field}"), json!(value))).is_empty(),
                "{field} {value}"
            );
        }
        assert!(!findings(&with("/phases/0/weeks", json!(value))).is_empty());
    }
}
