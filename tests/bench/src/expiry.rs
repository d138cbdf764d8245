//! Expiration: members a second, over a ledger of which only a part has ended; and in how much memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use clap::Args;
use sqlx::AssertSqlSafe;
use tradeup_harness::{Shop, World};
use tradeup_store::credits::{ExpirationBatch, MemberBatch as _};
use tradeup_store::runs::BatchRange;
use tradeup_store::{Durability, Purpose, RunId, TenantId, Tx};
use uuid::Uuid;

use crate::figures::{Figure, count};
use crate::procfs;
use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const ENDS_WITHIN: Duration = Duration::from_secs(3600);

/// The expiration of a large ledger, end to end, and the same SQL in a plain loop.
#[derive(Args)]
pub(crate) struct Expiry {
    /// Members.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) members: u64,
    /// Lots of each.
    #[arg(long, default_value_t = 5)]
    pub(crate) lots: u64,
    /// Rounds, each with a month of its own for the system and one for the floor.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: u64,
    /// One member in so many has a lot that ends on a day; the rest of the ledger is only looked at.
    #[arg(long, default_value_t = 20)]
    pub(crate) one_in: u64,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    pub(crate) connections: usize,
}

impl Expiry {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        ensure!(self.one_in >= 2 * self.rounds, "each round takes two parts of the members");
        let mut world = servers::world().await;
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), self.connections.to_string());
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        world.add_shop_since(&Shop::new("aurora", 1, 1), "2000-01-01");
        eprintln!("making {} members with {} lots each", self.members, self.lots);
        // Member n has a lot that ends in the month of n, if that is one of the rounds' months.
        let (one_in, months) = (self.one_in, self.rounds * 2);
        let ends = format!(
            "case when k > 1 or n % {one_in} >= {months} then null
                else timestamptz '2026-01-15' + make_interval(months => (n % {one_in})::int) end"
        );
        large_ledger(&world, self.members, self.lots, &ends).await?;
        let scheduler = world.start("scheduler").await;
        let credits = world.start("credits").await;
        let month = |n: u64| {
            let first = NaiveDate::from_ymd_opt(2026, 1, 1)?
                .checked_add_months(Months::new(u32::try_from(n).ok()?))?;
            Some(first.and_time(NaiveTime::MIN).and_utc())
        };
        let month = |n: u64| month(n).context("a month");
        let (mut nothing, mut own, mut floor) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.rounds {
            // Everything up to this month has ended already.
            nothing.push(expire(&world, month(round * 2)?).await?.1);
            let (members, seconds) = expire(&world, month(round * 2 + 1)?).await?;
            own.push(count(members) / seconds);
            let (members, seconds) = self.floor(&world, month(round * 2 + 2)?).await?;
            floor.push(count(members) / seconds);
            eprintln!("round {round}: {:?}/s, floor {:?}/s", own.last(), floor.last());
        }
        let as_of = month(months)?.to_rfc3339();
        let proof = world.tradeup(&["preview", "credit-expiration", "--as-of", &as_of, "--diff"]);
        ensure!(proof.code == 0, "what had ended is not expired: {}", proof.stdout);
        let named =
            |figure: &str| format!("expiration, {} members with {} lots: {figure}", self.members, self.lots);
        Ok(vec![
            Figure::rate(&named("expired"), "members/s", own).beside(floor),
            Figure::cost(&named("a day on which nothing ends"), "s", nothing),
            Figure::cost(&named("memory of credits"), "MiB", vec![procfs::peak_mib(credits.id())?]),
            Figure::cost(&named("memory of scheduler"), "MiB", vec![procfs::peak_mib(scheduler.id())?]),
        ])
    }

    /// The same SQL in plain loops, batch by batch, on members of their own.
    async fn floor(&self, world: &World, as_of: DateTime<Utc>) -> anyhow::Result<(i64, f64)> {
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
        Ok((expired, seconds))
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

/// An expiration end to end: members, and seconds until the root run has ended by the database's clock.
async fn expire(world: &World, as_of: DateTime<Utc>) -> anyhow::Result<(i64, f64)> {
    let shown = world.tradeup_json(&["trigger", "credit-expiration", "--as-of", &as_of.to_rfc3339()]);
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
    Ok((expired, seconds))
}
