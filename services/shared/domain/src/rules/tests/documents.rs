//! What documents may say, and what is told of those that are wrong.

use super::said;
use crate::rules::{CashbackRule, EnrolmentRule, RuleKind, RuleRef, TradeInRule, same_text};

const CASHBACK: &str = r#"{"rates":{"gold":500,"silver":300},
    "excluded":{"product_ids":["71"],"skus":["GIFT-1"],"vendors":["Acme"],"order_tags":["staff"],"order_sources":["pos"]},
    "credit_paid":"proportional","gift_card_paid":"nothing_if_any","tax_included":"count",
    "orders_from":"2026-01-01T00:00:00Z","minimum_base_minor":1000,"days_pending":14}"#;
const ENROLMENT: &str = r#"{"enrol_on":["customer_created","customer_updated","order_paid","tags_added"],
    "all_of":{"tags_any":["VIP"],"tags_none":["wholesale"],"marketing_consent":true,"minimum_spend_minor":5,"countries":["CA","US"]},
    "tier":"silver","tags_place":true,"welcome":{"amount_minor":500,"validity":"P3M"},
    "memberships":[{"product_id":"71","tier":"gold","months":12},{"variant_id":"72","tier":"gold","months":6},{"sku":"M-1","tier":"silver","months":1}]}"#;
const TRADE_IN: &str = r#"{"categories":{"cards":5000},"conditions":{"DMG":{"deduct_minor":300},"NM":{"factor_bps":10000}},
    "bonus":{"kind":"of_price","bps":1000,"validity":"P12M"},"review_above_minor":50000,"quote_valid_days":14,
    "tolerance_bps":500,"currency":"USD"}"#;

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// What is read and written again is the same, for a full document and for the least.
#[test]
fn documents_round_trip() {
    macro_rules! round_trips {
        ($rule:ty, $full:expr, $least:expr) => {
            let rule = <$rule>::parse($full).unwrap();
            let written = serde_json::to_string(&rule).unwrap();
            assert_eq!(value(&written), value($full));
            assert_eq!(<$rule>::parse(&written).unwrap(), rule);
            let least = <$rule>::parse($least).unwrap();
            assert_eq!(<$rule>::parse(&serde_json::to_string(&least).unwrap()).unwrap(), least);
        };
    }
    round_trips!(CashbackRule, CASHBACK, "{}");
    round_trips!(EnrolmentRule, ENROLMENT, "{}");
    round_trips!(
        TradeInRule,
        TRADE_IN,
        r#"{"categories":{"a":1},"conditions":{"b":{"factor_bps":1}},"currency":"JPY","bonus":null}"#
    );
    assert_eq!(CashbackRule::parse("{}").unwrap(), CashbackRule::default());
    assert_eq!(EnrolmentRule::parse("{}").unwrap(), EnrolmentRule::default());
    for (kind, good) in
        [(RuleKind::Cashback, CASHBACK), (RuleKind::Enrolment, ENROLMENT), (RuleKind::TradeIn, TRADE_IN)]
    {
        assert_eq!(kind.check(good), Ok(()));
        assert!(kind.check("[]").is_err());
    }
}

#[test]
fn rules_and_their_versions_have_one_name() {
    for kind in RuleKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        let named = RuleRef { kind, version: 3 };
        assert_eq!(named.to_string().parse(), Ok(named));
    }
    assert_eq!(RuleRef { kind: RuleKind::TradeIn, version: 12 }.to_string(), "trade-in@12");
    assert!("trade_in".parse::<RuleKind>().is_err());
    for bad in ["cashback", "cashback@", "cashback@0", "cashback@-1", "cashback@+1", "cashback@01", "x@1"] {
        assert!(bad.parse::<RuleRef>().is_err(), "{bad}");
    }
}

/// Of a wrong shape the first fault is told.
#[test]
fn a_wrong_shape_names_the_field() {
    for (text, error) in [
        ("{", "the document is no JSON, see line 1, column 1"),
        ("{} x", "the document is no JSON, see line 1, column 4"),
        ("[]", "the document is wrong; give an object"),
        (r#"{"excluded":[]}"#, "field excluded is wrong; give an object"),
        ("7", "the document is wrong; give an object"),
        (
            r#"{"rate":{}}"#,
            "field rate is unknown; there are rates, excluded, credit_paid, gift_card_paid, tax_included, orders_from, minimum_base_minor, days_pending",
        ),
        (
            r#"{"excluded":{"sku.s":[]}}"#,
            "field excluded.sku.s is unknown; there are product_ids, skus, vendors, order_tags, order_sources",
        ),
        (r#"{"rates":{"gold":"5 , expected 7"}}"#, "field rates.gold is wrong; give a whole number"),
        (r#"{"rates":{"gold":5.5}}"#, "field rates.gold is wrong; give a whole number"),
        (r#"{"rates":{"gold":99999999999999999999}}"#, "field rates.gold is wrong; give a whole number"),
        (r#"{"rates":{"gold":1,"gold":2}}"#, "field rates.gold is there twice; give it once"),
        (r#"{"rates":[]}"#, "field rates is wrong; give an object"),
        (r#"{"excluded":{"skus":"ann@example.com"}}"#, "field excluded.skus is wrong; give a list"),
        (r#"{"excluded":{"skus":["a",7]}}"#, "field excluded.skus[1] is wrong; give a text"),
        (
            r#"{"credit_paid":"half"}"#,
            "field credit_paid is wrong; give one of subtract, proportional, nothing_if_any, ignore",
        ),
        (r#"{"days_pending":1,"days_pending":2}"#, "field days_pending is there twice; give it once"),
    ] {
        assert_eq!(said(CashbackRule::parse(text)), [error], "{text}");
    }
    for (text, error) in [
        (r#"{"memberships":[{"sku":"a","months":1}]}"#, "field memberships[0].tier is missing; give it"),
        (
            r#"{"all_of":{"marketing_consent":"yes"}}"#,
            "field all_of.marketing_consent is wrong; give true or false",
        ),
        (
            r#"{"enrol_on":["birthday"]}"#,
            "field enrol_on[0] is wrong; give one of customer_created, customer_updated, order_paid, tags_added",
        ),
        (r#"{"welcome":{"amount":5}}"#, "field welcome.amount is unknown; there are amount_minor, validity"),
    ] {
        assert_eq!(said(EnrolmentRule::parse(text)), [error], "{text}");
    }
    let long = format!("{{{}}}", " ".repeat(300_000));
    assert_eq!(
        said(CashbackRule::parse(&long)),
        ["the document is longer than 262144 bytes; give a shorter one"]
    );
}

/// Of a right shape all faults are told at once, without what was given.
#[test]
fn all_that_is_wrong_is_told_at_once() {
    let read = CashbackRule::parse(
        r#"{"rates":{"gold":10001,"silver":-1,"No Handle":5},"excluded":{"skus":["a","","a"]},
            "orders_from":"yesterday","minimum_base_minor":-1,"days_pending":366}"#,
    );
    let texts = "is empty, too long or has control characters; give 1 to 255 characters";
    assert_eq!(
        said(read),
        [
            "field rates.No Handle is no handle; give 1 to 63 characters a-z, 0-9 and '-', with a letter or digit at both ends",
            "field rates.gold is above 10000 basis points (the whole of it); give 0 to 10000",
            "field rates.silver is below 0 basis points; give 0 to 10000",
            &format!("field excluded.skus[1] {texts}"),
            "field excluded.skus[2] is there twice; give it once",
            "field orders_from is no instant; write it like 2026-01-01T00:00:00Z, or leave it out",
            "field minimum_base_minor is no amount; give 0 to 1000000000000 minor units",
            "field days_pending is out of range; give 0 to 365 days",
        ]
    );
    let read = EnrolmentRule::parse(
        r#"{"all_of":{"tags_any":["VIP"],"tags_none":["vip "],"minimum_spend_minor":-1,"countries":["us"]},
            "tier":"-","welcome":{"amount_minor":0,"validity":"3 months"},
            "memberships":[{"tier":"gold","months":0},{"sku":"a","variant_id":"b","tier":"gold","months":1},
                {"sku":"M1","tier":"gold","months":1},{"sku":" m1","tier":"silver","months":1201}]}"#,
    );
    let fields: Vec<String> = read.unwrap_err().into_iter().map(|error| error.path).collect();
    assert_eq!(
        fields,
        [
            "all_of.countries",
            "all_of.tags_none",
            "all_of.minimum_spend_minor",
            "tier",
            "welcome.amount_minor",
            "welcome.validity",
            "memberships[0].months",
            "memberships[0]",
            "memberships[1]",
            "memberships[3].months",
            "memberships[3]",
        ]
    );
    let read = TradeInRule::parse(
        r#"{"categories":{"cards":-5},"conditions":{"N M":{"factor_bps":20000},"X":{},"Y":{"factor_bps":1,"deduct_minor":1},"Z":{"deduct_minor":-1}},
            "bonus":{"kind":"multiplier","bps":10001,"validity":"x"},"review_above_minor":-1,"quote_valid_days":0,"tolerance_bps":-1,"currency":"usd"}"#,
    );
    let fields: Vec<String> = read.unwrap_err().into_iter().map(|error| error.path).collect();
    assert_eq!(
        fields,
        [
            "conditions",
            "categories.cards",
            "conditions.N M.factor_bps",
            "conditions.X",
            "conditions.Y",
            "conditions.Z.deduct_minor",
            "bonus.bps",
            "bonus.validity",
            "review_above_minor",
            "quote_valid_days",
            "tolerance_bps",
            "currency",
        ]
    );
    let empty = TradeInRule::parse(r#"{"categories":{},"conditions":{},"currency":"USD"}"#);
    assert_eq!(
        said(empty),
        ["field categories is empty; give at least one", "field conditions is empty; give at least one"]
    );
}

/// Names that the shop chose are cut and kept on one line where an error repeats them.
#[test]
fn names_in_errors_are_short_and_on_one_line() {
    let long = "x".repeat(1000);
    for text in [
        format!(r#"{{"rates":{{"a\nb{long}":-1}}}}"#),
        format!(r#"{{"rates":{{"a\nb{long}":"x"}}}}"#),
        format!(r#"{{"a\nb{long}":-1}}"#),
    ] {
        for error in said(CashbackRule::parse(&text)) {
            assert!(error.len() < 240 && error.contains("a\u{fffd}b") && !error.contains('\n'), "{error}");
        }
    }
}

#[test]
fn texts_are_the_same_to_a_shop() {
    for (a, b) in [("VIP", " vip "), ("Straße", "STRAßE"), ("ΟΔΟΣ", "οδος"), ("", " ")] {
        assert!(same_text(a, b), "{a}");
        assert_eq!(a.trim().to_lowercase(), b.trim().to_lowercase());
    }
    assert!(!same_text("vip", "v i p") && !same_text("vip", "vi") && !same_text("", "v"));
}

#[test]
fn lists_have_an_end() {
    let many: Vec<String> = (0..1_001).map(|n| format!("\"{n}\"")).collect();
    let text = format!(r#"{{"excluded":{{"vendors":[{}]}}}}"#, many.join(","));
    assert_eq!(
        said(CashbackRule::parse(&text)),
        ["field excluded.vendors has more than 1000 entries; give fewer"]
    );
}
