//! Orders, refunds and spends of other systems arrive, in any order and more than once, and the ledger is
//! exact.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Jobs, World, eventually};

async fn publish(jobs: &Jobs, topic: &str, id: &str, body: &Value) {
    let subject = format!("events.aurora.shop.{}", topic.replace('.', "=2E"));
    jobs.publish_event(&subject, &[("ce-id", id)], body.to_string().as_bytes()).await;
}

async fn settled(world: &World, jobs: &Jobs) {
    eventually("all is settled", Duration::from_secs(90), || async {
        let left = jobs.events_left().await;
        let unfinished = world.number("select count(*) from runs where finished_at is null").await;
        (left == 0 && unfinished == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_earns_what_its_facts_say_whatever_comes_first() {
    let world = World::with_aurora(30, 231).await;
    let _services = (world.start_both().await, world.start("webhooks").await);
    let jobs = world.jobs().await;
    for tier in ["gold", "silver", "bronze"] {
        world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--cashback", "5%"]);
    }
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join memberships s on s.member_id = m.id order by m.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let line = |minor: i64| json!({ "price_minor": minor, "quantity": 1 });
    let refund = |id: &str, minor: i64| json!({ "order_external_id": "1001", "refund_external_id": id, "lines": [line(minor)] });
    let order = json!({ "order_external_id": "1001", "member_external_id": member, "currency": "USD",
        "lines": [line(3350)], "paid_at": "2026-10-01T00:00:00Z", "updated_at": "2026-10-01T00:00:00Z" });
    // A refund first, twice under two ids; then the order, twice; then another refund.
    publish(&jobs, "order.refunded", "e1", &refund("r1", 1250)).await;
    publish(&jobs, "order.refunded", "e1-again", &refund("r1", 1250)).await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select count(*) from lots").await, 0);
    publish(&jobs, "order.paid", "e2", &order).await;
    publish(&jobs, "order.paid", "e2-again", &order).await;
    publish(&jobs, "order.refunded", "e3", &refund("r2", 1250)).await;
    settled(&world, &jobs).await;
    let cashback = "select coalesce(sum(remaining_minor), 0)::bigint from lots where reason = 'cashback'";
    assert_eq!(world.number(cashback).await, 42);

    // Used in part, then cancelled: what was used is owed.
    let spent = json!({ "member_external_id": member, "amount": { "amount_minor": 40, "currency": "USD" },
        "reference": "order 1002" });
    publish(&jobs, "credit.spent", "s1", &spent).await;
    settled(&world, &jobs).await;
    publish(&jobs, "order.cancelled", "e4", &json!({ "order_external_id": "1001" })).await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 0);
    assert_eq!(world.number("select sum(debt_minor)::bigint from accounts").await, 40);

    // The spend goes back; what nobody can spend, and a spend that there is not, are dead letters.
    publish(&jobs, "credit.spend_reverted", "s2", &json!({ "reference": "order 1002" })).await;
    let too_much = json!({ "member_external_id": member, "amount": { "amount_minor": 4000, "currency": "USD" },
        "reference": "order 1003" });
    publish(&jobs, "credit.spent", "s3", &too_much).await;
    publish(&jobs, "credit.spend_reverted", "s4", &json!({ "reference": "order 9999" })).await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 40);
    let letters = world.tradeup_json(&["dead", "list"]);
    let codes: Vec<&str> = letters.as_array().unwrap().iter().map(|l| l["code"].as_str().unwrap()).collect();
    assert!(codes.len() == 2 && codes.contains(&"TU0307") && codes.contains(&"TU0308"), "{letters:#}");

    // With credit at hand the spend is replayed, once.
    world.tradeup_ok(&[
        "grant", "--tenant", "aurora", "--member", &member, "--amount", "50.00", "--key", "g", "--reason",
        "goodwill", "--follow",
    ]);
    let letter = letters.as_array().unwrap().iter().find(|l| l["code"] == "TU0307").unwrap();
    world.tradeup_ok(&["dead", "replay", letter["dead_letter_id"].as_str().unwrap()]);
    settled(&world, &jobs).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 5000);
    world.tradeup_ok(&["verify"]);
}
