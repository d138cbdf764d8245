//! The review of tiers of a large shop: whom it plans, and how long that takes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tradeup_harness::{Shop, World};

use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const ENDS_WITHIN: Duration = Duration::from_secs(3600);

/// The daily review of a shop whose members are all in a tier by spend, joined on days spread over years.
#[derive(Args)]
pub(crate) struct Tiers {
    /// Members.
    #[arg(long, default_value_t = 100_000)]
    members: u64,
    /// Orders of each.
    #[arg(long, default_value_t = 5)]
    orders: u64,
}

impl Tiers {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = servers::world().await;
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        world.add_shop_since(&Shop::new("aurora", 1, 1), "2000-01-01");
        for (tier, threshold) in [("gold", "1000.00"), ("silver", "500.00"), ("bronze", "0")] {
            world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--threshold", threshold]);
        }
        eprintln!("making {} members with {} orders each", self.members, self.orders);
        self.fill(&world).await?;
        let _scheduler = world.start("scheduler").await;
        let _credits = world.start("credits").await;
        // The first looks at all who could be raised; from then on only who has a date is planned.
        let first = review(&world).await?;
        let daily = review(&world).await?;
        let again = review(&world).await?;
        let begun = Instant::now();
        let preview = world.tradeup_json(&["tiers", "preview", "aurora"]);
        let figures = json!({ "members": self.members, "orders": self.members * self.orders,
            "first_review": first, "daily_review": daily, "once_more": again,
            "preview_seconds": round(begun.elapsed().as_secs_f64()), "preview": preview["totals"] });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }

    /// Members of gold; half of them have spent what gold asks for within the last 12 months.
    async fn fill(&self, world: &World) -> anyhow::Result<()> {
        let (members, orders) = (self.members, self.orders);
        let statements = format!(
            "create temp table ids as select n, gen_random_uuid() as id from generate_series(1, {members}) as n;
             insert into members (tenant_id, id, external_id) select 1, id, 'b' || n from ids;
             insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
             select 1, ids.id, tiers.id, 'active', 'spend', now() - interval '1 hour' - n % 1461 * interval '1 day'
             from ids join tiers on tiers.handle = 'gold';
             insert into orders (tenant_id, external_id, member_external_id, currency, base_minor, paid_at,
                version_at, member_id, rate_bps)
             select 1, n || '-' || k, 'b' || n, 'USD', 100000 / {orders} + 1,
                now() - interval '1 day' - n % 2 * interval '500 days', now(), id, 0
             from ids cross join generate_series(1, {orders}) as k;"
        );
        let mut session = world.database.admin.acquire().await?;
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *session).await?;
        sqlx::query("vacuum analyze").execute(&mut *session).await?;
        Ok(())
    }
}

/// A review end to end: by the database's clock, how long the whole took, and how long the planning.
async fn review(world: &World) -> anyhow::Result<Value> {
    let shown = world.tradeup_json(&["trigger", "tier-review"]);
    let run = shown["run_id"].as_str().context("no run")?.to_owned();
    let story = world.ended_within(&run, ENDS_WITHIN, LOOK_EVERY).await;
    ensure!(story["state"] == "succeeded", "the review is {}", story["state"]);
    let (seconds, planning): (f64, f64) = sqlx::query_as(
        "select extract(epoch from r.finished_at - r.created_at)::float8,
            (select extract(epoch from a.finished_at - a.started_at)::float8 from attempts_made a
                join runs t on t.id = a.run_id where t.parent_id = r.id limit 1)
         from runs r where r.id = $1::uuid",
    )
    .bind(&run)
    .fetch_one(&world.database.admin)
    .await?;
    let progress = &story["progress"];
    Ok(
        json!({ "planned": progress["members"], "batches": progress["batches"], "told_or_moved": progress["affected"],
        "planning_seconds": round(planning), "seconds": round(seconds) }),
    )
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
