//! Whatever the figures are, the plan passes at once.

use proptest::prelude::*;
use tradeup_domain::figure::Figure;
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_plan::Limits;

use crate::host::{Row, Shop};
use crate::plans;

const KINDS: [&str; 7] = [
    "plan-strategic-goal",
    "plan-campaign",
    "monthly-strategic-review-tenant",
    "daily-expiration-rescue-tenant",
    "weekly-churn-prevention-scan-tenant",
    "analyze-segment",
    "analyze-member-insights",
];

fn limits() -> impl Strategy<Value = Limits> {
    (0_i64..5_000, 0_i64..500_000, 1_i64..91, 0_i64..5_000, 1_i64..50).prop_map(
        |(credit, cost, extend, held, audience)| Limits {
            credit_minor_max: credit,
            campaign_cost_minor_max: cost,
            extend_days_max: extend,
            hold_out_bps_min: held,
            audience_min: audience,
            tiers: vec!["bronze".to_owned(), "silver".to_owned()],
            ..Limits::of("USD")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_plan_passes(
        numbers in prop::collection::vec(prop_oneof![0_i64..10, 0_i64..10_000, 0_i64..1_000_000], 5),
        kind in prop::sample::select(KINDS.to_vec()),
        goal in prop::sample::select(vec!["", "Reduce churn 20 %", "Grow by 400%", "Grow by 5%, now", "顧客"]),
        segment in prop::option::of(prop::sample::select(tradeup_plan::SEGMENTS.to_vec())),
        timeline_days in prop::option::of(1_i64..800),
        limits in limits(),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        other in prop::option::of(("[a-z_0-9]{1,20}", any::<i64>(), "[a-z0-9 ]{0,8}")),
    ) {
        let [members, active, at_risk, minor, expiring] = numbers.try_into().unwrap();
        let mut shop = Shop { kind, goal, segment, timeline_days, limits: Some(limits), ..plans::shop(members, active, at_risk, minor, expiring) };
        for index in gone {
            if !shop.rows.is_empty() {
                shop.rows.remove(index.index(shop.rows.len()));
            }
        }
        if let Some((name, value, window)) = other {
            shop.rows.push(Row("get_historical_trends", vec![], vec![Figure::count(name, value).over(window)]));
        }
        let ended = shop.run(&Planner::new());
        prop_assert_eq!(&ended.findings, &[vec![]], "{:#}", ended.input);
        let again = shop.run(&Planner::new());
        prop_assert_eq!(ended.input.to_string(), again.input.to_string(), "byte for byte");
    }
}
