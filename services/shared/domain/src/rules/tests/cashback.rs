//! Cashback by a shop's rule: worked examples K1 to K9 of the loyalty reference, and what refunds leave.

use proptest::prelude::*;

use crate::cashback::{BPS_MAX, Earning, OrderLine};
use crate::money::{Currency, Money};
use crate::rules::{
    Base, CashbackRule, OrderFacts, PaidPart, RuleLine, TaxIncluded, WhyNoCashback, refund_share,
};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn rule(text: &str) -> CashbackRule {
    CashbackRule::parse(text).unwrap()
}

fn goods(price_minor: i64) -> RuleLine<'static> {
    let amounts = OrderLine { price_minor, quantity: 1, ..OrderLine::default() };
    RuleLine { amounts, ..RuleLine::default() }
}

fn order<'a>(lines: &'a [RuleLine<'a>]) -> OrderFacts<'a> {
    OrderFacts {
        lines,
        tags: &[],
        source: Some("web"),
        currency: currency("USD"),
        shop_currency: currency("USD"),
        total_minor: lines.iter().map(|line| line.amounts.price_minor * line.amounts.quantity).sum(),
        paid_by_store_credit_minor: 0,
        paid_by_gift_card_minor: 0,
        test: false,
        created_at: "2026-06-01T00:00:00Z".parse().unwrap(),
    }
}

fn earned(base_minor: i64, rate_bps: i32) -> i64 {
    Earning { base_minor, refunded_minor: 0, rate_bps, void: false }.target_minor()
}

/// K1 to K9: what is not a line (shipping, tip, tax on top) is not there to be counted.
#[test]
fn worked_examples_by_the_default_rule() {
    let rule = CashbackRule::default();
    let rate = rule.rate_bps(Some("gold"), Some(500));
    let check = |order: OrderFacts<'_>, base: i64, cashback: i64| {
        let got = rule.base(&order);
        assert_eq!((got.base_minor, earned(got.base_minor, rate)), (base, cashback));
        assert_eq!(got.why_not.is_some(), base == 0);
    };
    let mut line = goods(10_000);
    line.amounts.discounts_minor = 1500;
    let lines = [line];
    let k1 = OrderFacts { total_minor: 10_400, ..order(&lines) };
    check(k1, 8500, 425);
    check(OrderFacts { paid_by_store_credit_minor: 5000, ..k1 }, 3500, 175);
    check(OrderFacts { paid_by_gift_card_minor: 5000, ..k1 }, 3500, 175);
    let mut card = goods(5000);
    card.amounts.gift_card = true;
    check(order(&[goods(4000), card]), 4000, 200);
    for (base, cashback) in [(3350, 167), (2350, 117), (50, 2), (15, 0)] {
        check(order(&[goods(base)]), base, cashback);
    }
    for (code, text, base, cashback) in [("JPY", "1980", 1980, 99), ("KWD", "12.345", 12_345, 617)] {
        let currency = currency(code);
        let price = Money::parse(text, currency).unwrap().amount_minor;
        check(OrderFacts { currency, shop_currency: currency, ..order(&[goods(price)]) }, base, cashback);
    }
    assert!(Money::parse("12.345", currency("USD")).is_err());
    let euros = [goods(4000)];
    let abroad = OrderFacts { currency: currency("EUR"), ..order(&euros) };
    let nothing = Base { base_minor: 0, why_not: Some(WhyNoCashback::OtherCurrency) };
    assert_eq!(rule.base(&abroad), nothing);
}

#[test]
fn each_reason_for_nothing_is_told() {
    let strict = rule(
        r#"{"excluded":{"product_ids":["71"],"skus":["Member-1"],"vendors":["Acme"],"order_tags":["Staff"],"order_sources":["pos"]},
            "credit_paid":"nothing_if_any","gift_card_paid":"nothing_if_any","orders_from":"2026-06-01T00:00:00Z","minimum_base_minor":1000}"#,
    );
    let lines = [goods(1000)];
    let fine = order(&lines);
    assert_eq!(strict.base(&fine), Base { base_minor: 1000, why_not: None });
    let early = "2026-05-31T23:59:59Z".parse().unwrap();
    for (order, why_not) in [
        (OrderFacts { test: true, ..fine }, WhyNoCashback::Test),
        (OrderFacts { currency: currency("EUR"), ..fine }, WhyNoCashback::OtherCurrency),
        (OrderFacts { created_at: early, ..fine }, WhyNoCashback::TooEarly),
        (OrderFacts { tags: &["new", " staff "], ..fine }, WhyNoCashback::Tag),
        (OrderFacts { source: Some("POS"), ..fine }, WhyNoCashback::Source),
        (OrderFacts { lines: &[], ..fine }, WhyNoCashback::NoLines),
        (
            OrderFacts { lines: &[RuleLine { product_id: Some("71"), ..lines[0] }], ..fine },
            WhyNoCashback::NoLines,
        ),
        (
            OrderFacts { lines: &[RuleLine { sku: Some("member-1 "), ..lines[0] }], ..fine },
            WhyNoCashback::NoLines,
        ),
        (
            OrderFacts { lines: &[RuleLine { vendor: Some("ACME"), ..lines[0] }], ..fine },
            WhyNoCashback::NoLines,
        ),
        (OrderFacts { paid_by_store_credit_minor: 1, ..fine }, WhyNoCashback::StoreCredit),
        (OrderFacts { paid_by_gift_card_minor: 1, ..fine }, WhyNoCashback::GiftCard),
        (OrderFacts { lines: &[goods(999)], ..fine }, WhyNoCashback::BelowMinimum(1000)),
    ] {
        let got = strict.base(&order);
        assert_eq!(got, Base { base_minor: 0, why_not: Some(why_not) });
        assert!(!why_not.to_string().is_empty());
    }
    let paid = OrderFacts { paid_by_store_credit_minor: 400, paid_by_gift_card_minor: 600, ..fine };
    assert_eq!(CashbackRule::default().base(&paid).why_not, Some(WhyNoCashback::AllPaid));
    let least = WhyNoCashback::BelowMinimum(1000).to_string();
    assert_eq!(least, "what would earn is below the least of 1000 minor units");
}

/// The paid part in each way, alone and mixed; tax inside the price.
#[test]
fn what_was_paid_with_credit_is_as_the_shop_chooses() {
    let lines = [goods(10_000)];
    // 2000 of shipping: 5000 of 12000 were paid with credit.
    let paid = OrderFacts { total_minor: 12_000, paid_by_store_credit_minor: 5000, ..order(&lines) };
    for (how, base) in [("subtract", 5000), ("proportional", 5833), ("nothing_if_any", 0), ("ignore", 10_000)]
    {
        let rule = rule(&format!(r#"{{"credit_paid":"{how}"}}"#));
        assert_eq!(rule.base(&paid).base_minor, base, "{how}");
    }
    let both = OrderFacts { paid_by_gift_card_minor: 1000, ..paid };
    let share = rule(r#"{"credit_paid":"proportional","gift_card_paid":"proportional"}"#);
    assert_eq!(share.base(&both).base_minor, 5000);
    // The share first, and the gift card off it.
    assert_eq!(rule(r#"{"credit_paid":"proportional"}"#).base(&both).base_minor, 4833);
    // More paid than there is, and no total.
    let odd = OrderFacts { total_minor: 0, ..both };
    assert_eq!(share.base(&odd).why_not, Some(WhyNoCashback::AllPaid));
    let mut taxed = goods(595);
    taxed.amounts.tax_included_minor = 95;
    let taxed = [taxed];
    assert_eq!(CashbackRule::default().base(&order(&taxed)).base_minor, 500);
    assert_eq!(rule(r#"{"tax_included":"count"}"#).base(&order(&taxed)).base_minor, 595);
}

#[test]
fn a_rate_is_the_rules_or_the_tiers_own() {
    let own = CashbackRule::default();
    assert_eq!(own.rate_bps(Some("gold"), Some(500)), 500);
    assert_eq!((own.rate_bps(None, None), own.rate_bps(Some("gold"), None)), (0, 0));
    let named = rule(r#"{"rates":{"gold":700,"bronze":0}}"#);
    assert_eq!(named.rate_bps(Some("gold"), Some(500)), 700);
    assert_eq!(named.rate_bps(Some("bronze"), Some(500)), 0);
    assert_eq!(named.rate_bps(Some("silver"), Some(300)), 300);
    assert_eq!(named.rate_bps(None, Some(20_000)), BPS_MAX);
}

#[test]
fn money_alone_takes_its_share() {
    for (refunded, total, base, share) in [
        (0, 12_000, 8500, 0),
        (1000, 12_000, 8500, 708),
        (12_000, 12_000, 8500, 8500),
        (13_000, 12_000, 8500, 8500),
        (-5, 12_000, 8500, 0),
        (1, 0, 8500, 8500),
        (i64::MAX, i64::MAX, i64::MAX, i64::MAX),
    ] {
        assert_eq!(refund_share(refunded, total, base), share);
    }
}

fn part() -> impl Strategy<Value = PaidPart> {
    prop::sample::select(vec![
        PaidPart::Subtract,
        PaidPart::Proportional,
        PaidPart::NothingIfAny,
        PaidPart::Ignore,
    ])
}

fn line() -> impl Strategy<Value = RuleLine<'static>> {
    (0..100_000_i64, 1..6_i64, 0..50_000_i64, 0..9_000_i64, any::<bool>()).prop_map(
        |(price_minor, quantity, discounts_minor, tax_included_minor, own)| RuleLine {
            amounts: OrderLine {
                price_minor,
                quantity,
                discounts_minor,
                tax_included_minor,
                ..OrderLine::default()
            },
            vendor: own.then_some("Own"),
            ..RuleLine::default()
        },
    )
}

proptest! {
    /// Whatever the rule and however the refund of all lines is split: nothing is left of the cashback, no
    /// step raises it, and none makes it negative.
    #[test]
    fn a_full_refund_leaves_nothing(
        lines in prop::collection::vec(line(), 1..8), credit_paid in part(), gift_card_paid in part(),
        paid in (0..400_000_i64, 0..400_000_i64), shipping in 0..5_000_i64, rate_bps in 0..=BPS_MAX,
        count_tax in any::<bool>(), minimum_base_minor in 0..50_000_i64,
    ) {
        let mut rule = rule(r#"{"excluded":{"vendors":["own"]}}"#);
        (rule.credit_paid, rule.gift_card_paid) = (credit_paid, gift_card_paid);
        rule.minimum_base_minor = minimum_base_minor;
        if count_tax {
            rule.tax_included = TaxIncluded::Count;
        }
        let facts = order(&lines);
        let facts = OrderFacts {
            total_minor: facts.total_minor + shipping, paid_by_store_credit_minor: paid.0,
            paid_by_gift_card_minor: paid.1, ..facts
        };
        let base = rule.base(&facts);
        prop_assert!(base.base_minor >= 0 && base.base_minor <= rule.lines_minor(&lines));
        prop_assert_eq!(base.why_not.is_some(), base.base_minor == 0);
        let mut earning = Earning { base_minor: base.base_minor, refunded_minor: 0, rate_bps, void: false };
        let mut before = earning.target_minor();
        for line in &lines {
            earning.refunded_minor += rule.refund_base(&facts, &[*line]);
            let target = earning.target_minor();
            prop_assert!((0..=before).contains(&target));
            before = target;
        }
        prop_assert_eq!(before, 0);
        let whole = Earning { refunded_minor: rule.refund_base(&facts, &lines), ..earning };
        prop_assert_eq!(whole.target_minor(), 0);
    }

    /// Money alone: never negative, never more than the base, never less for more, all of it for all.
    #[test]
    fn shares_of_money_stay_within_the_base(
        total in 0..1_000_000_000_000_i64, base in 0..1_000_000_000_000_i64, refunds in prop::collection::vec(0..1_000_000_000_000_i64, 0..9),
    ) {
        let (mut refunded, mut before) = (0, 0);
        for refund in refunds {
            refunded += refund;
            let share = refund_share(refunded, total, base);
            prop_assert!((before..=base).contains(&share));
            before = share;
        }
        prop_assert_eq!(refund_share(total.max(1), total, base), base);
    }

    /// The largest numbers are no matter.
    #[test]
    fn nothing_overflows(price in any::<i64>(), quantity in any::<i64>(), paid in any::<i64>(), total in any::<i64>(), how in part()) {
        let mut line = goods(price);
        line.amounts.quantity = quantity;
        let lines = [line, line];
        let mut rule = CashbackRule::default();
        (rule.credit_paid, rule.gift_card_paid) = (how, PaidPart::Proportional);
        let facts = OrderFacts {
            total_minor: total, paid_by_store_credit_minor: paid, paid_by_gift_card_minor: paid, ..order(&[])
        };
        let facts = OrderFacts { lines: &lines, ..facts };
        prop_assert!(rule.base(&facts).base_minor >= 0 && rule.refund_base(&facts, &lines) >= 0);
    }
}
