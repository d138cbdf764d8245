//! What is booked reaches the shop: once, in its order, with its end or without.

use serde_json::json;
use tradeup_fakes::shopify::{Kind, SettingsChange};

use super::Wallets;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_reaches_the_shop_once_each_credit_with_an_end_of_its_own() {
    let wallets = Wallets::new(150, 301, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-10").await;
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let lots = wallets.world.number("select count(*) from lots").await;
    assert_eq!(wallets.bookings(Kind::Credit), usize::try_from(lots).unwrap());
    wallets.agrees().await;

    let ends = "select count(*) from pushes p join lots l on l.id = p.lot_id
        where p.expires_at >= l.ends_at or p.expires_at < l.ends_at - interval '1 minute'";
    assert_eq!(wallets.world.number(ends).await, 0, "a credit ends at the shop within the minute before");
    let shown = wallets.world.tradeup_json(&["wallet", "show", "aurora"]);
    assert_eq!(shown["pushes"][0]["state"], "sent", "{shown}");
    assert_eq!(shown["pushes"][0]["pushes"].as_i64(), Some(lots));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_ledger_as_authority_the_shop_is_told_of_ends_and_uses() {
    let wallets = Wallets::new(20, 302, "ledger").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-11").await;
    let (member, balance) = wallets.somebody().await;
    wallets.spend_one(&member);
    wallets.all_told().await;
    assert_eq!(wallets.at_shop(&member), balance - 100);
    wallets.world.tradeup_ok(&[
        "unspend",
        "--tenant",
        "aurora",
        "--reference",
        "o-1",
        "--key",
        "r-1",
        "--amount",
        "0.40",
    ]);
    wallets.all_told().await;
    wallets.agrees().await;
    assert_eq!(wallets.bookings(Kind::Expiration), 0);
    let with_end = wallets.world.number("select count(*) from pushes where expires_at is not null").await;
    assert_eq!(with_end, 0, "the ledger ends credit, the shop is told of it");

    wallets.end_all(&member).await;
    wallets.world.tradeup_ok(&["trigger", "credit-expiration", "--follow"]);
    wallets.all_told().await;
    assert_eq!(wallets.at_shop(&member), 0);
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_have_is_told_when_a_wallet_is_opened_and_never_twice() {
    let wallets = Wallets::new(30, 303, "none").await;
    let _services = wallets.world.start_both().await;
    wallets.month("2026-10").await;
    let (member, _) = wallets.somebody().await;
    wallets.spend_one(&member);
    assert_eq!(wallets.world.number("select count(*) from pushes").await, 0);

    let opened = wallets.world.tradeup_json(&["wallet", "set", "aurora", "shopify", "--opening"]);
    let balances = wallets.world.number("select sum(balance_minor)::bigint from accounts").await;
    assert_eq!(opened["opening_minor"].as_i64(), Some(balances));
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let again = wallets.world.tradeup_json(&["wallet", "set", "aurora", "shopify", "--opening"]);
    assert_eq!(again["opening_lots"].as_i64(), Some(0));
    wallets.all_told().await;
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_before_it_can_be_used_is_never_told() {
    let wallets = Wallets::new(10, 304, "shopify").await;
    let _services = (wallets.world.start_both().await, wallets.world.start("webhooks").await);
    let jobs = wallets.world.jobs().await;
    for tier in ["gold", "silver", "bronze"] {
        wallets.world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--cashback", "5%"]);
    }
    let member: String = sqlx::query_scalar(
        "select m.external_id from members m join memberships s on s.member_id = m.id order by m.id limit 1",
    )
    .fetch_one(&wallets.world.database.admin)
    .await
    .unwrap();
    let line = json!({ "price_minor": 10_000, "quantity": 1 });
    let paid = |order: &str| {
        json!({ "order_external_id": order, "member_external_id": member, "currency": "USD",
        "lines": [line], "paid_at": "2026-10-01T00:00:00Z", "updated_at": "2026-10-01T00:00:00Z",
        "needs_fulfilment": true })
    };
    let publish = async |topic: &str, id: &str, body: serde_json::Value| {
        let subject = format!("events.aurora.shop.{}", topic.replace('.', "=2E"));
        jobs.publish_event(&subject, &[("ce-id", id)], body.to_string().as_bytes()).await;
    };
    publish("order.paid", "e1", paid("1")).await;
    publish("order.paid", "e2", paid("2")).await;
    super::eventually("both are settled", super::SOON, || async {
        (wallets.world.number("select count(*) from lots where reason = 'cashback'").await == 2).then_some(())
    })
    .await;
    publish("order.cancelled", "e3", json!({ "order_external_id": "1" })).await;
    // Fulfilled long ago: it can be used now.
    publish("order.fulfilled", "e4", json!({ "order_external_id": "2", "at": "2026-10-02T00:00:00Z" })).await;
    super::eventually("the second can be used", super::SOON, || async {
        let sent = "select count(*) from pushes where state = 'sent'";
        (wallets.world.number(sent).await == 1).then_some(())
    })
    .await;
    wallets.all_told().await;
    assert_eq!(wallets.at_shop(&member), 500);
    assert_eq!(wallets.bookings(Kind::Credit), 1);
    assert_eq!(wallets.bookings(Kind::Debit), 0, "what was never told is not taken back");
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_shop_refuses_is_kept_and_told_again_when_a_person_says_so() {
    let wallets = Wallets::new(12, 305, "shopify").await;
    let _services = wallets.world.start_both().await;
    let now = chrono::DateTime::UNIX_EPOCH;
    let ceiling = |minor| SettingsChange { ceiling_minor: Some(minor), ..SettingsChange::default() };
    wallets.shop(|shop| shop.change(ceiling(100), now));
    wallets.month("2026-11").await;
    wallets.all_told().await;
    let refused = wallets.world.number("select count(*) from pushes where state = 'failed'").await;
    assert!(refused > 0);
    let run = wallets.reconcile().await;
    assert_eq!(run["state"], "succeeded");
    let differences = wallets.differences();
    assert_eq!(i64::try_from(differences.len()).unwrap(), refused);
    assert!(differences[0]["cause"].as_str().unwrap().contains("refused"), "{}", differences[0]);
    let failed = wallets.world.tradeup_json(&["wallet", "pushes", "aurora", "--state", "failed"]);
    assert!(failed[0]["error"].as_str().unwrap().contains("CREDIT_LIMIT_EXCEEDED"), "{failed}");

    wallets.shop(|shop| shop.change(ceiling(1_000_000), now));
    let resolve =
        ["wallet", "resolve", "aurora", "--all-failed", "--tell-again", "--reason", "the ceiling was raised"];
    assert_eq!(wallets.world.tradeup_json(&resolve)["resolved"].as_i64(), Some(refused));
    wallets.all_told().await;
    wallets.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_that_is_switched_off_is_told_nothing_until_it_is_on_again() {
    let wallets = Wallets::new(10, 306, "shopify").await;
    let _services = wallets.world.start_both().await;
    wallets.shop(|shop| shop.frozen = true);
    wallets.month("2026-10").await;
    wallets.world.tradeup_ok(&["wallet", "set", "aurora", "none"]);
    wallets.shop(|shop| shop.frozen = false);
    wallets.month("2026-11").await;
    // A run that has nothing to tell comes to its end.
    wallets.world.tradeup_ok(&["probe", "--service", "credits"]);
    assert_eq!(wallets.bookings(Kind::Credit), 0);
    wallets.world.tradeup_ok(&["wallet", "set", "aurora", "shopify", "--opening"]);
    let waiting: Vec<String> = sqlx::query_scalar(
        "select id::text from runs where task = 'push-store-credit' and state = 'retrying'",
    )
    .fetch_all(&wallets.world.database.admin)
    .await
    .unwrap();
    for run in waiting {
        wallets.world.tradeup_ok(&["retry", &run, "--reason", "the shop is back"]);
    }
    wallets.all_told().await;
    wallets.agrees().await;
}
