//! A simulated week on a database that vacuums itself: what grows though nothing more is live is bloat or a leak.
//!
//! Each day has its orders and spends as events, its expiration, and its retention; the first has a month of credits. A
//! day takes as long as its work and a pause. What is kept for days (runs, bodies of events) is kept for as many simulated
//! ones; autovacuum looks every second instead of every minute, since a day is that much shorter. Its thresholds are those
//! of the migrations.

mod sizes;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tradeup_harness::{Jobs, Shop, World, eventually_at, pause};

use self::sizes::Sizes;
use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const WITHIN: Duration = Duration::from_secs(900);
/// What is in circulation of each member when the week begins: so many lots without an end, and one that ends.
const LOTS: u64 = 3;
/// The statement that housekeeping deletes ended runs by; here its days are seconds.
const DELETE_ENDED: &str = include_str!("../../../services/shared/store/src/retention/delete_ended_runs.sql");
const TREES: i64 = 50;

/// Sizes, dead rows, updates in place and times of each simulated day.
#[derive(Args)]
pub(crate) struct Week {
    /// Members of the shop. The full run: 200,000.
    #[arg(long, default_value_t = 5_000)]
    members: u64,
    /// Orders a day; as many spends. The full run: 10,000.
    #[arg(long, default_value_t = 500)]
    orders: u64,
    /// Simulated days.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(2..=28))]
    days: u64,
    /// For how many of them ended runs and bodies of events are kept.
    #[arg(long, default_value_t = 2)]
    keep: usize,
    /// Seconds of each night, in which nothing is asked for.
    #[arg(long, default_value_t = 3)]
    night: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One simulated day.
struct Day {
    phases: Vec<(&'static str, f64)>,
    sizes: Sizes,
}

impl Week {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let world = self.world().await?;
        let services =
            [world.start("scheduler").await, world.start("credits").await, world.start("webhooks").await];
        let jobs = world.jobs().await;
        let members: Vec<String> = sqlx::query_scalar("select external_id from members order by id")
            .fetch_all(&world.database.admin)
            .await?;
        let mut ends = Vec::new();
        let mut days: Vec<Day> = Vec::new();
        for n in 1..=self.days {
            let mut phases = Vec::new();
            if n == 1 {
                phases.push(("month", triggered(&world, &["monthly-credits", "--period", "2025-12"]).await?));
            }
            phases.push(("events", self.events(&world, &jobs, &members, n).await?));
            let as_of = format!("2026-01-{n:02}T12:00:00Z");
            phases.push(("expiry", triggered(&world, &["credit-expiration", "--as-of", &as_of]).await?));
            ends.push(Instant::now());
            let kept_from = ends.len().checked_sub(self.keep + 1).and_then(|at| ends.get(at));
            phases.push(("retention", forget(&world, kept_from.map(Instant::elapsed)).await?));
            pause(Duration::from_secs(self.night)).await;
            let sizes = Sizes::read(&world.database.admin, days.last().map(|day| &day.sizes)).await?;
            let day = Day { phases, sizes };
            println!("{}", shown(n, &day));
            days.push(day);
        }
        let proof = world.tradeup(&["verify"]);
        ensure!(proof.code == 0, "the ledger does not hold: {}", proof.stdout);
        drop(services);
        // The first days fill what is kept; from then on nothing but the ledger may grow.
        let first = days.get(self.keep.min(days.len() - 2)).context("no day")?;
        let last = days.last().context("no day")?;
        let grown = last.sizes.grown_since(&first.sizes);
        println!("grown beyond what is live: {grown:#}");
        let figures = json!({ "members": self.members, "orders_a_day": self.orders, "days": days.iter().map(Day::json)
            .collect::<Vec<_>>(), "grown_beyond_live": grown });
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&figures)?)?;
        }
        Ok(())
    }

    async fn world(&self) -> anyhow::Result<World> {
        let mut world = servers::world().await;
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        eprintln!("making a shop of {} members", self.members);
        world.add_shop_since(&Shop::new("aurora", self.members, 1), "2000-01-01");
        for tier in ["gold", "silver", "bronze"] {
            world.tradeup_ok(&["tenant", "tier", "aurora", tier, "--cashback", "5%"]);
        }
        let mut session = world.database.admin.acquire().await?;
        // What is made here is right: looking up each key again takes longer than all the rest.
        sqlx::query("set session_replication_role = replica").execute(&mut *session).await?;
        sqlx::raw_sql(AssertSqlSafe(self.circulation())).execute(&mut *session).await?;
        sqlx::query("reset session_replication_role").execute(&mut *session).await?;
        sqlx::query("vacuum analyze").execute(&mut *session).await?;
        for statement in ["alter system set autovacuum_naptime = '1s'", "select pg_reload_conf()"] {
            sqlx::raw_sql(statement).execute(&mut *session).await?;
        }
        drop(session);
        Ok(world)
    }

    /// Each member's lots of 1.00; of one a thirtieth ends each day of January.
    fn circulation(&self) -> String {
        format!(
            "insert into accounts (tenant_id, member_id, currency, balance_minor)
             select tenant_id, id, 'USD', ({LOTS} + 1) * 100 from members;
             create temp table made as
             select m.tenant_id, m.id as member_id, gen_random_uuid() as id, k,
                case when k = 0 then timestamptz '2026-01-01' + m.n % 30 * interval '1 day' end as ends_at
             from (select *, row_number() over (order by id) as n from members) as m
             cross join generate_series(0, {LOTS}) as k;
             insert into lots (tenant_id, id, member_id, currency, value_class, reason, source_key, granted_minor,
                remaining_minor, available_at, expires_at, ends_at, anchor_on, run_id)
             select tenant_id, id, member_id, 'USD', 'promotional', 'monthly', to_char(2000 + k, 'FM0000') || '-01', 100,
                100, '2020-01-01', ends_at, ends_at, '2020-01-01', '00000000-0000-0000-0000-000000000001' from made;
             insert into ledger_entries (tenant_id, id, lot_id, member_id, currency, kind, amount_minor, key,
                effective_at, run_id)
             select tenant_id, id, id, member_id, 'USD', 'grant', 100, 'grant', '2020-01-01',
                '00000000-0000-0000-0000-000000000001' from made;
             update retention set runs_deleted_through = '00000000-0000-0000-0000-000000000001'"
        )
    }

    /// A day's orders, each followed by a spend of another member's; seconds until all of it is booked.
    async fn events(&self, world: &World, jobs: &Jobs, members: &[String], day: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for n in 0..self.orders {
            let number = day * 10_000_000 + n;
            // By a stride that meets everybody in the end.
            let member = |k: u64| {
                let at = usize::try_from(number.wrapping_mul(7_919).wrapping_add(k)).unwrap_or_default();
                members.get(at % members.len()).context("there are members")
            };
            let order = json!({ "order_external_id": number.to_string(), "member_external_id": member(0)?,
                "currency": "USD", "lines": [{ "price_minor": 2_500, "quantity": 1 }],
                "paid_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" });
            let spent = json!({ "member_external_id": member(1)?,
                "amount": { "amount_minor": 10, "currency": "USD" }, "reference": format!("order {number}") });
            for (topic, body) in [("order=2Epaid", order), ("credit=2Espent", spent)] {
                let id = format!("{topic} {number}");
                let subject = format!("events.aurora.shop.{topic}");
                jobs.publish_event(&subject, &[("ce-id", &id)], body.to_string().as_bytes()).await;
            }
        }
        eventually_at(LOOK_EVERY, "all of a day's events are booked", WITHIN, || async {
            let left = jobs.events_left().await;
            let unfinished = world.number("select count(*) from runs where finished_at is null").await;
            (left == 0 && unfinished == 0).then_some(())
        })
        .await;
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Seconds of a run with all below it.
async fn triggered(world: &World, what: &[&str]) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let shown = world.tradeup_json(&[&["trigger"][..], what].concat());
    let run = shown["run_id"].as_str().context("no run")?.to_owned();
    let story = world.ended_within(&run, WITHIN, LOOK_EVERY).await;
    ensure!(story["state"] == "succeeded", "{what:?} is {}", story["state"]);
    Ok(begun.elapsed().as_secs_f64())
}

/// Deletes runs and erases bodies that are older, as housekeeping does; seconds.
async fn forget(world: &World, older: Option<Duration>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let Some(older) = older else { return Ok(0.0) };
    let delete = DELETE_ENDED.replace("make_interval(days => $1)", "make_interval(secs => $1)");
    loop {
        let runs: i64 = sqlx::query_scalar(AssertSqlSafe(delete.clone()))
            .bind(older.as_secs_f64())
            .bind(TREES)
            .fetch_one(&world.database.admin)
            .await?;
        if runs == 0 {
            break;
        }
    }
    sqlx::query(
        "update events set body = null, erased_at = clock_timestamp()
         where body is not null and received_at < now() - make_interval(secs => $1)",
    )
    .bind(older.as_secs_f64())
    .execute(&world.database.admin)
    .await?;
    Ok(begun.elapsed().as_secs_f64())
}

impl Day {
    fn json(&self) -> Value {
        let seconds: serde_json::Map<String, Value> =
            self.phases.iter().map(|(name, seconds)| ((*name).to_owned(), json!(seconds))).collect();
        json!({ "seconds": seconds, "sizes": self.sizes.json() })
    }
}

fn shown(n: u64, day: &Day) -> String {
    let phases: Vec<String> =
        day.phases.iter().map(|(name, seconds)| format!("{name} {seconds:.1} s")).collect();
    format!("day {n}: {}\n{}", phases.join(", "), day.sizes.shown())
}
