//! Events go through their tasks again: what was missed is done, what was done is found done, and a preview keeps
//! nothing.

use serde_json::{Value, json};

use super::{Told, import, told};

impl Told {
    /// Replays or previews everything, waits for it, and returns what has come of it.
    async fn replayed(&self, how: &[&str]) -> Value {
        let mut arguments = vec!["replay", how[0], "harbour", "--from", "2020-01-01T00:00:00Z"];
        arguments.extend(&how[1..]);
        let run = self.world.tradeup_json(&arguments)["run_id"].as_str().unwrap().to_owned();
        self.settled().await;
        let shown = self.world.tradeup_json(&["replay", "show", &run]);
        assert_eq!(shown["state"], "succeeded", "{shown}");
        shown
    }
}

/// A column of a replay's lines, added up.
fn sum(shown: &Value, column: &str) -> i64 {
    shown["lines"].as_array().unwrap().iter().map(|line| line[column].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn what_a_suspended_shop_told_is_settled_when_it_is_back() {
    let told = told("USD").await;
    told.world.tradeup_ok(&["tenant", "suspend", "harbour", "--reason", "unpaid"]);
    told.accept_sample("orders-paid.json").await;
    assert_eq!(told.result("orders/paid").await["outcome"], "suspended");
    told.accept_sample("refunds-create-line-items.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 0);
    let refused = told.world.tradeup(&["tenant", "suspend", "harbour"]);
    assert!(refused.stderr.contains("only an active shop"), "{}", refused.stderr);

    let resumed = told.world.tradeup_json(&["tenant", "resume", "harbour"]);
    assert_eq!(resumed["events"], 2, "{resumed}");
    told.settled().await;
    assert_eq!(told.balance().await, 272);
    let shown = told.world.tradeup_json(&["replay", "show", resumed["replay"].as_str().unwrap()]);
    // What was refunded is known by now.
    assert_eq!((sum(&shown, "granted_minor"), sum(&shown, "taken_back_minor")), (272, 0), "{shown}");
    told.assert_proved();
}

#[tokio::test]
async fn a_replay_has_no_effect_twice_and_a_preview_has_none() {
    let told = told("USD").await;
    // Told before its customer was a member: nothing was earned.
    let at = told.world.instant_in("0 seconds").await;
    let order = json!({ "id": 95, "currency": "USD", "financial_status": "paid", "total_price": "50.00",
        "created_at": at, "processed_at": at, "updated_at": at, "customer": { "id": 701 },
        "line_items": [{ "id": 1, "quantity": 1, "price": "50.00" }] });
    told.accept(&told.webhook("orders/paid", &order)).await;
    assert_eq!(told.result("orders/paid").await["outcome"], "no_member");
    told.accept_sample("orders-paid.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 488);
    import(&told.world, &["701".to_owned()]);

    let preview = told.replayed(&["preview"]).await;
    assert_eq!((&preview["preview"], &preview["events"]["sent"]), (&true.into(), &2.into()), "{preview}");
    assert_eq!(sum(&preview, "granted_minor"), 250, "{preview}");
    assert_eq!(told.balance().await, 488, "nothing of it was kept");
    assert_eq!(told.number("select count(*) from orders where rate_bps is not null").await, 1);

    let replay = told.replayed(&["start", "--reason", "late import"]).await;
    assert_eq!((&replay["preview"], sum(&replay, "granted_minor")), (&false.into(), 250), "{replay}");
    assert_eq!(told.balance().await, 738);
    let again = told.replayed(&["start", "--reason", "once more"]).await;
    assert_eq!(sum(&again, "granted_minor"), 0, "{again}");
    assert_eq!(told.balance().await, 738);
    told.assert_proved();
}

#[tokio::test]
async fn effects_that_go_by_their_events_key_are_not_done_twice() {
    let told = told("USD").await;
    let jobs = told.world.jobs().await;
    let publish = |id: &'static str, topic: &'static str, body: Value| {
        let jobs = &jobs;
        async move {
            let subject = format!("events.harbour.till.{}", topic.replace('.', "=2E"));
            jobs.publish_event(&subject, &[("ce-id", id)], body.to_string().as_bytes()).await;
        }
    };
    let member = "7400112233445";
    let money = |minor: i64| json!({ "amount_minor": minor, "currency": "USD" });
    publish(
        "g",
        "credit.requested",
        json!({ "member_external_id": member, "amount": money(1000), "reason": "hello" }),
    )
    .await;
    told.settled().await;
    publish(
        "s",
        "credit.spent",
        json!({ "member_external_id": member, "amount": money(600), "reference": "r1" }),
    )
    .await;
    told.settled().await;
    publish("v", "credit.spend_reverted", json!({ "reference": "r1", "amount": money(200) })).await;
    told.settled().await;
    assert_eq!(told.number("select count(*) from dead_letters").await, 0);
    assert_eq!(told.balance().await, 600);
    let replay = told.replayed(&["start", "--reason", "again", "--source", "till"]).await;
    assert_eq!(replay["events"]["sent"], 3, "{replay}");
    assert_eq!(told.balance().await, 600);
    let preview = told.replayed(&["preview", "--topic", "credit.spend_reverted"]).await;
    assert_eq!(preview["events"]["sent"], 1, "{preview}");
    told.assert_proved();
}

#[tokio::test]
async fn more_events_than_one_part_are_all_replayed_and_mistakes_are_said() {
    let told = told("USD").await;
    let at = told.world.instant_in("0 seconds").await;
    for id in 0..230 {
        let order = json!({ "id": 3000 + id, "currency": "USD", "financial_status": "paid", "total_price": "10.00",
            "created_at": at, "processed_at": at, "updated_at": at, "customer": { "id": 7_400_112_233_445_i64 },
            "line_items": [{ "id": 1, "quantity": 1, "price": "10.00" }] });
        told.accept(&told.webhook("orders/paid", &order)).await;
    }
    told.settled().await;
    assert_eq!(told.balance().await, 230 * 50);
    let replay = told.replayed(&["start", "--reason", "all", "--a-second", "1000"]).await;
    assert_eq!(replay["events"]["sent"], 230, "{replay}");
    assert_eq!(told.balance().await, 230 * 50);

    for (wrong, said) in [
        (vec!["replay", "start", "harbour", "--from", "2020-01-01T00:00:00Z"], "--reason"),
        (vec!["replay", "preview", "harbour"], "--from"),
        (
            vec!["replay", "preview", "harbour", "--from", "2020-01-01T00:00:00Z", "--topic", "none"],
            "no such event",
        ),
        (vec!["replay", "preview", "harbour", "--from", "2099-01-01T00:00:00Z"], "is not before"),
        (vec!["replay", "preview", "nowhere", "--from", "2020-01-01T00:00:00Z"], "nowhere"),
    ] {
        let refused = told.world.tradeup(&wrong);
        assert_ne!(refused.code, 0, "{wrong:?}");
        assert!(refused.stderr.contains(said), "{wrong:?}: {}", refused.stderr);
    }

    // What stops the shop can't be shown without doing it.
    told.accept(&told.webhook("app/uninstalled", &json!({ "id": 1, "domain": "another.myshopify.com" })))
        .await;
    told.settled().await;
    let preview = told.replayed(&["preview", "--topic", "app/uninstalled"]).await;
    assert_eq!(preview["events"]["dead"], 1, "it was about another shop: {preview}");
    told.assert_proved();
}
