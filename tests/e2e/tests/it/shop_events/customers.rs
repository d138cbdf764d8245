//! Customers become members by the shop's rule, once, and stay what the shop says of them.

use serde_json::{Value, json};

use super::told;

fn rule() -> Value {
    json!({ "enrol_on": ["customer_created", "customer_updated", "order_paid", "tags_added"],
        "all_of": { "countries": [] }, "tier": "silver", "welcome": { "amount_minor": 700, "validity": "P3M" } })
}

fn customer(id: i64, minute: u32, more: &Value) -> Value {
    let mut body = json!({ "id": id, "email": format!("{id}@example.com"), "first_name": "New",
        "created_at": "2099-01-01T00:00:00Z", "updated_at": format!("2099-01-01T00:{minute:02}:00Z") });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_new_customer_is_enrolled_once_whatever_comes_first() {
    let told = told("USD").await;
    told.accept_sample("customers-create.json").await;
    let result = told.result("customers/create").await;
    assert_eq!(
        (&result["outcome"], &result["enrolment"]["outcome"]),
        (&"no_member".into(), &"no_rule".into())
    );

    told.rules("enrolment", &rule());
    let id = 501;
    told.accept(&told.webhook("customers/create", &customer(id, 1, &json!({})))).await;
    let result = told.result("customers/create").await;
    assert_eq!(
        (&result["enrolment"]["outcome"], &result["enrolment"]["rule"]),
        (&"enrolled".into(), &"enrolment@1".into())
    );
    assert_eq!(
        (&result["enrolment"]["tier"], &result["enrolment"]["welcome_minor"]),
        (&"silver".into(), &700.into())
    );
    told.accept(&told.webhook("customers/update", &customer(id, 2, &json!({ "first_name": "Newer" })))).await;
    let result = told.result("customers/update").await;
    assert_eq!(
        (&result["outcome"], &result["enrolment"]["outcome"]),
        (&"noted".into(), &"already_member".into())
    );
    // An older word changes nothing.
    told.accept(&told.webhook("customers/update", &customer(id, 1, &json!({ "first_name": "Older" })))).await;
    assert_eq!(told.result("customers/update").await["outcome"], "nothing_new");
    assert_eq!(told.number("select count(*) from members where first_name = 'Newer'").await, 1);
    // Once more, as a new event each.
    for topic in ["customers/create", "customers/update"] {
        told.accept(&told.webhook(topic, &customer(id, 3, &json!({})))).await;
    }
    told.settled().await;
    assert_eq!(told.number("select count(*) from lots where reason = 'welcome'").await, 1);
    assert_eq!(told.number("select count(*) from members where external_id = '501'").await, 1);
    let by_rule = "select count(*) from operations where kind = 'grant' and rule = 'enrolment@1'";
    assert_eq!(told.number(by_rule).await, 1);
    told.assert_proved();
}

#[tokio::test]
async fn a_condition_that_is_not_met_is_named_and_tags_decide_when_they_come() {
    let told = told("USD").await;
    let mut by_tag = rule();
    by_tag["all_of"] = json!({ "tags_any": ["VIP"], "tags_none": ["wholesale"] });
    by_tag["tags_place"] = json!(true);
    told.rules("enrolment", &by_tag);
    told.accept(&told.webhook("customers/create", &customer(502, 1, &json!({})))).await;
    let why = told.result("customers/create").await["enrolment"].clone();
    assert_eq!(why["outcome"], "not_enrolled");
    assert!(why["why"].to_string().contains("tags is not known"), "{why}");
    let tags = |tags: &[&str], topic: &str| {
        let body = json!({ "customerId": "gid://shopify/Customer/502", "tags": tags, "occurredAt": "2099-01-02T00:00:00Z" });
        told.webhook(topic, &body)
    };
    told.accept(&tags(&["newsletter"], "customer.tags_added")).await;
    let why = told.result("customer.tags_added").await["enrolment"].clone();
    assert!(why["why"].to_string().contains("none of the tags"), "{why}");
    told.accept(&tags(&["vip", "gold"], "customer.tags_added")).await;
    let enrolled = told.result("customer.tags_added").await["enrolment"].clone();
    assert_eq!((&enrolled["outcome"], &enrolled["tier"]), (&"enrolled".into(), &"gold".into()));
    // The tag goes: what the tags placed is taken back by them.
    told.accept(&tags(&["GOLD"], "customer.tags_removed")).await;
    assert_eq!(told.result("customer.tags_removed").await["tier"]["outcome"], "moved");
    let open = "select count(*) from memberships ms join members m on m.id = ms.member_id
        where m.external_id = '502' and ms.valid_to is null";
    assert_eq!(told.number(open).await, 0);
    told.accept(&tags(&["silver"], "customer.tags_added")).await;
    assert_eq!(
        told.result("customer.tags_added").await["tier"],
        json!({ "outcome": "moved", "tier": "silver" })
    );
    told.assert_proved();
}

#[tokio::test]
async fn who_buys_becomes_a_member_and_the_order_earns() {
    let told = told("USD").await;
    told.world.tradeup_ok(&["tenant", "tier", "harbour", "silver", "--cashback", "10%"]);
    told.rules("enrolment", &rule());
    let at = told.world.instant_in("0 seconds").await;
    let order = |id: i64, customer: i64, at: &str| {
        json!({ "id": id, "currency": "USD", "financial_status": "paid", "total_price": "50.00",
            "created_at": at, "processed_at": at, "updated_at": at, "customer": { "id": customer },
            "line_items": [{ "id": 1, "quantity": 1, "price": "50.00" }] })
    };
    told.accept(&told.webhook("orders/paid", &order(91, 503, &at))).await;
    let result = told.result("orders/paid").await;
    assert_eq!(
        (&result["enrolment"]["outcome"], &result["granted_minor"]),
        (&"enrolled".into(), &500.into())
    );
    assert_eq!(told.balance().await, 1200);

    // The order before the customer: it waits, and is settled with the enrolment.
    told.rules("enrolment", &json!({ "enrol_on": ["customer_created"], "tier": "silver" }));
    let made = told.world.instant_in("0 seconds").await;
    let bought = told.world.instant_in("0 seconds").await;
    told.accept(&told.webhook("orders/paid", &order(92, 504, &bought))).await;
    assert_eq!(told.result("orders/paid").await["outcome"], "no_member");
    told.accept(&told.webhook("customers/create", &customer(504, 1, &json!({ "created_at": made })))).await;
    assert_eq!(told.result("customers/create").await["enrolment"]["orders_settled"], 1);
    assert_eq!(told.balance().await, 1700);
    told.assert_proved();
}

#[tokio::test]
async fn who_has_gone_is_not_enrolled_again_and_two_become_one() {
    let told = told("USD").await;
    told.rules("enrolment", &rule());
    told.accept(&told.webhook("customers/create", &customer(505, 1, &json!({})))).await;
    told.settled().await;
    told.accept(&told.webhook("customers/delete", &json!({ "id": 505 }))).await;
    assert_eq!(told.result("customers/delete").await["outcome"], "noted");
    told.accept(&told.webhook("customers/update", &customer(505, 9, &json!({})))).await;
    assert_eq!(told.result("customers/update").await["enrolment"]["outcome"], "never_again");
    assert_eq!(told.balance().await, 700, "what there is stays");

    told.accept(&told.webhook("customers/create", &customer(506, 1, &json!({})))).await;
    told.settled().await;
    let merged = json!({ "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/506",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/505", "status": "completed" });
    told.accept(&told.webhook("customers/merge", &merged)).await;
    assert_eq!(told.result("customers/merge").await["outcome"], "handed_on");
    let one = "select balance_minor from accounts a join members m on m.id = a.member_id where m.external_id = '506'";
    assert_eq!(told.number(one).await, 1400);
    told.assert_proved();
}
