//! Small runs: one credit each. How many a second, and how long from the wish to the effect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tradeup_broker::Broker;
use tradeup_domain::grant::{Grant, ValueClass};
use tradeup_domain::{Currency, Money};
use tradeup_harness::{Shop, World, eventually};
use tradeup_proto::v1;
use tradeup_store::credits;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{Durability, Pool, Purpose, RunId, TenantId, TenantRef, Tx};
use tradeup_worker::{Relay, trigger};

const MEMBERS: u64 = 2_000;
const ENDS_WITHIN: Duration = Duration::from_secs(600);

/// Throughput of small runs, then latency at 20 a second and at half of that throughput.
#[derive(Args)]
pub(crate) struct Grants {
    /// Runs whose throughput is measured.
    #[arg(long, default_value_t = 20_000)]
    runs: usize,
    /// Seconds at each rate.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    connections: usize,
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

impl Grants {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let field = Arc::new(self.field().await?);
        let mut figures = Vec::new();

        // All are in the stream before the service starts.
        let scheduler = field.world.start("scheduler").await;
        let enqueued = Instant::now();
        field.clone().wish(self.runs, self.connections * 2, "full").await?;
        let enqueue_s = enqueued.elapsed().as_secs_f64();
        let credits = field.world.start("credits").await;
        field.ended().await;
        let (rate, _) = field.seen("full").await?;
        let floor = field.clone().floor(self.runs, self.connections).await?;
        figures.push(json!({ "what": "throughput", "runs": self.runs, "runs_per_second": round(rate),
            "floor_per_second": round(floor), "ratio": round(rate / floor),
            "enqueued_per_second": round(count(self.runs) / enqueue_s) }));

        for (name, per_second) in [("rate-20", 20.0), ("rate-half", rate / 2.0)] {
            let floor = field.floor_latency(per_second, self.seconds.min(10)).await?;
            field.clone().wish_at(per_second, self.seconds, name).await?;
            field.ended().await;
            let (_, latency) = field.seen(name).await?;
            figures.push(json!({ "what": "latency", "per_second": round(per_second), "ms": latency,
                "floor_ms": floor }));
        }
        drop((scheduler, credits));
        println!("{}", serde_json::to_string_pretty(&figures)?);
        Ok(())
    }

    async fn field(&self) -> anyhow::Result<Field> {
        let mut world = World::with_own_postgres().await;
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), self.connections.to_string());
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        world.add_shop_since(&Shop::new("aurora", MEMBERS, 1), "2000-01-01");
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

impl Field {
    fn member(&self, n: usize) -> anyhow::Result<&String> {
        self.members.get(n % self.members.len()).context("there are members")
    }

    /// One wish, as a webhook or a person makes it: a run and its message in one commit, then published.
    async fn wish_one(&self, name: &str, n: usize) -> anyhow::Result<()> {
        let grant = v1::GrantCredit {
            member_external_id: self.member(n)?.clone(),
            amount: Some(v1::Money { amount_minor: 125, currency: "USD".to_owned() }),
            reason: "bench".to_owned(),
            source_key: format!("bench:{name}:{n}"),
            ..v1::GrantCredit::default()
        };
        let by = Trigger::Manual("bench".to_owned());
        let new = trigger::grant_credit(self.tenant.clone(), &grant, self.now, by);
        let mut tx = Tx::of_engine(&self.pool).await?;
        let created = runs::create(&mut tx, new).await?;
        tx.commit().await?;
        self.relay.publish_jobs(created.message.as_slice()).await;
        Ok(())
    }

    /// As fast as so many at once can.
    async fn wish(self: Arc<Self>, wishes: usize, at_once: usize, name: &'static str) -> anyhow::Result<()> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut under_way = JoinSet::new();
        for n in 0..wishes {
            let place = Arc::clone(&places).acquire_owned().await?;
            let field = Arc::clone(&self);
            under_way.spawn(async move {
                let done = field.wish_one(name, n).await;
                drop(place);
                done
            });
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(())
    }

    /// At a rate, however long each takes: whoever is slow does not slow down the others.
    async fn wish_at(
        self: Arc<Self>,
        per_second: f64,
        seconds: u64,
        name: &'static str,
    ) -> anyhow::Result<()> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let wishes = (per_second * Duration::from_secs(seconds).as_secs_f64()) as usize;
        for n in 0..wishes {
            ticks.tick().await;
            let field = Arc::clone(&self);
            under_way.spawn(async move { field.wish_one(name, n).await });
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn ended(&self) {
        eventually("every run has ended", ENDS_WITHIN, || async {
            let left = "select count(*) from runs where finished_at is null";
            (self.world.number(left).await == 0).then_some(())
        })
        .await;
    }

    /// Runs a second, and percentiles of the time from the wish to the effect in milliseconds; both by
    /// the database's clock.
    async fn seen(&self, name: &str) -> anyhow::Result<(f64, Value)> {
        let (failed, seconds, p50, p99, most): (i64, f64, f64, f64, f64) = sqlx::query_as(
            "select count(*) filter (where state <> 'succeeded'),
                 count(*) / extract(epoch from max(finished_at) - min(started_at))::float8,
                 percentile_cont(0.5) within group (order by ms), percentile_cont(0.99) within group (order by ms),
                 max(ms)
             from (select *, extract(epoch from finished_at - created_at)::float8 * 1000 as ms from runs
                 where starts_with(key, 'bench:' || $1 || ':')) as timed",
        )
        .bind(name)
        .fetch_one(&self.world.database.admin)
        .await?;
        ensure!(failed == 0, "{failed} runs of {name} did not succeed");
        Ok((seconds, json!({ "p50": round(p50), "p99": round(p99), "max": round(most) })))
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
    async fn floor(self: Arc<Self>, grants: usize, connections: usize) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let mut loops = JoinSet::new();
        for first in 0..connections {
            let field = Arc::clone(&self);
            loops.spawn(async move {
                for n in (first..grants).step_by(connections) {
                    field.give("floor", n).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = loops.join_next().await {
            done??;
        }
        Ok(count(grants) / begun.elapsed().as_secs_f64())
    }

    /// How long such a transaction takes at a rate, in milliseconds.
    async fn floor_latency(&self, per_second: f64, seconds: u64) -> anyhow::Result<Value> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        let (begun, mut took, mut n) = (Instant::now(), Vec::new(), 0);
        while begun.elapsed() < Duration::from_secs(seconds) {
            ticks.tick().await;
            let one = Instant::now();
            self.give(&format!("floor-{per_second}"), n).await?;
            took.push(one.elapsed().as_secs_f64() * 1000.0);
            n += 1;
        }
        took.sort_by(f64::total_cmp);
        let at =
            |part: usize| took.get((took.len() * part / 100).min(took.len() - 1)).copied().unwrap_or(0.0);
        Ok(json!({ "p50": round(at(50)), "p99": round(at(99)) }))
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}
