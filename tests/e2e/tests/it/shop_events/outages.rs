//! Shops see no outage: what was answered with 200 is there, whatever stops.

use std::time::Duration;

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
