//! Servers of a benchmark's own, set as they are deployed.

use sqlx::AssertSqlSafe;
use tradeup_harness::{Server, World};

/// PostgreSQL as deploy/kubernetes sets it up (docker-compose.yml: a quarter of the memory). The local servers, of which the
/// tests start several, take an eighth of it, and have a checkpoint each twenty seconds of a large month.
const AS_DEPLOYED: [&str; 4] = [
    "shared_buffers = '2GB'",
    "min_wal_size = '1GB'",
    "max_wal_size = '4GB'",
    "checkpoint_timeout = '15min'",
];

/// A world with servers of its own, with nothing in it.
pub(crate) async fn world() -> World {
    world_with(&[]).await
}

/// A world whose PostgreSQL has more settings than those.
///
/// # Panics
/// If it refuses them.
pub(crate) async fn world_with(settings: &[&str]) -> World {
    let world = World::with_own_postgres().await;
    for setting in AS_DEPLOYED.iter().chain(settings) {
        // What is not loaded yet has settings all the same.
        let set = format!("alter system set {setting}");
        let done = sqlx::query(AssertSqlSafe(set)).execute(&world.database.admin).await;
        assert!(done.is_ok(), "{setting}: {done:?}");
    }
    world.servers.stop(Server::Postgres);
    world.servers.up(Server::Postgres);
    world
}
