//! A NATS client behind the proxy loses its server and finds it again, through the proxy.

use std::time::Duration;

use async_nats::{ConnectOptions, jetstream};
use tempfile::TempDir;
use tradeup_harness::{FaultProxy, Server, Servers, eventually};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_client_comes_back_through_the_proxy() {
    let dir = TempDir::new().unwrap();
    let servers = Servers::fresh(dir.path(), Some(Server::Nats));
    let url = &servers.environment()["TRADEUP_NATS_URL"];
    let proxy = FaultProxy::before(url, 5);
    let options = ConnectOptions::new().ping_interval(Duration::from_millis(200));
    let client = options.connect(proxy.through(url)).await.unwrap();
    let jetstream = jetstream::new(client.clone());
    let config = jetstream::stream::Config { name: "KEPT".to_owned(), ..Default::default() };
    jetstream.create_stream(config).await.unwrap();
    let publish = || async { jetstream.publish("KEPT", "x".into()).await.ok()?.await.ok() };
    assert!(publish().await.is_some());

    proxy.kill();
    eventually("the client notices", SOON, || async {
        (client.connection_state() != async_nats::connection::State::Connected).then_some(())
    })
    .await;
    proxy.pass();
    eventually("it publishes again", SOON, publish).await;

    proxy.black_hole();
    eventually("its pings stay unanswered", SOON, || async {
        (client.connection_state() != async_nats::connection::State::Connected).then_some(())
    })
    .await;
    proxy.pass();
    eventually("it publishes again", SOON, publish).await;
    // The first connection, one after the reset, one or more after the black hole.
    assert!(proxy.counters().accepted >= 3, "{:?}", proxy.counters());
    assert!(proxy.counters().swallowed > 0);
}
