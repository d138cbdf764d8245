//! Small runs: one credit each. How many a second, and how long from the wish to the effect.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tradeup_broker::Broker;
use tradeup_domain::grant::{Grant, ValueClass};
use tradeup_domain::{Currency, Money};
use tradeup_harness::{Shop, World, eventually_at};
use tradeup_proto::v1;
use tradeup_store::credits;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{Durability, Pool, Purpose, RunId, TenantId, TenantRef, Tx};
use tradeup_worker::{Relay, trigger};

use crate::figures::{Figure, Goal, Spread, count, percentile};
use crate::{procfs, servers, statements};

const MEMBERS: u64 = 2_000;
const ENDS_WITHIN: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A credit at its least: a row with a unique key and a balance.
const FLOOR_TABLES: &str =
    "create table floor_balances (member int primary key, balance_minor bigint not null);
    create table floor_entries (id bigint generated always as identity primary key, key text not null unique,
        member int not null, amount_minor bigint not null, at timestamptz not null default now());
    insert into floor_balances select n, 0 from generate_series(0, 1999) as n;
    grant select, insert, update on floor_balances, floor_entries to tradeup_app";
const FLOOR_CREDIT: &str = "with entered as (
        insert into floor_entries (key, member, amount_minor) values ($1, $2, 125) on conflict (key) do nothing returning member
    ) update floor_balances b set balance_minor = balance_minor + 125 from entered e where b.member = e.member";

/// Throughput of small runs, then latency at 20 a second and at a quarter of what can be wished for.
#[derive(Args)]
pub(crate) struct Grants {
    /// Runs of each round.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) runs: usize,
    /// Seconds at each rate.
    #[arg(long, default_value_t = 15)]
    pub(crate) seconds: u64,
    /// Rounds; the first of throughput is not counted.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    pub(crate) connections: usize,
}

/// What it takes to wish for a credit, and to give it.
struct Field {
    world: World,
    pool: Pool,
    relay: Relay,
    tenant: TenantRef,
    members: Vec<String>,
    now: DateTime<Utc>,
}

/// Percentiles of each round.
#[derive(Default)]
struct Percentiles {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Percentiles {
    fn add(&mut self, (p50, p99): (f64, f64)) {
        self.p50.push(p50);
        self.p99.push(p99);
    }
}

impl Grants {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        // So that it is known when something was there for others. PostgreSQL takes the time just before it writes a commit to
        // disk, so what that takes is in nobody's latency but that of the wish.
        let world = servers::world_with(&["track_commit_timestamp = on"]).await;
        let field = Arc::new(self.field(world).await?);
        let _scheduler = field.world.start("scheduler").await;
        let mut figures = Vec::new();
        let (mut rates, mut wishes, mut plain, mut floors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let name = format!("full-{round}");
            // All are in the stream before the service starts.
            let enqueued = Instant::now();
            field.clone().wish(self.runs, self.connections * 2, &name).await?;
            let enqueued = count(self.runs) / enqueued.elapsed().as_secs_f64();
            let credits = field.world.start("credits").await;
            field.ended().await;
            drop(credits);
            let rate = field.rate(&name).await?;
            let floor = field.clone().floor(self.runs, self.connections, Floor::Least, &name).await?;
            let statement = field.clone().floor(self.runs, self.connections, Floor::Statement, &name).await?;
            eprintln!("round {round}: {rate:.0}/s, floor {floor:.0}/s, its own statement {statement:.0}/s");
            if round > 0 {
                rates.push(rate);
                wishes.push(enqueued);
                floors.push(floor);
                plain.push(statement);
            }
        }
        // Whoever wishes has the same two cores, and waits for itself at more.
        let median = |rounds: &[f64]| Spread::of(rounds).median;
        let quarter = median(&rates).min(median(&wishes)) / 4.0;
        let beside =
            |name: &str, rounds: Vec<f64>| Figure::rate(name, "runs/s", rounds).beside(floors.clone());
        figures.push(beside("one-credit runs", rates).goal(Goal::OfFloor(1.0)));
        figures.push(beside("one credit by its own statement, without a run", plain));
        figures.push(Figure::rate("wishes for a credit", "runs/s", wishes));

        let credits = field.world.start("credits").await;
        for (label, per_second) in [("20 a second", 20.0), ("a quarter of the throughput", quarter)] {
            let (mut own, mut floor) = (Percentiles::default(), Percentiles::default());
            for round in 0..self.rounds {
                let name = format!("{label}-{round}");
                floor.add(field.floor_latency(&name, per_second, self.seconds.min(10)).await?);
                let began = field.clone().wish_at(per_second, self.seconds, &name).await?;
                field.ended().await;
                own.add(field.latency(&format!("bench:{name}"), &began).await?);
            }
            let goals = (label == "20 a second").then_some((1.2, 3.0));
            let figure = |which: &str, own: Vec<f64>, floor: Vec<f64>, goal: Option<f64>| {
                let figure =
                    Figure::cost(&format!("trigger to effect, {label}, {which}"), "ms", own).beside(floor);
                goal.map_or(figure.clone(), |goal| figure.goal(Goal::AboveFloor(goal)))
            };
            figures.push(figure("p50", own.p50, floor.p50, goals.map(|goals| goals.0)));
            figures.push(figure("p99", own.p99, floor.p99, goals.map(|goals| goals.1)));
        }
        figures.push(Figure::cost(
            "memory of credits after one-credit runs",
            "MiB",
            vec![procfs::peak_mib(credits.id())?],
        ));
        Ok(figures)
    }

    /// One round of little.
    pub(crate) fn one_round() -> Self {
        Self { runs: 1_000, seconds: 10, rounds: 1, connections: 8 }
    }

    /// Runs that are all at hand, and nothing else; and how many there were.
    pub(crate) async fn only_runs(&self, world: World) -> anyhow::Result<(World, f64)> {
        let field = Arc::new(self.field(world).await?);
        let scheduler = field.world.start("scheduler").await;
        field.clone().wish(self.runs, self.connections * 2, "counted").await?;
        drop(scheduler);
        statements::reset(&field.world).await?;
        let credits = field.world.start("credits").await;
        field.ended().await;
        drop(credits);
        left(field, count(self.runs))
    }

    /// Runs at twenty a second, wishes included.
    pub(crate) async fn only_trickle(&self, world: World) -> anyhow::Result<(World, f64)> {
        let field = Arc::new(self.field(world).await?);
        let credits = field.world.start("credits").await;
        field.clone().wish_at(20.0, 5, "warm").await?;
        statements::reset(&field.world).await?;
        field.clone().wish_at(20.0, self.seconds, "counted").await?;
        field.ended().await;
        drop(credits);
        left(field, 20.0 * count(self.seconds))
    }

    async fn field(&self, mut world: World) -> anyhow::Result<Field> {
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), self.connections.to_string());
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        world.add_shop_since(&Shop::new("aurora", MEMBERS, 1), "2000-01-01");
        sqlx::raw_sql(FLOOR_TABLES).execute(&world.database.admin).await?;
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let members = sqlx::query_scalar("select external_id from members order by id")
            .fetch_all(&world.database.admin)
            .await?;
        let id: i64 = sqlx::query_scalar("select id from tenants").fetch_one(&world.database.admin).await?;
        let now = sqlx::query_scalar("select now()").fetch_one(&world.database.admin).await?;
        let most = u32::try_from(self.connections * 2 + 2)?;
        let url = &world.database.app_url;
        let pool = tradeup_store::connect(url, "bench", most, Purpose::Service, Durability::Required).await?;
        let broker = Broker::connect(&world.environment["TRADEUP_NATS_URL"], "bench").await?;
        // The first service makes the streams.
        drop(world.start("scheduler").await);
        let tenant = TenantRef { id: TenantId(id), handle: "aurora".to_owned() };
        Ok(Field { world, pool, relay: Relay::new(broker), tenant, members, now })
    }
}

/// The world when all is done in it, and how many runs there were.
fn left(field: Arc<Field>, runs: f64) -> anyhow::Result<(World, f64)> {
    Ok((Arc::into_inner(field).context("nobody works any more")?.world, runs))
}

/// When a credit was begun, by the clock of this machine, which is PostgreSQL's.
struct Began {
    n: usize,
    at: DateTime<Utc>,
}

impl Began {
    #[expect(clippy::disallowed_methods, reason = "it is compared with a time that PostgreSQL wrote down")]
    fn now(n: usize) -> Self {
        Self { n, at: Utc::now() }
    }
}

/// A credit without a run.
#[derive(Clone, Copy)]
enum Floor {
    /// A row with a unique key and a balance, in one statement.
    Least,
    /// The statement that the task uses, in a transaction of its own.
    Statement,
}

impl Field {
    fn member(&self, n: usize) -> anyhow::Result<&String> {
        self.members.get(n % self.members.len()).context("there are members")
    }

    /// One wish, as `tradeup grant` makes it: a run and its message in one commit, then published.
    /// Answers when it was begun.
    async fn wish_one(&self, name: &str, n: usize) -> anyhow::Result<Began> {
        let began = Began::now(n);
        let grant = v1::GrantCredit {
            member_external_id: self.member(n)?.clone(),
            amount: Some(v1::Money { amount_minor: 125, currency: "USD".to_owned() }),
            reason: "bench".to_owned(),
            source_key: format!("bench:{name}:{n}"),
            ..v1::GrantCredit::default()
        };
        let by = Trigger::Manual("bench".to_owned());
        let new = trigger::grant_credit(self.tenant.clone(), &grant, self.now, by);
        let created = runs::create_alone(&self.pool, new).await?;
        self.relay.publish_jobs(created.message.as_slice()).await;
        Ok(began)
    }

    /// As fast as so many at once can.
    async fn wish(self: Arc<Self>, wishes: usize, at_once: usize, name: &str) -> anyhow::Result<()> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut under_way = JoinSet::new();
        for n in 0..wishes {
            let place = Arc::clone(&places).acquire_owned().await?;
            let (field, name) = (Arc::clone(&self), name.to_owned());
            under_way.spawn(async move {
                let done = field.wish_one(&name, n).await;
                drop(place);
                done.map(drop)
            });
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(())
    }

    /// At a rate, however long each takes: whoever is slow does not slow down the others.
    /// Answers when each was begun.
    async fn wish_at(
        self: Arc<Self>,
        per_second: f64,
        seconds: u64,
        name: &str,
    ) -> anyhow::Result<Vec<Began>> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let wishes = (per_second * Duration::from_secs(seconds).as_secs_f64()) as usize;
        for n in 0..wishes {
            ticks.tick().await;
            let (field, name) = (Arc::clone(&self), name.to_owned());
            under_way.spawn(async move { field.wish_one(&name, n).await });
        }
        let mut all = Vec::with_capacity(wishes);
        while let Some(done) = under_way.join_next().await {
            all.push(done??);
        }
        Ok(all)
    }

    async fn ended(&self) {
        // Rarely, and only whether there is one: a count of all that wait, a hundred times a second, was half of the machine.
        eventually_at(LOOK_EVERY, "every run has ended", ENDS_WITHIN, || async {
            let left = "select exists (select from runs where finished_at is null)::int::bigint";
            (self.world.number(left).await == 0).then_some(())
        })
        .await;
    }

    /// Runs a second, by the database's clock.
    async fn rate(&self, name: &str) -> anyhow::Result<f64> {
        let (failed, per_second): (i64, f64) = sqlx::query_as(
            "select count(*) filter (where state <> 'succeeded'),
                 count(*) / extract(epoch from max(finished_at) - min(started_at))::float8
             from runs where starts_with(key, 'bench:' || $1 || ':')",
        )
        .bind(name)
        .fetch_one(&self.world.database.admin)
        .await?;
        ensure!(failed == 0, "{failed} runs of {name} did not succeed");
        Ok(per_second)
    }

    /// Percentiles of the time until the credits of these keys were committed, in milliseconds.
    async fn latency(&self, keys: &str, began: &[Began]) -> anyhow::Result<(f64, f64)> {
        let committed: Vec<(String, DateTime<Utc>)> = sqlx::query_as(
            "select source_key, pg_xact_commit_timestamp(xmin) from lots where starts_with(source_key, $1 || ':')",
        )
        .bind(keys)
        .fetch_all(&self.world.database.admin)
        .await?;
        let committed: HashMap<String, DateTime<Utc>> = committed.into_iter().collect();
        let took = began.iter().map(|began| {
            let at = committed.get(&format!("{keys}:{}", began.n)).context("each credit was given")?;
            Ok((*at - began.at).as_seconds_f64() * 1000.0)
        });
        let took: Vec<f64> = took.collect::<anyhow::Result<_>>()?;
        Ok((percentile(&took, 50), percentile(&took, 99)))
    }

    /// The statement that gives the credit, in a transaction of its own, without a run.
    async fn give(&self, name: &str, n: usize) -> anyhow::Result<()> {
        let grant = Grant {
            member_external_id: self.member(n)?.clone(),
            amount: Money { amount_minor: 125, currency: "USD".parse::<Currency>()? },
            reason: "floor".to_owned(),
            expires_at: None,
            value_class: ValueClass::Promotional,
            source_key: format!("{name}:{n}"),
        };
        let mut tx = Tx::of_tenant(&self.pool, self.tenant.id).await?;
        credits::grant(&mut tx, self.tenant.id, RunId::new(), &grant, self.now, None).await?;
        Ok(tx.commit().await?)
    }

    /// Credits a second in a plain loop on so many connections.
    async fn floor(
        self: Arc<Self>,
        grants: usize,
        connections: usize,
        which: Floor,
        name: &str,
    ) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let mut loops = JoinSet::new();
        for first in 0..connections {
            let (field, name) = (Arc::clone(&self), name.to_owned());
            loops.spawn(async move {
                let mut connection = field.pool.acquire().await?;
                for n in (first..grants).step_by(connections) {
                    match which {
                        Floor::Statement => field.give(&name, n).await?,
                        Floor::Least => {
                            let member = i32::try_from(n % field.members.len())?;
                            let credit = sqlx::query(FLOOR_CREDIT).bind(format!("{name}:{n}")).bind(member);
                            credit.execute(&mut *connection).await?;
                        }
                    }
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = loops.join_next().await {
            done??;
        }
        Ok(count(grants) / begun.elapsed().as_secs_f64())
    }

    /// Percentiles of the time until such a transaction was committed, at a rate, in milliseconds.
    async fn floor_latency(&self, name: &str, per_second: f64, seconds: u64) -> anyhow::Result<(f64, f64)> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        let (begun, mut all) = (Instant::now(), Vec::new());
        let name = format!("floor-{name}");
        while begun.elapsed() < Duration::from_secs(seconds) {
            ticks.tick().await;
            let began = Began::now(all.len());
            self.give(&name, began.n).await?;
            all.push(began);
        }
        self.latency(&name, &all).await
    }
}
