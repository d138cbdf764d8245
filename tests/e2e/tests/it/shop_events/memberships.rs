//! Memberships that are bought: who buys one is a member, in its tier, for as long as was paid for.

use serde_json::{Value, json};

use super::{Told, told};

const GOLD: i64 = 71;
const SILVER: i64 = 72;

fn rule() -> Value {
    json!({ "welcome": { "amount_minor": 700, "validity": "P3M" }, "memberships": [
        { "product_id": GOLD.to_string(), "tier": "gold", "months": 12 },
        { "product_id": SILVER.to_string(), "tier": "silver", "months": 1 },
    ] })
}

/// An order of pieces of a product, paid at an instant.
fn order(id: i64, customer: i64, at: &str, (product, pieces): (i64, i64)) -> Value {
    json!({ "id": id, "currency": "USD", "financial_status": "paid", "total_price": "150.00", "created_at": at,
        "processed_at": at, "updated_at": at, "customer": { "id": customer },
        "line_items": [{ "id": 1, "quantity": pieces, "price": "100.00", "product_id": product },
            { "id": 2, "quantity": 1, "price": "50.00", "product_id": 5 }] })
}

/// A refund of pieces of the product.
fn refund(id: i64, order: i64, (product, pieces): (i64, i64)) -> Value {
    let subtotal = format!("{}.00", pieces * 100);
    json!({ "id": id, "order_id": order, "created_at": "2026-01-01T00:00:00Z", "processed_at": "2026-01-01T00:00:00Z",
        "refund_line_items": [{ "id": 1, "line_item_id": 1, "quantity": pieces, "subtotal": subtotal,
            "subtotal_set": { "shop_money": { "amount": subtotal, "currency_code": "USD" } },
            "line_item": { "product_id": product, "quantity": pieces } }],
        "transactions": [{ "id": id + 1, "kind": "refund", "status": "success", "amount": subtotal,
            "currency": "USD" }] })
}

/// What a member is in now, why, and until when.
async fn held(told: &Told, customer: i64) -> Value {
    told.settled().await;
    let shown = told.world.tradeup_json(&["member", "harbour", "--member", &customer.to_string()]);
    let last = shown["history"].as_array().unwrap().last().unwrap().clone();
    json!([last["tier"], last["source"], last["until"]])
}

async fn change(told: &Told, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&told.world.database.admin).await.unwrap();
}

#[tokio::test]
async fn who_buys_a_membership_is_a_member_for_as_long_as_was_paid_for() {
    let told = told("USD").await;
    told.rules("enrolment", &rule());
    let at = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(81, 601, &at, (GOLD, 2)))).await;
    let result = told.result("orders/paid").await;
    assert_eq!(result["memberships"]["outcome"], "began", "{result}");
    assert_eq!(result["enrolment"]["welcome_minor"], 700, "{result}");
    // What the membership costs earns nothing; what was bought with it earns as its tier does.
    assert_eq!(result["granted_minor"], 250, "{result}");
    assert_eq!(held(&told, 601).await, json!(["gold", "purchase", null]));
    let two_years = "select count(*) from memberships where source = 'purchase'
        and until_at between now() + interval '730 days' and now() + interval '733 days'";
    assert_eq!(told.number(two_years).await, 1);

    // Told again in every way, it was bought once.
    let again = order(81, 601, &at, (GOLD, 2));
    for topic in ["orders/paid", "orders/create", "orders/updated"] {
        told.accept(&told.webhook(topic, &again)).await;
    }
    told.settled().await;
    assert_eq!(told.number(two_years).await, 1);
    assert_eq!(told.number("select count(*) from membership_purchases").await, 1);

    // A renewal extends; a lower one waits and lowers nobody.
    let next = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(82, 601, &next, (GOLD, 1)))).await;
    assert_eq!(told.result("orders/paid").await["memberships"]["outcome"], "extended");
    let next = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(83, 601, &next, (SILVER, 1)))).await;
    assert_eq!(told.result("orders/paid").await["memberships"]["outcome"], "noted");
    assert_eq!(held(&told, 601).await, json!(["gold", "purchase", null]));
    let three = "select count(*) from memberships where source = 'purchase'
        and until_at between now() + interval '1095 days' and now() + interval '1099 days'";
    assert_eq!(told.number(three).await, 1);

    // One of three pieces is refunded: less time, the same tier.
    told.accept(&told.webhook("refunds/create", &refund(91, 81, (GOLD, 1)))).await;
    assert_eq!(told.result("refunds/create").await["memberships"]["outcome"], "extended");
    assert_eq!(told.number(two_years).await, 1);
    told.assert_proved();
}

#[tokio::test]
async fn a_refunded_membership_ends_and_gives_back_what_is_left_of_its_month() {
    let told = told("USD").await;
    let amounts = "update tier_amounts a set amount_minor = case t.handle when 'gold' then 1000 else 300 end
        from tiers t where t.id = a.tier_id";
    change(&told, amounts).await;
    told.rules(
        "enrolment",
        &json!({ "enrol_on": ["customer_created"], "tier": "silver",
        "memberships": rule()["memberships"] }),
    );
    let made = told.world.instant_in("0 seconds").await;
    let customer = json!({ "id": 602, "created_at": made, "updated_at": made });
    told.accept(&told.webhook("customers/create", &customer)).await;
    assert_eq!(held(&told, 602).await, json!(["silver", "manual", null]));
    let at = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(84, 602, &at, (GOLD, 1)))).await;
    assert_eq!(held(&told, 602).await, json!(["gold", "purchase", null]));

    // As if it had been so for the last two months whose 06:00 has come.
    let before = "update memberships set valid_from = now() - interval '70 days', recorded_at = now() - interval '70 days'
        where source = 'purchase';
        update memberships set valid_to = now() - interval '70 days', valid_from = now() - interval '71 days'
        where source = 'manual'";
    change(&told, before).await;
    let period = told.world.month_due().await;
    told.world.tradeup_ok(&["trigger", "monthly-credits", "--period", &period, "--follow"]);
    let balance = "select balance_minor from accounts a join members m on m.id = a.member_id where m.external_id = '602'";
    assert_eq!(told.number(balance).await, 1000, "the cashback of the order is pending");
    told.world.tradeup_ok(&[
        "spend",
        "--tenant",
        "harbour",
        "--member",
        "602",
        "--amount",
        "4.00",
        "--reference",
        "till-1",
    ]);
    // What is left of a month that was over stays.
    let earlier = told.world.instant_in("-1 month -6 hours").await[..7].to_owned();
    told.world.tradeup_ok(&["trigger", "monthly-credits", "--period", &earlier, "--follow"]);
    assert_eq!(told.number(balance).await, 1600);

    told.accept(&told.webhook("refunds/create", &refund(92, 84, (GOLD, 1)))).await;
    let result = told.result("refunds/create").await;
    assert_eq!(
        (&result["memberships"]["outcome"], &result["memberships"]["taken_minor"]),
        (&"ended".into(), &600.into()),
        "{result}"
    );
    assert_eq!(held(&told, 602).await, json!(["silver", "manual", null]));
    assert_eq!(told.number(balance).await, 1000, "what was used is written off");
    told.accept(
        &told.webhook("refunds/create", &refund(92, 84, (GOLD, 1))).with("X-Shopify-Event-Id", "again"),
    )
    .await;
    told.settled().await;
    assert_eq!(told.number(balance).await, 1000);
    told.assert_proved();
}

#[tokio::test]
async fn what_was_bought_ends_by_itself_on_its_day() {
    let told = told("USD").await;
    told.rules("enrolment", &rule());
    let at = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(85, 603, &at, (SILVER, 1)))).await;
    assert_eq!(held(&told, 603).await, json!(["silver", "purchase", null]));
    // A tier that is lower than what was bought does not matter, one that is higher does.
    let at = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(86, 603, &at, (GOLD, 1)))).await;
    assert_eq!(held(&told, 603).await, json!(["gold", "purchase", null]));
    let passed = "update membership_purchases set until_at = now(), unbroken_until_at = now() where order_external_id = '86';
        update memberships set until_at = now() where source = 'purchase' and valid_to is null";
    change(&told, passed).await;
    // As time has it, whether or not anybody has been there.
    let in_gold = "select count(*) from tiers_held h join tiers t on t.id = h.tier_id join members m on m.id = h.member_id
        where m.external_id = '603' and t.handle = 'gold' and (h.valid_to is null or h.valid_to > now())";
    assert_eq!(told.number(in_gold).await, 0);
    told.world.tradeup_ok(&["trigger", "tier-review", "--follow"]);
    assert_eq!(
        held(&told, 603).await,
        json!(["silver", "purchase", null]),
        "what else was bought still runs"
    );
    told.assert_proved();
}

#[tokio::test]
async fn a_rule_names_tiers_that_there_are_and_a_minimum_is_met_by_what_was_spent() {
    let told = told("USD").await;
    let file = told.world.dir.path().join("wrong.json");
    let wrong =
        json!({ "tier": "platinum", "memberships": [{ "sku": "X", "tier": "diamond", "months": 1 }] });
    std::fs::write(&file, wrong.to_string()).unwrap();
    let refused = told.world.tradeup(&["rules", "set", "harbour", "enrolment", file.to_str().unwrap()]);
    assert_eq!(refused.code, 1);
    for named in ["field tier names the tier platinum", "field memberships[0].tier names the tier diamond"] {
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
    }

    told.rules(
        "enrolment",
        &json!({ "enrol_on": ["order_paid"], "tier": "gold",
        "all_of": { "minimum_spend_minor": 10000 } }),
    );
    let at = told.world.instant_in("0 seconds").await;
    let small = |id: i64, at: &str| order(id, 604, at, (6, 0));
    told.accept(&told.webhook("orders/paid", &small(87, &at))).await;
    let result = told.result("orders/paid").await;
    assert!(result["enrolment"]["why"].to_string().contains("less than 10000"), "{result}");
    let at = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &small(88, &at))).await;
    let result = told.result("orders/paid").await;
    assert_eq!(result["enrolment"]["outcome"], "enrolled", "100.00 are spent with it: {result}");
    told.assert_proved();
}
