//! Orders of a shop earn once, whatever tells of them and in which order.

use serde_json::json;

use super::told;

/// Sample 1042: 97.65 of goods, of which 43.20 are refunded: 4.88 of cashback, of which 2.16 are taken back.
const STORY: [&str; 5] = [
    "orders-create-pending.json",
    "orders-paid.json",
    "orders-updated-same-change.json",
    "refunds-create-line-items.json",
    "orders-updated-partially-refunded.json",
];

#[tokio::test]
async fn an_order_earns_once_whatever_tells_of_it() {
    let told = told("USD").await;
    told.accept_sample(STORY[0]).await;
    assert_eq!(told.result("orders/create").await["outcome"], "nothing_to_settle");
    told.accept_sample(STORY[1]).await;
    let result = told.result("orders/paid").await;
    assert_eq!((&result["outcome"], &result["granted_minor"]), (&"posted".into(), &488.into()));
    told.accept_sample(STORY[2]).await;
    assert_eq!(told.result("orders/updated").await["outcome"], "same");
    told.accept_sample(STORY[3]).await;
    let result = told.result("refunds/create").await;
    assert_eq!((&result["outcome"], &result["clawed_minor"]), (&"posted".into(), &216.into()));
    told.accept_sample(STORY[4]).await;
    assert_eq!(told.result("orders/updated").await["outcome"], "same");
    assert_eq!(told.balance().await, 272);

    // Each again as it was, then each under a delivery id of its own, and once more as a new act of the shop's.
    for round in 0..3 {
        for file in STORY.iter().rev() {
            let mut webhook = told.sample(file);
            if round > 0 {
                webhook = webhook.with("X-Shopify-Webhook-Id", &format!("again-{round}-{file}"));
            }
            if round > 1 {
                webhook = webhook.with("X-Shopify-Event-Id", &format!("act-{file}"));
            }
            told.accept(&webhook).await;
        }
    }
    told.settled().await;
    assert_eq!(told.balance().await, 272);
    assert_eq!(told.number("select count(*) from events where state = 'duplicate'").await, 5);
    assert_eq!(told.number("select count(*) from dead_letters").await, 0);
    told.assert_proved();
}

#[tokio::test]
async fn the_last_word_first_ends_in_the_same_ledger() {
    let told = told("USD").await;
    for file in STORY.iter().rev() {
        told.accept_sample(file).await;
        // One after the other, so that it is really this order.
        told.settled().await;
    }
    assert_eq!(told.balance().await, 272);
    assert_eq!(told.number("select count(*) from order_refunds").await, 1);
    told.assert_proved();
}

#[tokio::test]
async fn a_refund_counts_once_its_money_has_moved() {
    let told = told("USD").await;
    // It names the shop's currency.
    let no_duties = json!({ "shop_money": { "amount": "0.00", "currency_code": "USD" } });
    let order = |refunds: serde_json::Value, status: &str, minute: u32| {
        json!({ "id": 55, "currency": "USD", "financial_status": status, "total_price": "100.00",
            "created_at": "2026-11-20T10:00:00Z", "processed_at": "2026-11-20T10:00:00Z",
            "updated_at": format!("2026-11-20T10:{minute:02}:00Z"), "customer": { "id": 7_400_112_233_445_i64 },
            "line_items": [{ "id": 1, "quantity": 2, "price": "50.00" }], "refunds": refunds })
    };
    let refund = |status: &str| {
        json!({ "id": 66, "order_id": 55, "total_duties_set": no_duties, "created_at": "2026-11-20T11:00:00Z",
            "refund_line_items": [{ "id": 1, "line_item_id": 1, "quantity": 1, "subtotal": 50.00, "total_tax": 0.00 }],
            "transactions": [{ "id": 77, "kind": "refund", "status": status, "amount": "50.00", "gateway": "card" }] })
    };
    told.accept(&told.webhook("orders/paid", &order(json!([]), "paid", 1))).await;
    told.settled().await;
    assert_eq!(told.balance().await, 500);
    for status in ["pending", "failure", "pending"] {
        told.accept(&told.webhook("refunds/create", &refund(status))).await;
        told.settled().await;
        assert_eq!(told.balance().await, 500, "{status}");
    }
    // No second word of the refund is promised; the order's own brings it.
    told.accept(&told.webhook("orders/updated", &order(json!([refund("success")]), "partially_refunded", 5)))
        .await;
    told.settled().await;
    assert_eq!(told.balance().await, 250);
    // What has moved has moved.
    told.accept(&told.webhook("refunds/create", &refund("pending"))).await;
    told.settled().await;
    assert_eq!(told.balance().await, 250);

    // Money for no line takes its share; all of it takes all.
    let money = |id: u32, amount: &str| {
        json!({ "id": id, "order_id": 55, "total_duties_set": no_duties, "created_at": "2026-11-20T12:00:00Z", "refund_line_items": [],
            "order_adjustments": [{ "id": id, "kind": "refund_discrepancy", "amount": format!("-{amount}") }],
            "transactions": [{ "id": id, "kind": "refund", "status": "success", "amount": amount, "gateway": "card" }] })
    };
    told.accept(&told.webhook("refunds/create", &money(67, "10.00"))).await;
    told.settled().await;
    assert_eq!(told.balance().await, 200);
    told.accept(&told.webhook("refunds/create", &money(68, "40.00"))).await;
    told.settled().await;
    assert_eq!(told.balance().await, 0);
    assert_eq!(told.number("select count(*) from dead_letters").await, 0);
    told.assert_proved();
}

#[tokio::test]
async fn what_was_paid_with_credit_earns_once_it_is_known_how_much() {
    let told = told("USD").await;
    told.accept_sample("orders-paid-store-credit-and-gift-card.json").await;
    assert_eq!(told.result("orders/paid").await["outcome"], "awaits_payments");
    told.accept_sample("order-transactions-create-shopify-payments.json").await;
    assert_eq!(told.result("order_transactions/create").await["outcome"], "awaits_payments");
    told.accept_sample("order-transactions-create-gift-card.json").await;
    told.accept_sample("order-transactions-create-shopify-store-credit.json").await;
    told.settled().await;
    // 120.00 less 50.00 of store credit and 30.00 of a gift card: 5 % of 40.00.
    assert_eq!(told.balance().await, 200);
    told.accept_sample("refunds-create-to-store-credit.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 0, "and Shopify's own store credit is not given a second time");
    told.assert_proved();
}

/// Each sample of an order on its own, in a shop of its currency: what of it earns is what the sample expects.
#[tokio::test]
async fn each_sample_of_an_order_earns_what_it_is_to_earn() {
    for currency in ["USD", "JPY", "KWD"] {
        let told = told(currency).await;
        let mut expected = Vec::new();
        for sample in told.samples.iter().filter(|sample| sample.topic == "orders/paid") {
            let minor = sample.expect["eligible_shop_minor"].as_i64();
            let of = sample.expect["currency"].as_str().unwrap_or("USD");
            let (Some(minor), true) = (minor, of == currency) else { continue };
            told.accept(&sample.webhook).await;
            let body: serde_json::Value = serde_json::from_slice(&sample.webhook.body).unwrap();
            expected.push((body["id"].to_string(), minor));
        }
        told.settled().await;
        assert!(!expected.is_empty());
        for (order, minor) in &expected {
            let found: Option<i64> =
                sqlx::query_scalar("select base_minor from orders where external_id = $1")
                    .bind(order)
                    .fetch_optional(&told.world.database.admin)
                    .await
                    .unwrap();
            assert_eq!(found, Some(*minor), "order {order}");
        }
        told.assert_proved();
    }
}

#[tokio::test]
async fn tests_guests_and_free_orders_earn_nothing_and_huge_ids_stay_whole() {
    let told = told("USD").await;
    for file in [
        "orders-paid-test-order.json",
        "orders-paid-zero-total.json",
        "orders-paid-guest-null-customer.json",
        "orders-paid-guest-missing-customer-key.json",
        "orders-create-draft-order-terms.json",
        "orders-cancelled-unpaid.json",
    ] {
        told.accept_sample(file).await;
    }
    told.settled().await;
    assert_eq!(told.balance().await, 0);
    told.accept_sample("orders-paid-huge-ids.json").await;
    told.settled().await;
    let whole = "select count(*) from orders where external_id = '922337203685477001'
        and member_external_id = '922337203685477123' and rate_bps is not null";
    assert_eq!(told.number(whole).await, 1);
    assert_eq!(told.number("select count(*) from dead_letters").await, 0);
    told.assert_proved();
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_refunds_have_not() {
    let told = told("USD").await;
    told.accept_sample("orders-cancelled-refunded.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 0);
    let body: serde_json::Value =
        serde_json::from_slice(&told.sample("orders-cancelled-refunded.json").body).unwrap();
    let mut paid = body;
    paid["cancelled_at"] = json!(null);
    paid["refunds"] = json!([]);
    paid["financial_status"] = json!("paid");
    paid["updated_at"] = json!("2026-01-01T00:00:00Z");
    // An older version of it changes nothing.
    told.accept(&told.webhook("orders/paid", &paid)).await;
    told.settled().await;
    assert_eq!(told.balance().await, 0);
    told.assert_proved();
}

#[tokio::test]
async fn a_shops_rule_decides_what_earns_and_stands_with_what_was_booked() {
    let told = told("USD").await;
    told.rules("cashback", &json!({ "rates": { "gold": 1000 }, "excluded": { "skus": ["KET-CU"] } }));
    // Paid after the rule began.
    let line = |sku: &str, price: &str| json!({ "id": 1, "quantity": 1, "price": price, "sku": sku });
    let now = told.world.instant_in("0 seconds").await;
    let order = json!({ "id": 88, "currency": "USD", "financial_status": "paid", "total_price": "100.00",
        "created_at": now, "processed_at": now, "updated_at": now, "customer": { "id": 7_400_112_233_445_i64 },
        "line_items": [line("KET-CU", "60.00"), line("CUP", "40.00")] });
    told.accept(&told.webhook("orders/paid", &order)).await;
    told.settled().await;
    assert_eq!(told.balance().await, 400);
    let by_rule = "select count(*) from operations where rule = 'cashback@1' and kind = 'settle'";
    assert_eq!(told.number(by_rule).await, 1);
    // An order of before is rated by what was in force then.
    told.accept_sample("orders-paid.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 400 + 488);
    told.assert_proved();
}
