//! Shops see no outage: what was answered with 200 is there, whatever stops.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tradeup_fakes::shopify::Webhook;
use tradeup_harness::{Server, World, eventually};

use super::{told, told_in};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn without_nats_an_event_is_a_row_and_is_handled_when_nats_is_back() {
    let told = told("USD").await;
    told.world.servers.kill(Server::Nats);
    for _ in 0..3 {
        told.accept_sample("orders-paid.json").await;
    }
    assert_eq!(told.number("select count(*) from events").await, 1);
    assert_eq!(told.number("select count(*) from runs where finished_at is null").await, 1);
    told.world.servers.up(Server::Nats);
    told.settled().await;
    assert_eq!(told.balance().await, 488);
    // And it is taken by the stream again.
    told.accept_sample("refunds-create-line-items.json").await;
    told.settled().await;
    assert_eq!(told.balance().await, 272);
    told.assert_proved();
}

#[tokio::test]
async fn webhooks_that_starts_without_nats_keeps_rows_and_works_once_nats_is_there() {
    let mut told = told("USD").await;
    drop(told.services.remove(0));
    told.world.servers.kill(Server::Nats);
    let webhooks = told.world.spawn("webhooks");
    told.port = crate::http::port(&webhooks).await;
    told.accept_sample("orders-paid.json").await;
    assert_eq!(told.number("select count(*) from events").await, 1);
    told.world.servers.up(Server::Nats);
    told.settled().await;
    assert_eq!(told.balance().await, 488);
    // And one that is told to end meanwhile ends.
    told.world.servers.kill(Server::Nats);
    webhooks.kill();
    let webhooks = told.world.spawn("webhooks");
    crate::http::port(&webhooks).await;
    assert!(webhooks.terminate(SOON).await.success());
    told.world.servers.up(Server::Nats);
    told.assert_proved();
}

#[tokio::test]
async fn without_postgres_an_event_is_in_the_stream_and_without_both_it_is_to_be_sent_again() {
    let told = told_in(World::with_own_postgres().await, "USD").await;
    told.world.servers.stop(Server::Postgres);
    told.accept_sample("orders-paid.json").await;
    told.world.servers.kill(Server::Nats);
    eventually("nobody keeps it", SOON, || async {
        (told.send(&told.sample("refunds-create-line-items.json")).await == 503).then_some(())
    })
    .await;
    told.world.servers.up(Server::Postgres);
    told.world.servers.up(Server::Nats);
    eventually("it is kept again", SOON, || async {
        (told.send(&told.sample("refunds-create-line-items.json")).await == 200).then_some(())
    })
    .await;
    eventually("both are settled", SOON, || async {
        let settled: Option<i64> = sqlx::query_scalar("select sum(balance_minor)::bigint from accounts")
            .fetch_one(&told.world.database.admin)
            .await
            .ok()
            .flatten();
        (settled == Some(272)).then_some(())
    })
    .await;
    told.settled().await;
    told.assert_proved();
}

#[tokio::test]
async fn a_killed_webhooks_loses_nothing_that_it_has_answered_for() {
    let mut told = told("USD").await;
    told.accept_sample("orders-paid.json").await;
    told.services.remove(0).kill();
    let webhooks = told.world.start("webhooks").await;
    told.port = crate::http::port(&webhooks).await;
    told.settled().await;
    assert_eq!(told.balance().await, 488);
    told.assert_proved();
}

#[tokio::test]
async fn a_flash_sale_of_one_shop_does_not_hold_up_another() {
    let told = told("USD").await;
    let world = &told.world;
    let quiet_shop = "borealis.myshopify.com";
    world.tradeup_ok(&["tenant", "add", "borealis", "--currency", "USD", "--tier", "gold=0:gold"]);
    world.tradeup_ok(&["tenant", "set", "borealis", "--shop", quiet_shop]);
    let body = String::from_utf8(told.sample("orders-paid.json").body).unwrap();
    let order = |number: u32| body.replace("5600112233440", &format!("99{number:07}"));
    // As fast as it goes, so that they wait.
    let sale: Vec<Webhook> = (0..400)
        .map(|number| Webhook::new(&told.secret, &told.shop, "orders/paid", order(number).as_bytes()))
        .collect();
    // And nothing is worked off meanwhile: what is taken waits for this lock.
    let mut held = world.database.admin.begin().await.unwrap();
    sqlx::query("lock table orders in exclusive mode").execute(&mut *held).await.unwrap();
    let begun = Instant::now();
    futures::stream::iter(&sale).for_each_concurrent(32, |webhook| told.accept(webhook)).await;
    told.accept(&Webhook::new(&told.secret, quiet_shop, "orders/paid", order(400).as_bytes())).await;
    // All of them wait, and who is before whom is not for the intake to decide.
    eventually("each is a run", SOON, || async {
        let runs = "select count(*) from runs where task = 'handle-order-paid'";
        (told.number(runs).await == 401).then_some(())
    })
    .await;
    held.rollback().await.unwrap();
    told.settled().await;
    let took = begun.elapsed();
    // First come, first served would make it the last, but for those that are worked on beside it.
    let passed = "select count(*) from runs r join tenants t on t.id = r.tenant_id
        where t.handle = 'harbour' and r.finished_at > (
            select q.finished_at from runs q join tenants o on o.id = q.tenant_id where o.handle = 'borealis')";
    let passed = told.number(passed).await;
    assert!(passed > 20, "it has passed {passed} of the sale");
    // What it may tell at once, five for each second that it took, and the one of the quiet shop.
    let urgent = told.number("select count(*) from runs where urgent and task = 'handle-order-paid'").await;
    let most = 51 + 5 * (i64::try_from(took.as_secs()).unwrap() + 1);
    assert!((51..=most).contains(&urgent), "{urgent} took the lane of quiet shops within {took:?}");
    told.assert_proved();
}
