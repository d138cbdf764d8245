//! What a shop has and never told is found by asking, once, and what was before it came earns nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Process, eventually};

use super::{SHOP, Wallets};

const TAKEN_WITHIN: Duration = Duration::from_secs(90);

fn order(id: i64, customer: &str, at: &str, price: &str) -> Value {
    json!({ "id": id, "currency": "USD", "financial_status": "paid", "total_price": price, "taxes_included": false,
        "created_at": at, "processed_at": at, "updated_at": at, "test": false, "tags": "",
        "customer": { "id": customer.parse::<i64>().unwrap() },
        "line_items": [{ "id": id * 10, "quantity": 1, "price": price, "product_id": 5, "variant_id": 6,
            "gift_card": false, "requires_shipping": false }] })
}

struct Setting {
    wallets: Wallets,
    member: String,
    _services: Vec<Process>,
}

/// A connected shop of five members who get 10 % back.
async fn setting(seed: u64) -> Setting {
    let wallets = Wallets::new(5, seed, "none").await;
    let world = &wallets.world;
    for tier in ["gold", "silver"] {
        world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--cashback", "10%"]);
    }
    world.tradeup_ok(&["tenant", "set", "aurora", "--shop", SHOP]);
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join memberships s on s.member_id = m.id order by m.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    Setting { wallets, member, _services: vec![scheduler, credits, webhooks] }
}

impl Setting {
    fn plant(&self, order: &Value) {
        self.wallets.shop(|shop| shop.bodies.plant_order(order.to_string().as_bytes())).unwrap();
    }

    /// Asks the shop, and waits until all that was found is taken.
    async fn searched(&self) -> Value {
        let world = &self.wallets.world;
        let run = world.tradeup_json(&["gaps", "search", "aurora"])["run_id"].as_str().unwrap().to_owned();
        let ended = world.ended(&run).await;
        assert_eq!(ended["state"], "succeeded", "{ended}");
        eventually("what was found is taken", TAKEN_WITHIN, || async {
            let left = world.number("select count(*) from unclaimed_events").await;
            let unfinished = world.number("select count(*) from runs where finished_at is null").await;
            (left == 0 && unfinished == 0).then_some(())
        })
        .await;
        world.tradeup_json(&["run", &run])["result"].clone()
    }
}

#[tokio::test]
async fn what_was_before_earns_nothing_and_what_was_never_told_is_taken_once() {
    let setting = setting(61).await;
    let world = &setting.wallets.world;
    setting.plant(&order(9001, &setting.member, "2026-01-05T10:00:00Z", "100.00"));
    let result = setting.searched().await;
    assert_eq!((&result["orders"]["looked_at"], &result["orders"]["found"]), (&1.into(), &1.into()), "{result}");
    assert_eq!(world.number("select count(*) from orders where history and rate_bps = 0").await, 1);
    assert_eq!(world.number("select count(*) from lots").await, 0, "the past is paid for by others");

    // A webhook that got lost.
    let at = world.instant_in("0 seconds").await;
    setting.plant(&order(9002, &setting.member, &at, "50.00"));
    let result = setting.searched().await;
    assert_eq!(result["orders"]["found"], 1, "{result}");
    assert_eq!(world.number("select coalesce(sum(granted_minor), 0)::bigint from lots").await, 500);
    let result = setting.searched().await;
    assert_eq!(result["orders"]["found"], 0, "it is known: {result}");
    assert_eq!(world.number("select coalesce(sum(granted_minor), 0)::bigint from lots").await, 500);
    let shown = world.tradeup_json(&["gaps", "show", "aurora"]);
    assert!(shown.as_array().unwrap().iter().all(|line| !line["changed_until"].is_null()), "{shown}");
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
    let proof = world.tradeup(&["verify"]);
    assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
}
