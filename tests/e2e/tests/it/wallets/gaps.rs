//! What a shop has and never told is found by asking, once, and what was before it came earns nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_fakes::shopify::{Clock, SettingsChange, Webhook, samples};
use tradeup_harness::{Process, World, eventually};

use super::{SHOP, Wallets};
use crate::http::{port, send};

const TAKEN_WITHIN: Duration = Duration::from_secs(90);
const SECRET: &str = "whispered";

/// An order of a member, as its webhook tells it.
fn order(id: i64, customer: &str, at: &str, price: &str) -> Value {
    let (samples, _secret, _shop) = samples();
    let sample = samples.iter().find(|sample| sample.file == "orders-paid.json").unwrap();
    let mut order: Value = serde_json::from_slice(&sample.webhook.body).unwrap();
    let line = &mut order["line_items"].as_array_mut().unwrap()[0];
    line["quantity"] = json!(1);
    for amount in ["/price", "/price_set/shop_money/amount"] {
        *line.pointer_mut(amount).unwrap() = json!(price);
    }
    line["discount_allocations"] = json!([]);
    let line = line.clone();
    order["line_items"] = json!([line]);
    order["id"] = json!(id);
    order["customer"]["id"] = json!(customer.parse::<i64>().unwrap());
    for moment in ["created_at", "processed_at", "updated_at"] {
        order[moment] = json!(at);
    }
    order
}

struct Setting {
    _services: Vec<Process>,
    wallets: Wallets,
    member: String,
    /// Where its webhooks go.
    port: u16,
}

/// A connected shop of five members who get 10 % back.
async fn setting(seed: u64) -> Setting {
    let mut wallets = Wallets::new(5, seed, "none").await;
    let world = &mut wallets.world;
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
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    world.environment.insert("TRADEUP_SHOPIFY_WEBHOOK_SECRETS".to_owned(), SECRET.to_owned());
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    Setting { _services: vec![scheduler, credits, webhooks], wallets, member, port }
}

impl Setting {
    fn world(&self) -> &World {
        &self.wallets.world
    }

    /// The shop has an order now.
    fn has(&self, order: &Value) {
        let planted = self.wallets.shop(|shop| shop.bodies.plant_order(order.to_string().as_bytes()));
        assert!(planted, "{order}");
    }

    fn change(&self, change: SettingsChange) {
        self.wallets.shop(|shop| shop.change(change, Clock::real().now()));
    }

    async fn tell(&self, topic: &str, body: &Value) {
        let webhook = Webhook::new(SECRET, SHOP, topic, body.to_string().as_bytes());
        let answer = send(self.port, "POST", "/webhooks/shopify", &webhook.headers, &webhook.body).await;
        assert_eq!(answer.0, 200);
        self.taken().await;
    }

    /// Asks the shop, and how that ended.
    async fn search(&self) -> Value {
        let run = self.world().tradeup_json(&["gaps", "search", "aurora"]);
        let run = run["run_id"].as_str().unwrap().to_owned();
        let ended = self.world().ended(&run).await;
        self.taken().await;
        ended
    }

    /// What it has looked at and found of the shop's orders.
    async fn searched(&self) -> (i64, i64) {
        let ended = self.search().await;
        assert_eq!(ended["state"], "succeeded", "{ended}");
        let orders = &ended["result"]["orders"];
        (orders["looked_at"].as_i64().unwrap(), orders["found"].as_i64().unwrap())
    }

    /// Waits until all that was told or found is taken.
    async fn taken(&self) {
        let jobs = self.world().jobs().await;
        eventually("what was found is taken", TAKEN_WITHIN, || async {
            let world = self.world();
            let left = jobs.events_left().await;
            let found = world.number("select count(*) from unclaimed_events").await;
            let unfinished = world.number("select count(*) from runs where finished_at is null").await;
            (left == 0 && found == 0 && unfinished == 0).then_some(())
        })
        .await;
    }

    /// What members were credited, in cents.
    async fn credited(&self) -> i64 {
        self.world().number("select coalesce(sum(granted_minor), 0)::bigint from lots").await
    }

    async fn holds(&self) {
        assert_eq!(self.world().number("select count(*) from dead_letters").await, 0);
        let proof = self.world().tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_earns_nothing_and_what_was_never_told_is_taken_once() {
    let setting = setting(61).await;
    let world = setting.world();
    setting.has(&order(9001, &setting.member, "2026-01-05T10:00:00Z", "100.00"));
    assert_eq!(setting.searched().await, (1, 1));
    assert_eq!(world.number("select count(*) from orders where history and rate_bps = 0").await, 1);
    assert_eq!(setting.credited().await, 0, "the past is paid for by others");

    // A webhook that got lost.
    let at = world.instant_in("0 seconds").await;
    setting.has(&order(9002, &setting.member, &at, "50.00"));
    assert_eq!(setting.searched().await.1, 1);
    assert_eq!(setting.credited().await, 500);
    assert_eq!(setting.searched().await.1, 0, "it is known");
    // It comes after all.
    setting.tell("orders/paid", &order(9002, &setting.member, &at, "50.00")).await;
    assert_eq!(setting.credited().await, 500);
    // One that was told is not found.
    let told = order(9003, &setting.member, &at, "30.00");
    setting.tell("orders/paid", &told).await;
    setting.has(&told);
    assert_eq!(setting.searched().await.1, 0, "it was told");
    assert_eq!(setting.credited().await, 800);
    // What is told later of an order of before earns nothing either.
    setting.tell("orders/updated", &order(9001, &setting.member, &at, "100.00")).await;
    assert_eq!(setting.credited().await, 800);
    let shown = world.tradeup_json(&["gaps", "show", "aurora"]);
    assert!(shown.as_array().unwrap().iter().all(|line| !line["changed_until"].is_null()), "{shown}");
    setting.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_order_is_asked_for_since_its_webhook_does_not_say_what_it_is_now() {
    let setting = setting(62).await;
    let at = setting.world().instant_in("0 seconds").await;
    setting.tell("orders/paid", &order(9004, &setting.member, &at, "50.00")).await;
    assert_eq!(setting.credited().await, 500);
    let later = setting.world().instant_in("1 second").await;
    let mut edited = order(9004, &setting.member, &at, "70.00");
    edited["updated_at"] = json!(later);
    setting.has(&edited);
    let edit =
        json!({ "order_edit": { "id": 33, "order_id": 9004, "committed_at": later, "created_at": later } });
    setting.tell("orders/edited", &edit).await;
    let wanted = || async { (setting.credited().await == 700).then_some(()) };
    eventually("the edited order counts", TAKEN_WITHIN, wanted).await;
    setting.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_operation_that_fails_is_begun_again_and_one_that_is_refused_says_what_it_needs() {
    let setting = setting(63).await;
    setting.has(&order(9005, &setting.member, "2026-01-05T10:00:00Z", "100.00"));
    setting.has(&order(9006, &setting.member, "2026-01-06T10:00:00Z", "100.00"));
    // The file breaks off after a line, and then all is well.
    setting.change(SettingsChange { bulk_breaks_after: Some(1), ..SettingsChange::default() });
    let run = setting.world().tradeup_json(&["gaps", "search", "aurora"]);
    let run = run["run_id"].as_str().unwrap().to_owned();
    let tries = |number| {
        let world = setting.world();
        async move {
            eventually("it is tried again", TAKEN_WITHIN, || async {
                let tried = world.number("select coalesce(max(attempt), 0)::bigint from runs").await;
                (tried >= number).then_some(())
            })
            .await;
        }
    };
    tries(2).await;
    let well = SettingsChange { bulk_breaks_after: Some(usize::MAX), ..SettingsChange::default() };
    setting.change(well);
    let ended = setting.world().ended(&run).await;
    assert_eq!((&ended["state"], &ended["result"]["orders"]["looked_at"]), (&"succeeded".into(), &2.into()));
    setting.taken().await;
    assert_eq!(setting.world().number("select count(*) from orders where history").await, 2);
    setting.holds().await;

    // Somebody took the scope away.
    sqlx::query("delete from shop_cursors").execute(&setting.world().database.admin).await.unwrap();
    setting.wallets.shop(|shop| shop.scopes.remove("read_orders"));
    let ended = setting.search().await;
    assert_eq!(ended["state"], "dead", "{ended}");
    let error = setting.world().tradeup_json(&["dead", "list"]).to_string();
    assert!(error.contains("read_orders"), "{error}");
}
