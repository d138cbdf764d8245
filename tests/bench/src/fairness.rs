//! One large shop beside many small ones: how long the small ones wait.

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};
use tradeup_harness::{Shop, World};

use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const ENDS_WITHIN: Duration = Duration::from_secs(3600);

/// A month of small shops alone, then beside a large one.
#[derive(Args)]
pub(crate) struct Fairness {
    /// Members of the large shop.
    #[arg(long, default_value_t = 1_000_000)]
    large: u64,
    /// Small shops.
    #[arg(long, default_value_t = 50)]
    shops: u64,
    /// Members of each.
    #[arg(long, default_value_t = 100)]
    members: u64,
}

impl Fairness {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = servers::world().await;
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        // The large one is the first in every list.
        eprintln!("importing {} members", self.large);
        world.add_shop_since(&Shop::new("large", self.large, 1), "2000-01-01");
        for shop in 1..=self.shops {
            world.add_shop_since(&Shop::new(&format!("small-{shop}"), self.members, shop + 1), "2000-01-01");
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let _services = world.start_both().await;
        sqlx::query("update tenants set state = 'suspended' where handle = 'large'")
            .execute(&world.database.admin)
            .await?;
        month(&world, "2026-01").await?;
        let alone = month(&world, "2026-02").await?;
        sqlx::query("update tenants set state = 'active'").execute(&world.database.admin).await?;
        let beside = month(&world, "2026-03").await?;
        let figures = json!({ "large_members": self.large, "small_shops": self.shops, "small_members": self.members,
            "small_alone_s": alone, "small_beside_large_s": beside });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }
}

/// Seconds from the trigger until small shops have ended: half of them, all of them; and the whole month.
async fn month(world: &World, period: &str) -> anyhow::Result<Value> {
    let run = world.trigger(period);
    let story = world.ended_within(&run, ENDS_WITHIN, LOOK_EVERY).await;
    ensure!(story["state"] == "succeeded", "the month is {}", story["state"]);
    let (p50, most, whole): (f64, f64, f64) = sqlx::query_as(
        "select percentile_cont(0.5) within group (order by s), max(s),
             (select extract(epoch from finished_at - created_at)::float8 from runs where id = $1::uuid)
         from (select extract(epoch from c.finished_at - p.created_at)::float8 as s
             from runs p join runs c on c.parent_id = p.id join tenants t on t.id = c.tenant_id
             where p.id = $1::uuid and t.handle <> 'large') as small",
    )
    .bind(&run)
    .fetch_one(&world.database.admin)
    .await?;
    let round = |x: f64| (x * 100.0).round() / 100.0;
    Ok(json!({ "half": round(p50), "all": round(most), "whole_month": round(whole) }))
}
