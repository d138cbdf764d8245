//! What a plan scores, on a shop of which it is known what there is to be found.

use serde_json::json;
use tradeup_plan::{Score, Truth, score};

use crate::shop::{settled, with};

fn truth() -> Truth {
    serde_json::from_value(json!({
        "cites": ["at_risk_members", "expiring_unused_30d_minor"],
        "segments": ["at_risk", "hibernating"],
        "campaign_kinds": ["bonus_credit"],
        "measures": ["at_risk_members"]
    }))
    .unwrap()
}

#[test]
fn a_plan_that_finds_what_was_planted_scores_all() {
    let plan = settled(with("/assumptions", json!(["Mail is read."])));
    let all = Score { grounding_bps: 10_000, coverage_bps: 10_000, kpis_bps: 10_000, sound: true };
    assert_eq!(score(&plan, &truth()), all);
}

#[test]
fn what_is_missed_or_made_up_costs_its_share() {
    let plan = settled(with("/assumptions", json!(["Mail is read."])));
    let more =
        Truth { cites: vec!["at_risk_members".to_owned(), "no_such_fact".to_owned()], ..Truth::default() };
    assert_eq!(score(&plan, &more).coverage_bps, 5_000);
    let nothing_to_propose = Truth { no_campaigns: true, ..Truth::default() };
    assert_eq!(score(&plan, &nothing_to_propose).coverage_bps, 0);
    let unsaid = Truth { data_gaps: true, ..Truth::default() };
    assert_eq!(score(&plan, &unsaid).coverage_bps, 0);
    assert_eq!(score(&plan, &Truth::default()).coverage_bps, 10_000, "nothing was planted");
}

#[test]
fn an_invented_figure_costs_grounding_and_soundness() {
    let plan = settled(with("/risks", json!(["We lose 4711 members."])));
    let scored = score(&plan, &truth());
    assert!(!scored.sound && scored.grounding_bps < 10_000, "{scored:?}");
}

#[test]
fn a_kpi_without_a_baseline_or_for_the_worse_does_not_count() {
    for (pointer, wrong) in [("/kpis/0/baseline", json!("F99")), ("/kpis/0/target_change_bps", json!(2_000))]
    {
        let scored = score(&settled(with(pointer, wrong)), &truth());
        assert_eq!(scored.kpis_bps, 0, "{pointer}");
    }
}
