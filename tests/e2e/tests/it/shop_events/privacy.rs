//! What customers ask for by law is done, in time, with evidence, and changes no amount.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::doctor::Report;

use super::{Told, told};

const WHO: &str = "7400112233445";

fn about(told: &Told, customer: &Value) -> Value {
    json!({ "shop_id": 61_234_567_891_i64, "shop_domain": told.shop, "customer": customer, "orders_requested": [],
        "orders_to_redact": [], "data_request": { "id": 9999 } })
}

async fn bodies_with(told: &Told, text: &str) -> i64 {
    sqlx::query_scalar(
        "select (select count(*) from events where position($1::bytea in body) > 0)
              + (select count(*) from dead_letters where position($1::bytea in message) > 0)",
    )
    .bind(text.as_bytes())
    .fetch_one(&told.world.database.admin)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_customer_sees_what_is_known_and_is_forgotten() {
    let told = told("USD").await;
    told.accept_sample("orders-paid.json").await;
    told.settled().await;
    let customer =
        json!({ "id": WHO.parse::<i64>().unwrap(), "email": "alma.reyes@example.com", "phone": null });
    told.accept(&told.webhook("customers/data_request", &about(&told, &customer))).await;
    assert_eq!(told.result("customers/data_request").await["outcome"], "opened");
    let request = told.world.tradeup_json(&["privacy", "list", "harbour"])[0].clone();
    assert_eq!((&request["state"], &request["overdue"]), (&"open".into(), &false.into()));
    // Whoever watches when it is due sees no row of the shop's.
    assert_eq!(Report::of(&told.world).state("privacy", ""), "ok", "there is time");
    let sooner = |days: i32| format!("update privacy_due set due_at = now() + make_interval(days => {days})");
    for (days, state) in [(5, "warning"), (-1, "problem")] {
        sqlx::query(AssertSqlSafe(sooner(days))).execute(&told.world.database.admin).await.unwrap();
        assert_eq!(Report::of(&told.world).state("privacy", "harbour"), state);
    }
    let out = told.world.dir.path().join("known.json");
    let id = request["id"].as_str().unwrap();
    let export = ["privacy", "export", "harbour", id, "--out", out.to_str().unwrap()];
    told.world.tradeup_ok(&export);
    assert_ne!(told.world.tradeup(&export).code, 0, "the file is there");
    let known: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(known["profile"]["external_id"], WHO);
    assert_eq!(
        (&known["credits"][0]["granted_minor"], &known["orders"][0]["earned_minor"]),
        (&488.into(), &488.into())
    );
    let request = told.world.tradeup_json(&["privacy", "list", "harbour"])[0].clone();
    assert_eq!(request["state"], "done");
    assert_eq!(told.number("select count(*) from privacy_due").await, 0, "nothing is due any more");
    assert_eq!(request["evidence"]["sha256"].as_str().unwrap().len(), 64);

    assert!(bodies_with(&told, "alma.reyes@example.com").await > 0);
    told.accept(&told.webhook("customers/redact", &about(&told, &customer))).await;
    assert_eq!(told.result("customers/redact").await["outcome"], "forgotten");
    assert_eq!(bodies_with(&told, "alma.reyes@example.com").await, 0);
    let forgotten = "select count(*) from members where external_id = '7400112233445' and email is null
        and first_name is null and redacted_at is not null";
    assert_eq!(told.number(forgotten).await, 1);
    assert_eq!(told.balance().await, 488, "no amount has changed");
    // No word of the shop's, and no import, fills it again.
    told.accept(&told.webhook(
        "customers/update",
        &json!({ "id": WHO.parse::<i64>().unwrap(), "email": "back@example.com" }),
    ))
    .await;
    assert_eq!(told.result("customers/update").await["outcome"], "redacted");
    let file = told.world.dir.path().join("harbour.csv");
    told.world.tradeup_ok(&["import", "members", file.to_str().unwrap(), "--tenant", "harbour"]);
    assert_eq!(told.number(forgotten).await, 1);
    // The order's money goes on.
    told.accept_sample("refunds-create-line-items.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 272);
    told.assert_proved();
}

#[tokio::test]
async fn whoever_is_named_by_an_address_alone_is_found_and_a_stranger_is_nobody() {
    let told = told("USD").await;
    let mail = json!({ "email": "7400112233445@EXAMPLE.com" });
    told.accept(&told.webhook("customers/redact", &about(&told, &mail))).await;
    let result = told.result("customers/redact").await;
    assert_eq!(result["erased"]["members"], 1, "{result}");
    let stranger = json!({ "id": 1, "email": "nobody@example.com" });
    told.accept(&told.webhook("customers/data_request", &about(&told, &stranger))).await;
    assert_eq!(told.result("customers/data_request").await["outcome"], "nobody_known");
    // A body that was sent for another shop than it names.
    let mut foreign = about(&told, &json!({ "id": 1 }));
    foreign["shop_domain"] = json!("another-shop.myshopify.com");
    told.accept(&told.webhook("customers/redact", &foreign)).await;
    told.settled().await;
    assert_eq!(told.world.tradeup_json(&["dead", "list", "--task", "redact-customer"])[0]["code"], "TU0206");
}

#[tokio::test]
async fn a_shop_that_has_gone_is_forgotten_unless_it_is_back() {
    let told = told("USD").await;
    told.accept_sample("orders-paid.json").await;
    told.accept_sample("shop-redact.json").await;
    assert_eq!(told.result("shop/redact").await["outcome"], "shop_is_there");
    let now = told.world.instant_in("0 seconds").await;
    told.accept(&told.sample("app-uninstalled.json").with("X-Shopify-Triggered-At", &now)).await;
    told.settled().await;
    told.accept(
        &told
            .sample("shop-redact.json")
            .with("X-Shopify-Webhook-Id", "again")
            .with("X-Shopify-Event-Id", "again"),
    )
    .await;
    let result = told.result("shop/redact").await;
    assert_eq!(result["outcome"], "forgotten", "{result}");
    assert_eq!(told.number("select count(*) from members where redacted_at is null").await, 0);
    assert_eq!(bodies_with(&told, "@example.com").await, 0);
    assert_eq!(told.balance().await, 488);
    told.assert_proved();
}
