//! Triggers what the comparison asks for, a command a line.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tradeup_broker::Broker;
use tradeup_proto::job_kind::MONTHLY_CREDITS;
use tradeup_proto::{Message as _, v1};
use tradeup_store::runs::{self, NewRun, RunOptions, Trigger};
use tradeup_store::{Durability, Pool, Purpose, TenantId, TenantRef};
use tradeup_worker::{Relay, trigger};

use super::tasks::{Asked, credit};
use super::{ROLE, Slot};

const CONNECTIONS: u32 = 8;
/// Shops among which single credits go round.
const SHOPS: i64 = 50;

/// What it takes to trigger something.
struct Producer {
    /// As the comparison gives it: it decides which shops take part.
    superuser: PgPool,
    pool: Pool,
    relay: Relay,
}

pub(super) async fn run(slot: &Slot) -> anyhow::Result<()> {
    let database = slot.database_as(ROLE)?;
    let pool =
        tradeup_store::connect(&database, "bench", CONNECTIONS, Purpose::Service, Durability::Required);
    let producer = Arc::new(Producer {
        superuser: PgPool::connect(slot.superuser()?.as_str()).await?,
        pool: pool.await?,
        relay: Relay::new(Broker::connect(&slot.nats(), "bench").await?),
    });
    producer.warm().await?;
    say("READY")?;
    while let Some(line) = spawn_blocking(|| std::io::stdin().lines().next()).await?.transpose()? {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["schedule", mode, period, shops, members] => {
                let asked = Asked::of(&format!("{period} {mode} {members}"))?;
                producer.schedule(&asked, shops.parse()?).await?
            }
            ["latency", period, rate, seconds] => {
                Arc::clone(&producer).latency(period, rate.parse()?, seconds.parse()?).await?
            }
            [] => continue,
            _ => bail!("{line:?} is no command"),
        };
        say(&answer.to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Seconds since 1970 by the machine's clock, which the comparison measures by.
#[expect(
    clippy::disallowed_methods,
    reason = "when something was asked for, by the clock of whoever measures"
)]
fn clock() -> anyhow::Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

impl Producer {
    /// Connected before the clock starts.
    async fn warm(&self) -> anyhow::Result<()> {
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS {
            held.push(self.pool.acquire().await?);
        }
        Ok(())
    }

    async fn now(&self) -> anyhow::Result<DateTime<Utc>> {
        Ok(sqlx::query_scalar("select now()").fetch_one(&self.superuser).await?)
    }

    /// A month over the shops up to a number. Which take part is their state, as in the product.
    async fn schedule(&self, asked: &Asked, shops: i64) -> anyhow::Result<Value> {
        sqlx::query("update tenants set state = case when id <= $1 then 'active' else 'suspended' end")
            .bind(shops)
            .execute(&self.superuser)
            .await?;
        let input = v1::MonthlyCredits { period: asked.text(), ..v1::MonthlyCredits::default() };
        let run = NewRun {
            task: MONTHLY_CREDITS.task.to_owned(),
            tenant: None,
            key: asked.text(),
            payload: input.encode_to_vec(),
            scheduled_for: self.now().await?,
            trigger: Trigger::Manual("bench".to_owned()),
            options: RunOptions::default(),
        };
        let t0 = clock()?;
        ensure!(self.create(run).await?, "{} was triggered before", asked.text());
        Ok(json!({ "t0": t0 }))
    }

    /// A run and its message in one commit, then published. Whether it is new.
    async fn create(&self, run: NewRun) -> anyhow::Result<bool> {
        let created = runs::create_alone(&self.pool, run).await?;
        self.relay.publish_jobs(created.message.as_slice()).await;
        Ok(created.is_new)
    }

    /// Single credits at a rate, however long each takes.
    async fn latency(self: Arc<Self>, period: &str, rate: f64, seconds: f64) -> anyhow::Result<Value> {
        let now = self.now().await?;
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut sent, mut under_way) = (Vec::new(), JoinSet::new());
        #[expect(clippy::cast_possible_truncation, reason = "a small count")]
        let count = (rate * seconds) as i64;
        for n in 0..count {
            let (shop, member) = (n % SHOPS + 1, n / SHOPS + 1);
            let tenant = TenantRef { id: TenantId(shop), handle: format!("shop-{shop}") };
            let by = Trigger::Event("bench".to_owned());
            let run = trigger::grant_credit(tenant, &credit(period, member), now, by);
            ticks.tick().await;
            sent.push(json!([shop, member, clock()?]));
            let producer = Arc::clone(&self);
            under_way.spawn(async move { producer.create(run).await });
        }
        while let Some(done) = under_way.join_next().await {
            done?.context("creating a run")?;
        }
        Ok(json!({ "sent": sent }))
    }
}
