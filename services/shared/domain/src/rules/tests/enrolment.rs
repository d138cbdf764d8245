//! Who becomes a member, why others don't, and which memberships an order buys.

use proptest::prelude::*;

use crate::handle::Handle;
use crate::rules::{
    Bought, BoughtLine, CustomerFact, CustomerFacts, Enrolment, EnrolmentRule, Occasion, Standing,
    WhyNotEnrolled, membership_until,
};

fn rule(text: &str) -> EnrolmentRule {
    EnrolmentRule::parse(text).unwrap()
}

fn strict() -> EnrolmentRule {
    rule(
        r#"{"enrol_on":["customer_created","order_paid"],
            "all_of":{"tags_any":["VIP"],"tags_none":["wholesale","staff"],"marketing_consent":true,"minimum_spend_minor":1000,"countries":["US","CA"]},
            "tier":"silver","tags_place":true,"welcome":{"amount_minor":500,"validity":"P3M"}}"#,
    )
}

const GOOD: CustomerFacts<'static> = CustomerFacts {
    tags: Some(&["new", " vip"]),
    tier_by_tags: None,
    marketing_consent: Some(true),
    spend_minor: Some(1000),
    country: Some("us"),
    buys_membership: false,
};

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

#[test]
fn who_buys_a_membership_is_a_member_whatever_is_asked_of_others() {
    let (rule, buys) = (strict(), CustomerFacts { buys_membership: true, ..CustomerFacts::default() });
    let decided = rule.decide(Occasion::OrderPaid, &buys, None);
    assert_eq!(decided, Enrolment::Enrol { tier: None, welcome: rule.welcome });
    for (already, said) in
        [(Standing::Active, Enrolment::AlreadyMember), (Standing::Redacted, Enrolment::NeverAgain)]
    {
        assert_eq!(rule.decide(Occasion::OrderPaid, &buys, Some(already)), said);
    }
}

#[test]
fn who_meets_all_conditions_becomes_a_member() {
    let rule = strict();
    let enrolled = |rule: &EnrolmentRule, facts| match rule.decide(Occasion::CustomerCreated, &facts, None) {
        Enrolment::Enrol { tier, welcome } => (tier, welcome.map(|welcome| welcome.amount_minor)),
        other => panic!("{other:?}"),
    };
    assert_eq!(enrolled(&rule, GOOD), (Some(handle("silver")), Some(500)));
    let gold = handle("gold");
    let tagged = CustomerFacts { tier_by_tags: Some(&gold), ..GOOD };
    assert_eq!(enrolled(&rule, tagged).0, Some(gold.clone()));
    let not_by_tags = EnrolmentRule { tags_place: false, ..rule };
    assert_eq!(enrolled(&not_by_tags, tagged).0, Some(handle("silver")));
    // A rule without conditions asks for no facts, and one without a tier or a welcome gives none.
    let open = self::rule(r#"{"enrol_on":["customer_created"]}"#);
    assert_eq!(enrolled(&open, CustomerFacts::default()), (None, None));
}

#[test]
fn each_reason_is_told_and_what_is_not_known_is_no_no() {
    let rule = strict();
    let no = |facts: CustomerFacts<'_>, occasion| match rule.decide(occasion, &facts, None) {
        Enrolment::No(why_not) => why_not,
        other => panic!("{other:?}"),
    };
    for (facts, why_not) in [
        (CustomerFacts { tags: Some(&[]), ..GOOD }, WhyNotEnrolled::NoTag),
        (
            CustomerFacts { tags: Some(&["VIP", "Wholesale"]), ..GOOD },
            WhyNotEnrolled::Tag("wholesale".to_owned()),
        ),
        (CustomerFacts { marketing_consent: Some(false), ..GOOD }, WhyNotEnrolled::NoConsent),
        (CustomerFacts { spend_minor: Some(999), ..GOOD }, WhyNotEnrolled::SpendBelow(1000)),
        (CustomerFacts { country: Some("DE"), ..GOOD }, WhyNotEnrolled::Country),
        (CustomerFacts { tags: None, ..GOOD }, WhyNotEnrolled::CantTell(CustomerFact::Tags)),
        (
            CustomerFacts { marketing_consent: None, ..GOOD },
            WhyNotEnrolled::CantTell(CustomerFact::MarketingConsent),
        ),
        (CustomerFacts { spend_minor: None, ..GOOD }, WhyNotEnrolled::CantTell(CustomerFact::Spend)),
        (CustomerFacts { country: None, ..GOOD }, WhyNotEnrolled::CantTell(CustomerFact::Country)),
    ] {
        assert_eq!(no(facts, Occasion::OrderPaid), std::slice::from_ref(&why_not));
        let words = why_not.to_string();
        assert!(words.contains("customer") && !words.contains("DE"), "{words}");
    }
    for occasion in [Occasion::CustomerUpdated, Occasion::TagsAdded] {
        assert_eq!(no(GOOD, occasion), [WhyNotEnrolled::Occasion(occasion)]);
        assert!(WhyNotEnrolled::Occasion(occasion).to_string().starts_with("the rule does not enrol when "));
    }
    let placed = self::rule(r#"{"enrol_on":["order_paid"],"tags_place":true,"tier":"silver"}"#);
    let says = placed.decide(Occasion::OrderPaid, &CustomerFacts::default(), None);
    assert_eq!(says, Enrolment::No(vec![WhyNotEnrolled::CantTell(CustomerFact::Tags)]));
    // All of them at once.
    let bad = CustomerFacts {
        tags: Some(&["staff", "wholesale"]),
        marketing_consent: Some(false),
        country: None,
        ..GOOD
    };
    assert_eq!(
        no(bad, Occasion::TagsAdded),
        [
            WhyNotEnrolled::Occasion(Occasion::TagsAdded),
            WhyNotEnrolled::NoTag,
            WhyNotEnrolled::Tag("staff".to_owned()),
            WhyNotEnrolled::Tag("wholesale".to_owned()),
            WhyNotEnrolled::NoConsent,
            WhyNotEnrolled::CantTell(CustomerFact::Country),
        ]
    );
    let nobody = EnrolmentRule::default().decide(Occasion::OrderPaid, &GOOD, None);
    assert_eq!(nobody, Enrolment::No(vec![WhyNotEnrolled::Occasion(Occasion::OrderPaid)]));
}

#[test]
fn nobody_is_brought_back_by_a_rule() {
    for (standing, says) in [
        (Standing::Active, Enrolment::AlreadyMember),
        (Standing::Paused, Enrolment::AlreadyMember),
        (Standing::Cancelled, Enrolment::NeverAgain),
        (Standing::Redacted, Enrolment::NeverAgain),
    ] {
        assert_eq!(strict().decide(Occasion::OrderPaid, &GOOD, Some(standing)), says);
    }
}

fn sold() -> EnrolmentRule {
    rule(
        r#"{"memberships":[{"product_id":"71","tier":"silver","months":12},{"variant_id":"72","tier":"gold","months":12},
            {"sku":"Gold-6","tier":"gold","months":6}]}"#,
    )
}

fn rank(tier: &Handle) -> Option<i32> {
    ["gold", "silver"].iter().zip(1..).find(|(name, _)| **name == tier.as_str()).map(|(_, rank)| rank)
}

#[test]
fn memberships_of_an_order_add_up_by_tier_highest_first() {
    let line = BoughtLine { quantity: 1, ..BoughtLine::default() };
    let lines = [
        BoughtLine { product_id: Some("70"), ..line },
        BoughtLine { product_id: Some("71"), quantity: 2, ..line },
        BoughtLine { product_id: Some("75"), variant_id: Some("72"), ..line },
        BoughtLine { sku: Some("gold-6 "), quantity: 3, ..line },
        BoughtLine { sku: Some("Gold-6"), quantity: 0, ..line },
        BoughtLine { sku: Some("Gold-6"), quantity: -1, ..line },
    ];
    let gold = Bought { tier: handle("gold"), months: 30, quantity: 4 };
    let silver = Bought { tier: handle("silver"), months: 24, quantity: 2 };
    assert_eq!(sold().memberships_bought(&lines, rank), [gold.clone(), silver.clone()]);
    let unranked = sold().memberships_bought(&lines, |tier| rank(tier).filter(|rank| *rank > 1));
    assert_eq!(unranked, [silver, gold]);
    assert!(sold().memberships_bought(&lines[..1], rank).is_empty());
    let many = BoughtLine { product_id: Some("71"), quantity: i64::MAX, ..line };
    assert_eq!(sold().memberships_bought(&[many, many], rank)[0].months, 1200);
    assert!(sold().membership_of(&lines[2]).is_some() && sold().membership_of(&lines[0]).is_none());
}

/// Counted from the first day: ends of months clamp and come back, in the shop's zone.
#[test]
fn memberships_end_after_a_day_of_the_shop() {
    let zone = chrono_tz::Tz::America__New_York;
    for (from, months, until) in [
        ("2026-01-15", 12, "2027-01-16T05:00:00Z"),
        ("2024-02-29", 12, "2025-03-01T05:00:00Z"),
        ("2024-02-29", 48, "2028-03-01T05:00:00Z"),
        ("2026-01-31", 1, "2026-03-01T05:00:00Z"),
        ("2026-01-31", 2, "2026-04-01T04:00:00Z"),
    ] {
        let ends = membership_until(from.parse().unwrap(), months, zone).unwrap();
        assert_eq!(ends, until.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "{from} {months}");
    }
    assert_eq!(membership_until(chrono::NaiveDate::MAX, 1, zone), None);
}

proptest! {
    /// No order buys more than it has lines for, each tier comes once, and higher tiers come first.
    #[test]
    fn each_tier_is_bought_once(lines in prop::collection::vec((0..4_usize, -2..5_i64), 0..12)) {
        let of = |(n, quantity): &(usize, i64)| BoughtLine {
            product_id: Some(["70", "71", "70", "70"][*n]),
            variant_id: Some(["1", "1", "72", "1"][*n]),
            sku: Some(["", "", "", "GOLD-6"][*n]),
            quantity: *quantity,
        };
        let order: Vec<BoughtLine<'_>> = lines.iter().map(of).collect();
        let bought = sold().memberships_bought(&order, rank);
        let pieces: i64 = lines.iter().filter(|(n, _)| *n > 0).map(|(_, quantity)| (*quantity).max(0)).sum();
        prop_assert_eq!(bought.iter().map(|bought| bought.quantity).sum::<i64>(), pieces);
        let ranks: Vec<Option<i32>> = bought.iter().map(|bought| rank(&bought.tier)).collect();
        prop_assert!(ranks.windows(2).all(|two| two[0] < two[1]));
    }
}
