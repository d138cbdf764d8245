//! What a node becomes, against what the webhook's own body says.

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::webhook::{Fulfilment, Order, PaymentKind, PaymentStatus, RefundMoney};

fn money(amount: &str, code: &str) -> Value {
    json!({ "shopMoney": { "amount": amount, "currencyCode": code } })
}

fn page(nodes: &Value) -> Value {
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

/// A line of an order, as the Admin API writes it.
fn line(id: &str, quantity: i64, price: &str, discount: &str, tax: &str, code: &str) -> Value {
    json!({
        "id": format!("gid://shopify/LineItem/{id}"), "quantity": quantity, "currentQuantity": quantity,
        "sku": "KET-CU", "vendor": "Den", "isGiftCard": false, "requiresShipping": true,
        "product": { "id": "gid://shopify/Product/922337203685477002" }, "variant": null,
        "originalUnitPriceSet": money(price, code),
        "discountAllocations": [{ "allocatedAmountSet": money(discount, code) }],
        "taxLines": [{ "priceSet": money(tax, code) }],
    })
}

fn order(lines: &Value, refunds: &Value, total: &str, code: &str) -> Value {
    json!({
        "id": "gid://shopify/Order/922337203685477001", "name": "#1042", "email": "alma@example.com",
        "phone": null, "customerLocale": "fr-FR", "currencyCode": code, "test": false, "confirmed": true,
        "displayFinancialStatus": "PARTIALLY_REFUNDED", "displayFulfillmentStatus": "FULFILLED",
        "cancelledAt": null, "createdAt": "2026-11-20T15:15:27Z", "processedAt": "2026-11-20T15:15:27Z",
        "updatedAt": "2026-11-21T14:00:04Z", "taxesIncluded": true, "paymentGatewayNames": ["gift_card"],
        "tags": ["trade-in", "VIP"], "sourceName": "web", "totalPriceSet": money(total, code),
        "totalOutstandingSet": money("-1.0", code), "shippingAddress": null,
        "billingAddress": { "countryCodeV2": "FR" },
        "customer": {
            "id": "gid://shopify/Customer/7", "firstName": "Alma", "lastName": null,
            "defaultEmailAddress": null, "defaultPhoneNumber": { "phoneNumber": "+15550100" },
            "defaultAddress": { "countryCodeV2": "US" },
        },
        "fulfillments": [{ "status": "SUCCESS", "createdAt": "2026-11-22T13:00:00Z" }],
        "lineItems": page(lines),
        "refunds": refunds,
    })
}

fn refund() -> Value {
    let sold = json!({ "id": "gid://shopify/LineItem/1", "sku": null, "vendor": "Den", "isGiftCard": false,
        "product": null, "variant": null });
    let paid = json!({ "presentmentMoney": { "amount": "9.5", "currencyCode": "EUR" } });
    json!({
        "id": "gid://shopify/Refund/9", "createdAt": "2026-11-22T13:30:00Z",
        "processedAt": "2026-11-22T13:31:00Z",
        "refundLineItems": page(&json!([{ "quantity": 1, "subtotalSet": money("10.0", "USD"),
            "totalTaxSet": money("0.5", "USD"), "lineItem": sold }])),
        "refundShippingLines": page(&json!([{ "subtotalAmountSet": money("6.0", "USD") }])),
        "orderAdjustments": page(&json!([{ "reason": "DAMAGE", "amountSet": money("-2.25", "USD") },
            { "reason": null, "amountSet": money("-6.0", "USD") }])),
        "transactions": page(&json!([{ "id": "gid://shopify/OrderTransaction/3", "kind": "REFUND",
            "status": "AWAITING_RESPONSE", "gateway": "shopify_payments", "test": false,
            "createdAt": null, "processedAt": "2026-11-22T13:32:00Z", "amountSet": paid,
            "parentTransaction": { "id": "gid://shopify/OrderTransaction/2" } }])),
    })
}

#[test]
fn an_order_says_all_that_its_webhook_would() {
    let lines = json!([line("1", 2, "48.0", "9.6", "4.75", "USD")]);
    let listed = whole::order(&order(&lines, &json!([refund()]), "109.02", "USD")).unwrap();
    assert_eq!(listed.id, "922337203685477001");
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(listed.updated_at, at("2026-11-21T14:00:04Z"));
    let order = Order::decode(&listed.body).unwrap();
    assert_eq!((order.id.as_str(), order.name.as_deref()), ("922337203685477001", Some("#1042")));
    assert_eq!((order.total_minor, order.outstanding_minor), (10_902, -100));
    assert_eq!((order.tags.len(), order.gateways.as_slice()), (2, ["gift_card".to_owned()].as_slice()));
    assert_eq!((order.country.as_deref(), order.source_name.as_deref()), (Some("FR"), Some("web")));
    let sent = Fulfilment { fulfilled: true, at: Some(at("2026-11-22T13:00:00Z")) };
    assert_eq!(order.fulfilment, sent);
    let customer = order.customer.unwrap();
    // The order's address stands in where the customer has none.
    assert_eq!(customer.email.unwrap().as_str(), "alma@example.com");
    assert_eq!((customer.id.as_str(), customer.locale.as_deref()), ("7", Some("fr-FR")));
    let line = &order.lines[0];
    assert_eq!((line.price_minor, line.discounts_minor, line.tax_included_minor), (4_800, 960, 475));
    assert_eq!(line.product_id.as_deref(), Some("922337203685477002"));
    assert_eq!((line.variant_id.as_deref(), line.refunded_quantity), (None, 1));
    let refund = &order.refunds[0];
    assert_eq!((refund.shipping_minor, refund.discrepancy_minor), (600, 225));
    assert_eq!(
        (refund.order_id.as_deref(), refund.at),
        (Some("922337203685477001"), at("2026-11-22T13:31:00Z"))
    );
    assert_eq!((refund.lines[0].subtotal_minor, refund.lines[0].tax_minor), (1_000, 50));
    assert_eq!(refund.lines[0].sku.as_deref(), Some("KET-CU"));
    let payment = &refund.transactions[0];
    // Neither done nor failed, and in the buyer's currency.
    assert_eq!((payment.kind, payment.status), (PaymentKind::Refund, PaymentStatus::Other));
    assert_eq!((refund.money(), payment.shop_minor()), (RefundMoney::Pending, None));
    assert_eq!(payment.amount.unwrap().amount_minor, 950);
    assert_eq!(payment.parent_id.as_deref(), Some("2"));
}

#[test]
fn guests_and_what_is_not_told_are_absent() {
    let mut node = order(&json!([]), &json!([]), "0.0", "JPY");
    for gone in ["customer", "email", "billingAddress", "displayFinancialStatus", "sourceName", "processedAt"]
    {
        node[gone] = Value::Null;
    }
    node["totalOutstandingSet"] = money("0.0", "JPY");
    node["displayFulfillmentStatus"] = json!("PARTIALLY_FULFILLED");
    let order = Order::decode(&whole::order(&node).unwrap().body).unwrap();
    assert!(order.customer.is_none() && order.country.is_none() && order.processed_at.is_none());
    assert!(!order.fulfilment.fulfilled && !order.financial_status.was_paid());
}

#[test]
fn what_is_not_as_expected_is_told_by_its_place_alone() {
    let whole = order(&json!([line("1", 2, "48.0", "9.6", "4.75", "USD")]), &json!([]), "1.0", "USD");
    for (place, value, path) in [
        ("/name", json!({ "secret": "Alma" }), "name"),
        ("/updatedAt", json!("Alma"), "updatedAt"),
        ("/lineItems/nodes/0/quantity", json!("Alma"), "lineItems.nodes[0].quantity"),
        ("/customer/firstName", json!(["Alma"]), "customer.firstName"),
    ] {
        let mut node = whole.clone();
        *node.pointer_mut(place).unwrap() = value;
        let why = whole::order(&node).unwrap_err();
        assert_eq!(why, NotListed::Shape { path: path.to_owned() });
        assert!(!ShopifyError::from(why).to_string().contains("Alma"));
    }
}

#[test]
fn a_search_holds_rather_more_than_less() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(changed(at("2026-11-20T10:00:00.900Z"), None), "updated_at:>='2026-11-20T10:00:00Z'");
    assert_eq!(
        changed(at("2026-11-20T10:00:00Z"), Some(at("2026-11-20T11:00:00.001Z"))),
        "updated_at:>='2026-11-20T10:00:00Z' AND updated_at:<'2026-11-20T11:00:01Z'"
    );
}

#[test]
fn documents_are_whole() {
    for operation in Operation::ALL {
        let document = operation.document();
        assert_eq!(document.matches('{').count(), document.matches('}').count(), "{document}");
        assert!(document.contains(operation.root()), "{document}");
    }
}

/// An amount as GraphQL trims it and as a webhook pads it.
fn texts(minor: i64, code: &str) -> (String, String) {
    let money = tradeup_domain::Money { amount_minor: minor, currency: code.parse().unwrap() };
    let padded = crate::decimal::amount_text(money);
    let trimmed = match padded.split_once('.') {
        None => format!("{padded}.0"),
        Some((whole, decimals)) => match decimals.trim_end_matches('0') {
            "" => format!("{whole}.0"),
            rest => format!("{whole}.{rest}"),
        },
    };
    (trimmed, padded)
}

proptest! {
    /// Whatever the amounts and currencies, both shapes say the same.
    #[test]
    fn amounts_are_those_of_the_webhook(
        price in 0..100_000_000_i64,
        discount in 0..1_000_000_i64,
        tax in 0..1_000_000_i64,
        quantity in 0..1_000_i64,
        code in prop::sample::select(vec!["USD", "JPY", "KWD"]),
    ) {
        let [(price, price_padded), (discount, discount_padded), (tax, tax_padded)] =
            [price, discount, tax].map(|minor| texts(minor, code));
        let lines = json!([line("1", quantity, &price, &discount, &tax, code)]);
        let mut node = order(&lines, &json!([]), &price, code);
        node["totalOutstandingSet"] = money("0.0", code);
        let listed = whole::order(&node).unwrap();
        let mut webhook: Value = serde_json::from_slice(&listed.body).unwrap();
        webhook["total_price_set"] = Value::Null;
        webhook["total_price"] = json!(price_padded);
        webhook["line_items"][0]["price_set"] = Value::Null;
        webhook["line_items"][0]["price"] = json!(price_padded);
        webhook["line_items"][0]["discount_allocations"] = json!([{ "amount": discount_padded }]);
        webhook["line_items"][0]["tax_lines"] = json!([{ "price": tax_padded }]);
        let expected = Order::decode(webhook.to_string().as_bytes()).unwrap();
        prop_assert_eq!(Order::decode(&listed.body).unwrap(), expected);
    }
}
