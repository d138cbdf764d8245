//! NATS or PostgreSQL killed in the middle and started again, NATS even without its data: the run
//! succeeds by itself, the ledger exact.

use std::time::Duration;

use tradeup_harness::{Server, Shop, World, eventually};

use crate::blocked::Blocked;

const SOON: Duration = Duration::from_secs(30);

/// Brings a run to its middle, and everything to a stop there.
async fn in_the_middle(world: &World) -> Blocked {
    eventually("some are credited", SOON, || async {
        (world.number("select count(*) from ledger_entries").await > 300).then_some(())
    })
    .await;
    let blocked = Blocked::table(world, "accounts").await;
    blocked.catches(world, "credits").await;
    let done = world.number("select count(*) from ledger_entries").await;
    assert!(done < world.due["aurora"].0, "in the middle");
    blocked
}

#[tokio::test]
async fn nats_is_killed_and_restarted() {
    let world = World::with_aurora(30_000, 71).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let blocked = in_the_middle(&world).await;
    world.servers.kill(Server::Nats);
    blocked.release().await;
    world.servers.up(Server::Nats);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn nats_loses_its_data() {
    let world = World::with_aurora(30_000, 73).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let blocked = in_the_middle(&world).await;
    world.servers.kill(Server::Nats);
    std::fs::remove_dir_all(world.dir.path().join("nats").join("jetstream")).unwrap();
    blocked.release().await;
    world.servers.up(Server::Nats);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn postgres_is_killed_and_restarted() {
    let mut world = World::with_own_postgres().await;
    world.add_shop(&Shop::new("aurora", 30_000, 72));
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let _blocked = in_the_middle(&world).await;
    world.servers.kill(Server::Postgres);
    world.servers.up(Server::Postgres);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}
