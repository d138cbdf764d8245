//! The daily look for credit about to end, over a large ledger, beside a bare look at the same index.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tradeup_harness::{Shop, World};

use crate::expiry::large_ledger;
use crate::procfs;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const PLANNED_WITHIN: Duration = Duration::from_secs(600);

/// How long it takes from trigger to planned batches. Without `credits`, so that no mail is sent.
#[derive(Args)]
pub(crate) struct WarningScan {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    members: u64,
    /// Lots of each.
    #[arg(long, default_value_t = 5)]
    lots: u64,
    /// One member in so many has a lot that ends within 7 days.
    #[arg(long, default_value_t = 10)]
    one_in: u64,
}

impl WarningScan {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = World::with_own_postgres().await;
        world.add_shop_since(&Shop::new("aurora", 1, 1), "2000-01-01");
        eprintln!("making {} members with {} lots each", self.members, self.lots);
        let ends = format!(
            "case when k = 1 and n % {} = 0 then now() + interval '10 days'
                else now() + interval '100 days' end",
            self.one_in
        );
        large_ledger(&world, self.members, self.lots, &ends).await?;
        let scheduler = world.start("scheduler").await;
        let nothing = planned(&world).await?;
        ensure!(nothing["members"] == 0, "nothing ends within 7 days yet: {nothing}");
        sqlx::query(
            "update lots set expires_at = expires_at - interval '5 days', ends_at = ends_at - interval '5 days'
             where ends_at < now() + interval '20 days'",
        )
        .execute(&world.database.admin)
        .await?;
        sqlx::query("vacuum analyze lots").execute(&world.database.admin).await?;
        let floor = bare(&world).await?;
        let some = planned(&world).await?;
        let ratio = floor["seconds"].as_f64().zip(some["seconds"].as_f64()).map(|(floor, some)| floor / some);
        let figures = json!({ "members": self.members, "lots": self.members * self.lots, "nothing_due": nothing,
            "one_in": self.one_in, "some_due": some, "bare_look": floor, "ratio_to_floor": ratio,
            "scheduler_peak_mib": procfs::peak_mib(scheduler.id())? });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }
}

/// Seconds from trigger until the tenant's batches are planned, by the database's clock.
async fn planned(world: &World) -> anyhow::Result<Value> {
    let shown = world.tradeup_json(&["trigger", "expiration-warning"]);
    let run = shown["run_id"].as_str().context("no run")?.to_owned();
    let query = format!(
        "select extract(epoch from a.finished_at - p.created_at)::float8,
            coalesce((select sum(members) from batches where parent_run_id = r.id), 0)::bigint
         from runs p join runs r on r.parent_id = p.id join attempts a on a.run_id = r.id
         where p.id = '{run}' and a.finished_at is not null"
    );
    let row: (f64, i64) =
        tradeup_harness::eventually_at(LOOK_EVERY, "it is planned", PLANNED_WITHIN, || async {
            sqlx::query_as(AssertSqlSafe(query.clone()))
                .fetch_optional(&world.database.admin)
                .await
                .ok()
                .flatten()
        })
        .await;
    Ok(json!({ "seconds": row.0, "members": row.1 }))
}

/// The same lots counted through their index, and nothing done with them.
async fn bare(world: &World) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let members: i64 = sqlx::query_scalar(
        "select count(distinct member_id) from lots where tenant_id = 1 and remaining_minor > 0
             and ends_at > now() and ends_at <= now() + interval '7 days'",
    )
    .fetch_one(&world.database.admin)
    .await?;
    Ok(json!({ "seconds": begun.elapsed().as_secs_f64(), "members": members }))
}
