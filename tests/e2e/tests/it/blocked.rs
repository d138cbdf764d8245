//! A hand on a table, so that a service stops in the middle of a transaction for as long as a test
//! needs.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tradeup_harness::{World, eventually};

const SOON: Duration = Duration::from_secs(30);

/// Waits until a session of `service` waits for a lock.
pub(crate) async fn is_stuck(world: &World, service: &str) {
    eventually(&format!("{service} is stuck in a transaction"), SOON, || async {
        let stuck: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'",
        )
        .bind(service)
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
        (stuck > 0).then_some(())
    })
    .await;
}

/// Holds a table so that whoever writes to it waits, in the middle of a transaction.
pub(crate) struct Blocked {
    holder: PgConnection,
}

impl Blocked {
    /// Holds `table`.
    pub(crate) async fn table(world: &World, table: &str) -> Self {
        let mut holder = PgConnection::connect_with(&world.database.admin.connect_options()).await.unwrap();
        let lock = format!("begin; lock table {table} in share mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut holder).await.unwrap();
        Self { holder }
    }

    /// Waits until a session of `service` is stuck at the table.
    pub(crate) async fn catches(&self, world: &World, service: &str) {
        is_stuck(world, service).await;
    }

    /// Lets go.
    pub(crate) async fn release(self) {
        self.holder.close().await.unwrap();
    }
}
