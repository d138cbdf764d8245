//! A large shop of which it is known what is in it.

use chrono::{DateTime, Utc};
use tradeup_harness::{AS_OF, Planting, World};
use tradeup_store::{Durability, Pool, Purpose, TenantId};

use crate::servers;

/// It, with one connection to it as services have them.
pub(super) struct LargeShop {
    pub(super) world: World,
    pub(super) pool: Pool,
    pub(super) tenant: TenantId,
}

impl LargeShop {
    /// Plants it: two of five members lose credit soon, a quarter has just stopped ordering, some pay in euros. The
    /// statistics are fresh, as they are in a database that has been there for a day.
    pub(super) async fn plant(members: u64) -> anyhow::Result<Self> {
        let world = servers::world().await;
        eprintln!("planting {members} members");
        let planting =
            Planting { expiring: 400, other_currency: 50, ..Planting::churn_wave("large", members) };
        let tenant = TenantId(planting.plant(&world.database).await);
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let url = &world.database.app_url;
        let pool = tradeup_store::connect(url, "bench", 1, Purpose::Service, Durability::Required).await?;
        Ok(Self { world, pool, tenant })
    }

    /// The instant that it is planted for.
    pub(super) fn as_of() -> anyhow::Result<DateTime<Utc>> {
        Ok(AS_OF.parse()?)
    }

    /// Rows of what a snapshot is made of.
    pub(super) async fn rows(&self) -> anyhow::Result<serde_json::Value> {
        let (orders, lots, entries): (i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from orders), (select count(*) from lots), (select count(*) from ledger_entries)",
        )
        .fetch_one(&self.world.database.admin)
        .await?;
        Ok(serde_json::json!({ "orders": orders, "lots": lots, "ledger_entries": entries }))
    }
}
