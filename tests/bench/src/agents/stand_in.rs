//! Small shops, agents that ask a stand-in for the provider which takes a known time to think, and the same requests
//! without agents.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tradeup_broker::Broker;
use tradeup_fakes::anthropic::planner::{MODEL, Planner};
use tradeup_fakes::anthropic::{Family, Limits, Options, Server};
use tradeup_harness::{Planting, World, eventually_at};
use tradeup_proto::v1;
use tradeup_store::runs::{self, Trigger};
use tradeup_store::{Durability, Pool, Purpose, TenantId, TenantRef, snapshots};
use tradeup_worker::{Relay, trigger};

use crate::servers;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const ENDS_WITHIN: Duration = Duration::from_secs(1800);

/// It.
pub(super) struct Setting {
    pub(super) world: World,
    pub(super) model: Server,
    pool: Pool,
    relay: Relay,
    shops: Vec<TenantRef>,
    as_of: DateTime<Utc>,
}

impl Setting {
    /// So many shops with as many members each, of which the snapshots are there. `agents` work on so many runs at once;
    /// neither they nor a scheduler are started yet.
    pub(super) async fn new(
        shops: usize,
        members: u64,
        delay: Duration,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let mut world = servers::world().await;
        let think_ms = u64::try_from(delay.as_millis())?;
        let model = Server::start_with(Options { think_ms, ..Options::default() }, Planner::new()).await?;
        // What the provider allows by the minute is nobody's concern here.
        let plenty =
            Limits { requests: 1_000_000, input_tokens: 1_000_000_000, output_tokens: 1_000_000_000 };
        for family in [Family::Opus, Family::Sonnet, Family::Other] {
            model.limit(family, plenty);
        }
        for (name, value) in [
            ("TRADEUP_ANTHROPIC_URL", model.base()),
            ("TRADEUP_ORCHESTRATOR_MODELS", MODEL.to_owned()),
            ("TRADEUP_SPECIALIST_MODELS", MODEL.to_owned()),
            ("TRADEUP_CONCURRENCY", at_once.to_string()),
        ] {
            world.environment.insert(name.to_owned(), value);
        }
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        let as_of: DateTime<Utc> =
            sqlx::query_scalar("select now()").fetch_one(&world.database.admin).await?;
        let url = &world.database.app_url;
        let pool = tradeup_store::connect(url, "bench", 4, Purpose::Service, Durability::Required).await?;
        let mut tenants = Vec::new();
        for shop in 0..shops {
            let handle = format!("shop-{shop}");
            // One in which there is something to plan.
            let planting =
                Planting { as_of: as_of.to_rfc3339(), ..Planting::contradictory(&handle, members) };
            let id = TenantId(planting.plant(&world.database).await);
            snapshots::ensure(&pool, id, as_of).await?;
            tenants.push(TenantRef { id, handle });
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let broker = Broker::connect(&world.environment["TRADEUP_NATS_URL"], "bench").await?;
        Ok(Self { world, model, pool, relay: Relay::new(broker), shops: tenants, as_of })
    }

    /// Asks for a plan of one of the shops.
    pub(super) async fn wish(&self, name: &str, n: usize) -> anyhow::Result<()> {
        let tenant = self.shops.get(n % self.shops.len()).context("there are shops")?;
        let goal = trigger::Asked::Goal(v1::PlanStrategicGoal {
            goal: "Reduce churn by a fifth".to_owned(),
            timeline_days: 90,
            ..v1::PlanStrategicGoal::default()
        });
        let by = Trigger::Manual("bench".to_owned());
        let new = goal.run(tenant.clone(), format!("{name}:{n}"), self.as_of, by)?;
        let created = runs::create_alone(&self.pool, new).await?;
        self.relay.publish_jobs(created.message.as_slice()).await;
        Ok(())
    }

    /// Waits until all runs have ended, of which each has to have a plan.
    pub(super) async fn ended(&self) -> anyhow::Result<()> {
        eventually_at(LOOK_EVERY, "every run has ended", ENDS_WITHIN, || async {
            let left = "select count(*) from runs where finished_at is null";
            (self.world.number(left).await == 0).then_some(())
        })
        .await;
        let without = "select count(*) from runs r where r.task = 'plan-strategic-goal'
                and not exists (select from plans p where p.run_id = r.id)";
        let without = self.world.number(without).await;
        ensure!(without == 0, "{without} runs have ended without a plan");
        Ok(())
    }

    /// Asks the stand-in what it was asked before, so many at once, as a plain client: seconds of all, and milliseconds of
    /// each.
    pub(super) async fn plainly(
        &self,
        bodies: Vec<String>,
        at_once: usize,
    ) -> anyhow::Result<(f64, Vec<f64>)> {
        let address = self.model.base().trim_start_matches("http://").to_owned();
        let places = Arc::new(Semaphore::new(at_once));
        let mut under_way = JoinSet::new();
        let begun = Instant::now();
        for body in bodies {
            let place = Arc::clone(&places).acquire_owned().await?;
            let address = address.clone();
            under_way.spawn(async move {
                let took = ask(&address, &body).await;
                drop(place);
                took
            });
        }
        let mut times = Vec::new();
        while let Some(took) = under_way.join_next().await {
            times.push(took??);
        }
        Ok((begun.elapsed().as_secs_f64(), times))
    }
}

/// Milliseconds from a request to the last byte of its answer.
async fn ask(address: &str, body: &str) -> anyhow::Result<f64> {
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         x-api-key: none\r\nanthropic-version: 2023-06-01\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let is_answered = answer.starts_with(b"HTTP/1.1 200");
    ensure!(is_answered, "{}", String::from_utf8_lossy(&answer).chars().take(400).collect::<String>());
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}
