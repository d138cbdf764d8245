//! Expiration: members a second, over a ledger of which only a part has ended; and in how much memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tradeup_harness::{Process, Shop, World};
use tradeup_store::credits::{ExpirationBatch, MemberBatch as _};
use tradeup_store::runs::BatchRange;
use tradeup_store::{Durability, Purpose, RunId, TenantId, Tx};
use uuid::Uuid;

use crate::procfs;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const ENDS_WITHIN: Duration = Duration::from_secs(3600);

/// The expiration of a large ledger, end to end, and the same SQL in a plain loop.
#[derive(Args)]
pub(crate) struct Expiry {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    members: u64,
    /// Lots of each.
    #[arg(long, default_value_t = 5)]
    lots: u64,
    /// One member in so many has a lot that ends on a day; the rest of the ledger is only looked at.
    #[arg(long, default_value_t = 10)]
    one_in: u64,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

impl Expiry {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = World::with_own_postgres().await;
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), self.connections.to_string());
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        world.add_shop_since(&Shop::new("aurora", 1, 1), "2000-01-01");
        eprintln!("making {} members with {} lots each", self.members, self.lots);
        let one_in = self.one_in;
        let ends = format!(
            "case when k > 1 then null when n % {one_in} = 0 then timestamptz '2026-01-15'
                when n % {one_in} = 1 then '2026-02-15' else '2026-03-15' end"
        );
        large_ledger(&world, self.members, self.lots, &ends).await?;
        let scheduler = world.start("scheduler").await;
        let credits = world.start("credits").await;

        // Nothing has ended, one lot in so many members, again for the floor, and all of them.
        let nothing = expire(&world, "2026-01-01T00:00:00Z").await?;
        let some = expire(&world, "2026-02-01T00:00:00Z").await?;
        let floor = self.floor(&world, "2026-03-01T00:00:00Z".parse()?).await?;
        let all = expire(&world, "2026-04-01T00:00:00Z").await?;
        let proof =
            world.tradeup(&["preview", "credit-expiration", "--as-of", "2026-02-01T00:00:00Z", "--diff"]);
        ensure!(proof.code == 0, "what had ended is not expired: {}", proof.stdout);
        let figures = json!({ "members": self.members, "lots": self.members * self.lots,
            "nothing_ended": nothing, "one_in": self.one_in, "some_ended": some, "floor": floor,
            "the_rest_ended": all,
            "ratio_to_floor": ratio(&some, &floor),
            "peak_mib": peaks(&scheduler, &credits)? });
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }

    /// The same SQL in plain loops, batch by batch, on members of their own.
    async fn floor(&self, world: &World, as_of: DateTime<Utc>) -> anyhow::Result<Value> {
        // Planned beforehand, as the system's own planning does it, with a run for each batch.
        let parent = RunId::new();
        let planned = format!(
            "insert into batch_plans values ('{parent}', 1, 'credit-expiration-batch', '', 1);
             insert into batches (parent_run_id, seq, tenant_id, currency, first_member_id, last_member_id, members,
                state, run_id)
             select '{parent}', part, 1, 'USD', (array_agg(member_id order by member_id))[1],
                (array_agg(member_id order by member_id desc))[1], count(*), 'released', gen_random_uuid()
             from (select member_id, (row_number() over (order by member_id) - 1) / 100 as part
                from lots where tenant_id = 1 and ends_at <= '{as_of}' and remaining_minor > 0) as due
             group by part"
        );
        sqlx::raw_sql(AssertSqlSafe(planned)).execute(&world.database.admin).await?;
        let batches: Vec<(Uuid, Uuid, Uuid, i32)> = sqlx::query_as(
            "select run_id, first_member_id, last_member_id, members from batches where parent_run_id = $1 order by seq",
        )
        .bind(parent.0)
        .fetch_all(&world.database.admin)
        .await?;
        let pool = tradeup_store::connect(
            &world.database.app_url,
            "floor",
            u32::try_from(self.connections)?,
            Purpose::Service,
            Durability::Required,
        )
        .await?;
        let queue = std::sync::Arc::new(tokio::sync::Mutex::new(batches.into_iter()));
        let begun = Instant::now();
        let mut loops = tokio::task::JoinSet::new();
        for _ in 0..self.connections {
            let (pool, queue) = (pool.clone(), std::sync::Arc::clone(&queue));
            loops.spawn(async move {
                let mut expired = 0_i64;
                loop {
                    let Some((run, first, last, members)) = queue.lock().await.next() else {
                        return anyhow::Ok(expired);
                    };
                    let range = BatchRange { first, last, members };
                    let batch = ExpirationBatch { tenant: TenantId(1), run_id: RunId(run), as_of, range };
                    let mut tx = Tx::of_tenant(&pool, TenantId(1)).await?;
                    expired += i64::from(batch.apply(&mut tx, range).await?.affected);
                    tx.commit().await?;
                }
            });
        }
        let mut expired = 0;
        while let Some(done) = loops.join_next().await {
            expired += done??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        pool.close().await;
        Ok(
            json!({ "members": expired, "seconds": round(seconds), "members_per_second": per_second(expired, seconds) }),
        )
    }
}

/// Members with lots of 1.00 each. `ends` says when the lot `k` (from 1) of the member `n` ends.
pub(crate) async fn large_ledger(world: &World, members: u64, lots: u64, ends: &str) -> anyhow::Result<()> {
    let statements = format!(
        "create temp table ids as select n, gen_random_uuid() as id from generate_series(1, {members}) as n;
         insert into members (tenant_id, id, external_id) select 1, id, 'b' || n from ids;
         insert into accounts (tenant_id, member_id, currency, balance_minor)
         select 1, id, 'USD', {lots} * 100 from ids;
         create temp table made as
         select ids.id as member_id, gen_random_uuid() as id, k, {ends} as ends_at
         from ids cross join generate_series(1, {lots}) as k;
         insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor,
            remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id)
         select 1, id, member_id, 'USD', 'promotional', 'monthly', to_char(2000 + k, 'FM0000') || '-01', 100, 100,
            '2020-01-01', ends_at, ends_at, '2020-01-01', id from made;
         insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
            effective_at, run_id)
         select 1, id, id, member_id, 'USD', 'grant', 100, 'grant', '2020-01-01', id from made;"
    );
    let mut session = world.database.admin.acquire().await?;
    // What is made here is right: looking up each key again takes longer than all the rest.
    sqlx::query("set session_replication_role = replica").execute(&mut *session).await?;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *session).await?;
    sqlx::query("reset session_replication_role").execute(&mut *session).await?;
    sqlx::query("vacuum analyze").execute(&mut *session).await?;
    Ok(())
}

/// An expiration end to end: seconds until the root run has ended, by the database's clock.
async fn expire(world: &World, as_of: &str) -> anyhow::Result<Value> {
    let shown = world.tradeup_json(&["trigger", "credit-expiration", "--as-of", as_of]);
    let run = shown["run_id"].as_str().context("no run")?.to_owned();
    let story = world.ended_within(&run, ENDS_WITHIN, LOOK_EVERY).await;
    ensure!(story["state"] == "succeeded", "the expiration is {}", story["state"]);
    let expired = story["progress"]["affected"].as_i64().context("no count")?;
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from finished_at - created_at)::float8 from runs where id = $1::uuid",
    )
    .bind(&run)
    .fetch_one(&world.database.admin)
    .await?;
    Ok(
        json!({ "members": expired, "seconds": round(seconds), "members_per_second": per_second(expired, seconds) }),
    )
}

fn per_second(members: i64, seconds: f64) -> f64 {
    (f64::from(i32::try_from(members).unwrap_or(i32::MAX)) / seconds).round()
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn ratio(system: &Value, floor: &Value) -> Option<f64> {
    let of = |value: &Value| value["members_per_second"].as_f64();
    Some(round(of(system)? / of(floor)?))
}

fn peaks(scheduler: &Process, credits: &Process) -> anyhow::Result<Value> {
    Ok(json!({ "scheduler": procfs::peak_mib(scheduler.id())?, "credits": procfs::peak_mib(credits.id())? }))
}
