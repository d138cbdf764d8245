//! The daily look for credit about to end, over a large ledger, beside a bare look at the same index.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use sqlx::AssertSqlSafe;
use tradeup_harness::{Shop, World};

use crate::expiry::large_ledger;
use crate::figures::Figure;
use crate::procfs;
use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const PLANNED_WITHIN: Duration = Duration::from_secs(600);

/// How long it takes from trigger to planned batches. Without `credits`, so that no mail is sent.
#[derive(Args)]
pub(crate) struct WarningScan {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) members: u64,
    /// Lots of each.
    #[arg(long, default_value_t = 5)]
    pub(crate) lots: u64,
    /// One member in so many has a lot that ends within 7 days.
    #[arg(long, default_value_t = 10)]
    pub(crate) one_in: u64,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: u64,
}

impl WarningScan {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        let mut world = servers::world().await;
        world.add_shop_since(&Shop::new("aurora", 1, 1), "2000-01-01");
        eprintln!("making {} members with {} lots each", self.members, self.lots);
        let ends = format!(
            "case when k = 1 and n % {} = 0 then now() + interval '10 days'
                else now() + interval '100 days' end",
            self.one_in
        );
        large_ledger(&world, self.members, self.lots, &ends).await?;
        let scheduler = world.start("scheduler").await;
        let mut nothing = Vec::new();
        for _ in 0..self.rounds {
            let (members, seconds) = planned(&world).await?;
            ensure!(members == 0, "nothing ends within 7 days yet, but {members} members were planned");
            nothing.push(seconds);
        }
        sqlx::query(
            "update lots set expires_at = expires_at - interval '5 days', ends_at = ends_at - interval '5 days'
             where ends_at < now() + interval '20 days'",
        )
        .execute(&world.database.admin)
        .await?;
        sqlx::query("vacuum analyze lots").execute(&world.database.admin).await?;
        let (mut floor, mut some) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            floor.push(bare(&world).await?);
            some.push(planned(&world).await?.1);
        }
        let named =
            |figure: &str| format!("warnings, {} members with {} lots: {figure}", self.members, self.lots);
        Ok(vec![
            Figure::cost(&named(&format!("planned, one in {} is warned", self.one_in)), "s", some)
                .beside(floor),
            Figure::cost(&named("planned, nobody is"), "s", nothing),
            Figure::cost(&named("memory of scheduler"), "MiB", vec![procfs::peak_mib(scheduler.id())?]),
        ])
    }
}

/// Members, and seconds from trigger until the tenant's batches are planned, by the database's clock.
async fn planned(world: &World) -> anyhow::Result<(i64, f64)> {
    let shown = world.tradeup_json(&["trigger", "expiration-warning"]);
    let run = shown["run_id"].as_str().context("no run")?.to_owned();
    let query = format!(
        "select extract(epoch from a.finished_at - p.created_at)::float8,
            coalesce((select sum(members) from batches where parent_run_id = r.id), 0)::bigint
         from runs p join runs r on r.parent_id = p.id join attempts_made a on a.run_id = r.id
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
    Ok((row.1, row.0))
}

/// Seconds in which the same lots are counted through their index, and nothing done with them.
async fn bare(world: &World) -> anyhow::Result<f64> {
    let begun = Instant::now();
    sqlx::query_scalar::<_, i64>(
        "select count(distinct member_id) from lots where tenant_id = 1 and remaining_minor > 0
             and ends_at > now() and ends_at <= now() + interval '7 days'",
    )
    .fetch_one(&world.database.admin)
    .await?;
    Ok(begun.elapsed().as_secs_f64())
}
