//! What a plan is measured by.

use serde_json::json;
use tradeup_domain::figure::Figure;
use tradeup_plan::{Code, KPI_MEASURES, Measure};

use crate::shop::{findings, input, only, settled, with};

#[test]
fn measures_are_those_of_the_tools() {
    let finding = only("/kpis/0/measure", json!("happiness"));
    assert_eq!((finding.code, finding.path.as_str()), (Code::UnknownName, "kpis[0].measure"));
    for measure in KPI_MEASURES {
        assert!(finding.problem.contains(measure.name));
        assert_eq!(Measure::named(measure.name), Some(measure));
    }
}

#[test]
fn a_baseline_is_the_fact_of_that_name() {
    let finding = only("/kpis/0/baseline", json!("F1"));
    assert_eq!((finding.code, finding.path.as_str()), (Code::UnknownId, "kpis[0].baseline"));
    assert_eq!(finding.problem, "F1 is members_total, which is no baseline of at_risk_members; take F3");
    assert_eq!(only("/kpis/0/baseline", json!("F99")).code, Code::UnknownId);
    assert_eq!(only("/kpis/0/measure", json!("tier_members")).code, Code::UnknownId);
}

/// What is counted again in time has to be known by then: of which tier, or of the whole shop.
#[test]
fn a_baseline_says_of_which_tier_it_is() {
    let of = |pointer: &str, value: &str| {
        let mut of_tier = input();
        of_tier["kpis"][0] = json!({ "name": "Gold", "measure": "tier_members", "baseline": "F14",
            "target_change_bps": 1_000, "horizon_days": 90, "how": "Count them again." });
        *of_tier.pointer_mut(pointer).unwrap() = json!(value);
        findings(&tradeup_plan::Document::read(&of_tier).unwrap())
    };
    assert_eq!(of("/kpis/0/baseline", "F14"), []);
    let problem = |pointer: &str, value: &str| of(pointer, value)[0].problem.clone();
    assert_eq!(
        problem("/kpis/0/baseline", "F12"),
        "F12 is tier_members of no tier, which is no baseline of tier_members; take F14"
    );
    assert_eq!(
        problem("/kpis/0/measure", "members_total"),
        "F14 is tier_members of tier gold alone, which is no baseline of members_total; take F1"
    );
    let tiers = Measure::named("tier_members").unwrap();
    assert!(tiers.is_measured_by(&Figure::count("tier_members", 3).of_tier("gold")));
    assert!(!tiers.is_measured_by(&Figure::count("tier_members", 3)));
    assert!(!tiers.is_measured_by(&Figure::count("tier_gold_members", 3).of_tier("gold")));
    let all = Measure::named("orders_90d").unwrap();
    assert!(all.is_measured_by(&Figure::count("orders_90d", 3).over("90d")));
    assert!(!all.is_measured_by(&Figure::count("orders_90d", 3).of_tier("gold")));
}

#[test]
fn a_change_is_relative_and_for_the_better() {
    for (change, part) in [(0, "but not 0"), (-10_001, "-10000"), (1_000, "turn the sign")] {
        let finding = only("/kpis/0/target_change_bps", json!(change));
        assert_eq!(
            (finding.code, finding.path.as_str()),
            (Code::Range, "kpis[0].target_change_bps"),
            "{change}"
        );
        assert!(finding.problem.contains(part), "{}", finding.problem);
    }
    let mut more = input();
    more["kpis"][0] = json!({ "name": "Retention", "measure": "retention_90d_bps", "baseline": "F6",
        "target_change_bps": 15_000, "horizon_days": 90, "how": "Look again." });
    let finding = &findings(&tradeup_plan::Document::read(&more).unwrap())[0];
    assert!(finding.problem.contains("above all of it"), "{}", finding.problem);
    more["kpis"][0]["target_change_bps"] = json!(2_000);
    assert_eq!(findings(&tradeup_plan::Document::read(&more).unwrap()), []);
}

#[test]
fn nothing_is_measured_in_parts_of_nothing() {
    let mut none = input();
    none["kpis"][0]["measure"] = json!("orders_90d");
    none["kpis"][0]["baseline"] = json!("F13");
    none["kpis"][0]["target_change_bps"] = json!(1_000);
    let all = findings(&tradeup_plan::Document::read(&none).unwrap());
    assert_eq!(all.len(), 1);
    assert!(all[0].problem.contains("F13 is 0"), "{}", all[0].problem);
}

#[test]
fn horizons_are_bounded_and_each_is_there_once() {
    for days in [6, 366, 0, -90] {
        assert_eq!(only("/kpis/0/horizon_days", json!(days)).path, "kpis[0].horizon_days");
    }
    let kpi = input()["kpis"][0].clone();
    let all = findings(&with("/kpis", json!([kpi, kpi])));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].path, "kpis[1].baseline");
}

#[test]
fn targets_are_reckoned_and_dated() {
    let plan = settled(with("/kpis/0/target_change_bps", json!(-2_500)));
    // 310 less a quarter is 232.5, and the change of -77.5 is rounded away from zero.
    assert_eq!(plan.kpis[0].target, Some(232));
    assert_eq!(plan.kpis[0].shown().as_deref(), Some("232"));
    assert_eq!(plan.kpis[0].due_at.unwrap().to_rfc3339(), "2026-03-01T00:00:00+00:00");
}
