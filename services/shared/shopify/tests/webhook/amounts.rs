//! What the index expects of orders, refunds and payments.

use serde_json::{Value, json};
use tradeup_shopify::webhook::{
    CreditPaid, FinancialStatus, Means, Order, PaymentKind, PaymentStatus, Refund, RefundMoney, Transaction,
    WebhookError, paid_with_credit,
};

use crate::samples::{self, order, refund};

/// A sample's body with one change.
fn changed(file: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&samples::body(file)).unwrap();
    change(&mut body);
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn orders_earn_what_the_index_expects() {
    let mut checked = 0;
    for sample in samples::all().iter().filter(|sample| sample.topic.starts_with("orders/")) {
        let names = ["eligible_shop_minor", "eligible_if_all_counted_minor"];
        let Some(eligible) = names.into_iter().find_map(|name| sample.expected(name)) else { continue };
        let order = Order::decode(&sample.body).unwrap();
        assert_eq!(order.base_minor(|_line| false), eligible, "{}", sample.file);
        assert_eq!(order.base_minor(|_line| true), 0);
        if let Some(code) = sample.expect["currency"].as_str() {
            assert_eq!(order.currency.code(), code);
            assert_eq!(
                sample.expected("exponent").unwrap_or(i64::from(order.currency.exponent())),
                i64::from(order.currency.exponent())
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn refunds_take_back_what_the_index_expects() {
    let mut checked = 0;
    for sample in samples::all().iter().filter(|sample| sample.topic == "refunds/create") {
        let refund = Refund::decode(&sample.body).unwrap();
        if let Some(base) = sample.expected("clawback_base_minor") {
            assert_eq!(refund.eligible_minor(false, |_line| false), base, "{}", sample.file);
            assert_eq!(refund.eligible_minor(true, |_line| true), 0);
            checked += 1;
        }
        if let Some(refunded) = sample.expected("refunded_minor") {
            assert_eq!(refund.moved_minor(), Some(refunded), "{}", sample.file);
            checked += 1;
        }
        if let Some(code) = sample.expect["currency"].as_str() {
            assert_eq!(refund.currency.unwrap().code(), code);
        }
    }
    assert_eq!(checked, 11);
    for (file, base) in [("orders-cancelled-refunded.json", 7_500), ("orders-cancelled-unpaid.json", 0)] {
        let order = order(file);
        assert!(order.cancelled_at.is_some());
        let of = |refund: &Refund| refund.eligible_minor(order.taxes_included, |_line| false);
        assert_eq!(order.refunds.iter().map(of).sum::<i64>(), base, "{file}");
    }
    assert_eq!(order("orders-cancelled-refunded.json").base_minor(|_line| false), 7_500);
}

#[test]
fn a_refund_tells_whether_its_money_moved() {
    for (file, money, moved) in [
        ("refunds-create-line-items.json", RefundMoney::Moved, Some(4_558)),
        ("refunds-create-pending-transaction.json", RefundMoney::Pending, Some(0)),
        ("refunds-create-failed-transaction.json", RefundMoney::Failed, Some(0)),
        ("refunds-create-restock-only.json", RefundMoney::None, Some(0)),
        // Paid back in euros, at a rate of its own.
        ("refunds-create-multicurrency.json", RefundMoney::Moved, None),
        ("refunds-create-to-store-credit.json", RefundMoney::Moved, Some(12_660)),
    ] {
        let refund = refund(file);
        assert_eq!((refund.money(), refund.moved_minor()), (money, moved), "{file}");
    }
    let euros = refund("refunds-create-multicurrency.json").transactions[0].amount.unwrap();
    assert_eq!(euros.to_string(), "23.03 EUR");
    let back = refund("refunds-create-to-store-credit.json");
    let credit = back.transactions.iter().find(|t| t.means == Means::StoreCredit).unwrap();
    assert_eq!((credit.shop_minor(), credit.kind), (Some(5_000), PaymentKind::Refund));
}

#[test]
fn money_without_lines_is_seen() {
    let money = refund("refunds-create-no-line-items.json");
    assert_eq!((money.lines.len(), money.shipping_minor, money.discrepancy_minor), (0, 0, 1_000));
    let shipping = refund("refunds-create-shipping-only.json");
    assert_eq!((shipping.shipping_minor, shipping.discrepancy_minor), (600, 0));
    let less = changed("refunds-create-no-line-items.json", |body| {
        body["order_adjustments"][0]["amount_set"]["shop_money"]["amount"] = json!(10);
    });
    assert_eq!(Refund::decode(&less).unwrap().discrepancy_minor, 0);
    let line = &refund("refunds-create-line-items.json").lines[0];
    assert_eq!((line.line_id.as_str(), line.quantity), ("14200000000001", 1));
    assert_eq!((line.subtotal_minor, line.tax_minor, line.gift_card), (4_320, 238, false));
    assert_eq!((line.product_id.as_deref(), line.sku.as_deref()), (Some("7100200300400"), Some("KET-CU")));
}

#[test]
fn numbers_that_are_no_texts_stay_exact() {
    let plain = changed("refunds-create-kwd.json", |body| {
        body["refund_line_items"][0]["subtotal_set"] = Value::Null;
    });
    assert_eq!(Refund::decode(&plain).unwrap().lines[0].subtotal_minor, 3_375);
    // A float would read both of these as another number, or as the same one.
    let text = String::from_utf8(plain).unwrap();
    for (number, minor) in [("987654321.001", Some(987_654_321_001)), ("3.3750000000000001", None)] {
        let read =
            Refund::decode(text.replace("\"subtotal\":3.375", &format!("\"subtotal\":{number}")).as_bytes());
        assert_eq!(read.ok().map(|refund| refund.lines[0].subtotal_minor), minor, "{number}");
    }
}

#[test]
fn what_was_paid_with_credit_is_summed() {
    let read = |name: &str| {
        Transaction::decode(&samples::body(&format!("order-transactions-create-{name}.json"))).unwrap()
    };
    let mut payments = vec![read("shopify-store-credit"), read("gift-card"), read("shopify-payments")];
    let paid = CreditPaid { store_credit_minor: 5_000, gift_card_minor: 3_000 };
    assert_eq!(paid_with_credit(&payments), Some(paid));
    assert_eq!(payments[0].order_id, Some(order("orders-paid-store-credit-and-gift-card.json").id));
    payments[1].status = PaymentStatus::Failure;
    assert_eq!(paid_with_credit(&payments).unwrap().gift_card_minor, 0);
    payments[0].shop_currency = "EUR".parse().ok();
    assert_eq!(paid_with_credit(&payments), None, "in another currency the sum is not known");
}

#[test]
fn tax_inside_the_prices_earns_nothing() {
    let taxed = changed("orders-paid-jpy.json", |body| {
        body["line_items"][0]["tax_lines"] = json!([{ "price": "1163" }]);
    });
    assert_eq!(Order::decode(&taxed).unwrap().base_minor(|_line| false), 16_100 - 1_163);
    let on_top = changed("orders-paid.json", |body| body["taxes_included"] = json!(false));
    assert_eq!(Order::decode(&on_top).unwrap().base_minor(|_line| false), 9_765);
    let back = changed("refunds-create-jpy.json", |body| {
        body["refund_line_items"][0]["total_tax_set"]["shop_money"]["amount"] = json!("150");
    });
    let back = Refund::decode(&back).unwrap();
    assert_eq!(back.eligible_minor(true, |_line| false), 1_500);
    assert_eq!(back.eligible_minor(false, |_line| false), 1_650);
}

#[test]
fn edits_and_refunds_are_told_apart() {
    let edited = order("orders-updated-after-edit.json");
    assert_eq!((edited.outstanding_minor, edited.total_minor), (1_813, 10_902));
    assert_eq!(edited.financial_status, FinancialStatus::PartiallyPaid);
    let refunded = order("orders-updated-partially-refunded.json");
    let kettle = &refunded.lines[0];
    assert_eq!((kettle.current_quantity, kettle.refunded_quantity), (Some(1), 1));
    // The order still earns as ordered; the refund takes its part back.
    assert_eq!(refunded.base_minor(|_line| false), 9_765);
    assert_eq!(refunded.refunds[0].eligible_minor(false, |_line| false), 4_320);
}

#[test]
fn amounts_of_two_currencies_are_not_mixed() {
    let mixed = changed("orders-paid.json", |body| {
        body["line_items"][1]["price_set"]["shop_money"]["currency_code"] = json!("EUR");
    });
    let error = Order::decode(&mixed).unwrap_err();
    let WebhookError::Field { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, "line_items[1].price_set.shop_money.currency_code");
    for (wrong, path) in [
        (json!("12.505"), "line_items[1].price_set.shop_money.amount"),
        (json!("-1"), "line_items[1].price"),
        (json!([]), "line_items[1].price_set.shop_money.amount"),
    ] {
        let body = changed("orders-paid.json", |body| {
            body["line_items"][1]["price_set"]["shop_money"]["amount"] = wrong;
        });
        let error = Order::decode(&body).unwrap_err().to_string();
        assert!(error.contains(&format!("path {path} of")), "{error}");
    }
}
