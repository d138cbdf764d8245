//! Members trade goods in: valued by the shop's rule and prices, agreed, graded, credited once.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Process, World, eventually};

use crate::checkout::{call, token};
use crate::http::port;

struct Setting {
    world: World,
    port: u16,
    token: String,
    member: String,
    _services: Vec<Process>,
}

const PATH: &str = "/v1/tenants/aurora/trade-ins";

/// A shop that gives half of the market price; near mint in full, moderately played 70 %; 20 % on top as credit; above
/// 50.00 a person decides.
async fn setting(seed: u64) -> Setting {
    let mut world = World::with_aurora(5, seed).await;
    let dir = world.dir.path().to_owned();
    let rule = json!({ "categories": { "cards": 5000 }, "currency": "USD", "review_above_minor": 5000,
        "conditions": { "NM": { "factor_bps": 10000 }, "MP": { "factor_bps": 7000 } },
        "bonus": { "kind": "multiplier", "bps": 2000, "validity": "P12M" } });
    std::fs::write(dir.join("rule.json"), rule.to_string()).unwrap();
    world.tradeup_ok(&["rules", "set", "aurora", "trade-in", dir.join("rule.json").to_str().unwrap()]);
    std::fs::write(
        dir.join("prices.csv"),
        "item,category,price\nX-7,cards,20.00\nX-8,cards,10.00\nX-9,cards,500.00\n",
    )
    .unwrap();
    let prices = dir.join("prices.csv");
    let take = ["trade-ins", "prices", "aurora", prices.to_str().unwrap(), "--source", "list 1"];
    assert_eq!(world.tradeup_json(&take)["changed"], 3);
    assert_eq!(world.tradeup_json(&take)["changed"], 0);
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    let token = token(&world, "aurora");
    let member = sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    Setting { world, port, token, member, _services: vec![webhooks, scheduler, credits] }
}

impl Setting {
    fn submission(&self, id: &str, lines: &[(&str, &str, u32)]) -> Value {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(item, condition, quantity)| json!({ "item": item, "condition": condition, "quantity": quantity }))
            .collect();
        json!({ "submission_id": id, "member_external_id": self.member, "lines": lines })
    }

    async fn submit(&self, body: &Value) -> (u16, Value) {
        call(self.port, "POST", PATH, &self.token, body).await
    }

    async fn act(&self, id: &str, body: Value) -> (u16, Value) {
        call(self.port, "POST", &format!("{PATH}/{id}/moves"), &self.token, &body).await
    }

    async fn moves(&self, id: &str, wanted: &[&str]) -> Value {
        let mut last = Value::Null;
        for wanted in wanted {
            let (status, answer) = self.act(id, json!({ "move": wanted })).await;
            assert_eq!(status, 200, "{wanted}: {answer}");
            last = answer;
        }
        last
    }

    fn assert_proved(&self) {
        let proof = self.world.tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }
}

#[tokio::test]
async fn goods_are_valued_agreed_and_credited_once() {
    let setting = setting(951).await;
    let body = setting.submission("t-1", &[("X-7", "NM", 1), ("X-8", "MP", 1)]);
    // T1: 1000 and 350; 20 % on top.
    let (status, quoted) = setting.submit(&body).await;
    assert_eq!((status, &quoted["state"]), (201, &"quoted".into()), "{quoted}");
    assert_eq!((&quoted["cash_minor"], &quoted["bonus_minor"]), (&1350.into(), &270.into()));
    let (status, again) = setting.submit(&body).await;
    assert_eq!((status, &again["trade_in_id"]), (200, &quoted["trade_in_id"]));
    let (status, other) = setting.submit(&setting.submission("t-1", &[("X-7", "NM", 2)])).await;
    assert_eq!(status, 409, "{other}");
    let (status, early) = setting.act("t-1", json!({ "move": "pay" })).await;
    assert!(status == 409 && early["detail"].as_str().unwrap().contains("accept"), "{early}");
    let credited = setting.moves("t-1", &["accept", "receive", "grade"]).await;
    assert_eq!((&credited["state"], &credited["credited_minor"]), (&"credited".into(), &1350.into()));
    for wanted in ["grade", "pay", "accept"] {
        assert_eq!(setting.act("t-1", json!({ "move": wanted })).await.0, 409, "{wanted}");
    }
    let lots = "select count(*) from lots where (reason, value_class, granted_minor) in
        (('trade_in', 'paid', 1350), ('trade_in_bonus', 'promotional', 270))";
    assert_eq!(setting.world.number(lots).await, 2);
    assert_eq!(
        setting
            .world
            .number("select count(*) from lots where reason = 'trade_in' and expires_at is null")
            .await,
        1
    );
    assert_eq!(setting.world.number("select count(*) from operations where rule = 'trade-in@1'").await, 1);
    let (_, shown) = call(setting.port, "GET", &format!("{PATH}/t-1"), &setting.token, &Value::Null).await;
    let moves: Vec<&str> =
        shown["moves"].as_array().unwrap().iter().map(|m| m["move"].as_str().unwrap()).collect();
    assert_eq!(moves, ["submit", "quote", "accept", "receive", "grade", "credit"]);
    setting.assert_proved();
}

#[tokio::test]
async fn what_came_in_worse_condition_asks_the_member_and_a_large_one_a_person() {
    let setting = setting(952).await;
    setting.submit(&setting.submission("t-2", &[("X-7", "NM", 2)])).await;
    setting.moves("t-2", &["accept", "receive"]).await;
    let (_, asked) = setting
        .act("t-2", json!({ "move": "grade", "found": [{ "line": 0, "condition": "MP", "quantity": 2 }] }))
        .await;
    assert_eq!((&asked["state"], &asked["cash_minor"]), (&"requoted_here".into(), &1400.into()), "{asked}");
    let credited = setting.moves("t-2", &["accept"]).await;
    assert_eq!((&credited["state"], &credited["credited_minor"]), (&"credited".into(), &1400.into()));

    let (_, large) = setting.submit(&setting.submission("t-3", &[("X-9", "NM", 1)])).await;
    assert_eq!((&large["state"], &large["cash_minor"]), (&"review".into(), &25_000.into()));
    assert_eq!(setting.act("t-3", json!({ "move": "accept" })).await.0, 409);
    let quoted = setting.world.tradeup_json(&[
        "trade-ins",
        "act",
        "aurora",
        "t-3",
        "quote",
        "--offer",
        "200.00",
        "--bonus",
        "20.00",
        "--reason",
        "scratched box",
    ]);
    assert_eq!((&quoted["state"], &quoted["by_hand"]), (&"quoted".into(), &true.into()));
    let (_, offered) =
        setting.act("t-3", json!({ "move": "counter_offer", "cash_minor": 21_000, "bonus_minor": 0 })).await;
    assert_eq!((&offered["state"], &offered["cash_minor"]), (&"requoted".into(), &21_000.into()));
    let credited = setting.moves("t-3", &["accept", "receive", "grade"]).await;
    assert_eq!(credited["credited_minor"], 21_000);
    let listed = setting.world.tradeup_json(&["trade-ins", "list", "aurora"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // For whom takes money no credit is given.
    let mut cash = setting.submission("t-4", &[("X-7", "NM", 1)]);
    cash["payout"] = json!("cash");
    setting.submit(&cash).await;
    let paid = setting.moves("t-4", &["accept", "receive", "grade", "pay"]).await;
    assert_eq!((&paid["state"], &paid["credited_minor"]), (&"paid_cash".into(), &Value::Null));
    assert_eq!(
        setting.world.number("select sum(balance_minor)::bigint from accounts").await,
        1400 + 280 + 21_000
    );
    setting.assert_proved();
}

#[tokio::test]
async fn a_submitted_event_is_valued_once_and_what_is_wrong_is_named() {
    let setting = setting(953).await;
    let jobs = setting.world.jobs().await;
    let subject = "events.aurora.kiosk.trade=5Fin=2Esubmitted".replace("=5F", "_");
    let body = setting.submission("t-5", &[("X-7", "NM", 1)]).to_string();
    for id in ["e-1", "e-1", "e-2"] {
        jobs.publish_event(&subject, &[("ce-id", id)], body.as_bytes()).await;
    }
    let unknown = setting.submission("t-6", &[("X-0", "NM", 1)]).to_string();
    jobs.publish_event(&subject, &[("ce-id", "e-3")], unknown.as_bytes()).await;
    eventually("all is settled", Duration::from_secs(60), || async {
        let busy = "select count(*) from runs where finished_at is null";
        (jobs.events_left().await == 0 && setting.world.number(busy).await == 0).then_some(())
    })
    .await;
    assert_eq!(setting.world.number("select count(*) from trade_ins").await, 1);
    let dead = setting.world.tradeup_json(&["dead", "list", "--task", "handle-trade-in-submitted"]);
    let error = dead[0]["errors"][0].as_str().unwrap();
    assert!(error.contains("lines[0].item") && error.contains("tradeup trade-ins prices"), "{error}");

    for (body, named) in [
        (setting.submission("t-7", &[("X-7", "mint", 1)]), "lines[0].condition"),
        (setting.submission("t-7", &[("X-0", "NM", 1)]), "lines[0].item"),
        (setting.submission("t-7", &[("X-7", "NM", 0)]), "lines[0].quantity"),
        (setting.submission("t-7", &[]), "lines"),
        (setting.submission("a/b", &[("X-7", "NM", 1)]), "submission_id"),
    ] {
        let (status, answer) = setting.submit(&body).await;
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!((400..=422).contains(&status) && detail.contains(named), "{status} {answer}");
    }
    let (status, _) =
        call(setting.port, "GET", &format!("{PATH}/nothing"), &setting.token, &Value::Null).await;
    assert_eq!(status, 404);
    setting.assert_proved();
}
