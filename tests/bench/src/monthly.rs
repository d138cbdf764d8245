//! Monthly credits: members a second, end to end.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tradeup_domain::Period;
use tradeup_harness::{Process, Shop, World};
use tradeup_store::{Durability, Purpose};

use crate::{floor, procfs};

/// The database keeps the times; a look of ours only takes the processor from what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Monthly credits end to end, from trigger to the end of the root run.
#[derive(Args)]
pub(crate) struct Monthly {
    /// Shops.
    #[arg(long, default_value_t = 50)]
    shops: u64,
    /// Members of each; nine in ten have a tier.
    #[arg(long, default_value_t = 2_000)]
    members: u64,
    /// Rounds; the first is not counted.
    #[arg(long, default_value_t = 6)]
    rounds: u32,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Only the system, without a floor.
    #[arg(long)]
    no_floor: bool,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One round's figures.
struct Round {
    members: i64,
    system_s: f64,
    floor_s: Option<f64>,
    cpu: Cpu,
}

/// CPU seconds of each process in a round.
#[derive(Clone, Copy, Default)]
struct Cpu {
    scheduler: f64,
    credits: f64,
    postgres: f64,
    nats: f64,
}

struct Ids {
    scheduler: u32,
    credits: u32,
    postgres: u32,
    nats: u32,
}

impl Ids {
    fn cpu(&self) -> Cpu {
        Cpu {
            scheduler: procfs::cpu_seconds_of_tree(self.scheduler),
            credits: procfs::cpu_seconds_of_tree(self.credits),
            postgres: procfs::cpu_seconds_of_tree(self.postgres),
            nats: procfs::cpu_seconds_of_tree(self.nats),
        }
    }
}

impl Monthly {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        ensure!(self.rounds >= 2, "two rounds at least: the first is not counted");
        let mut world = World::with_own_postgres().await;
        let connections = self.connections.to_string();
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), connections);
        // What is measured is a service as it comes.
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        eprintln!("importing {} shops with {} members each", self.shops, self.members);
        for shop in 1..=self.shops {
            world.add_shop_since(&Shop::new(&format!("shop-{shop}"), self.members, shop), "2000-01-01");
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let scheduler = world.start("scheduler").await;
        let credits = world.start("credits").await;
        let ids = ids(&world, &scheduler, &credits)?;

        let mut rounds = Vec::new();
        for n in 0..self.rounds {
            let round = self.round(&world, &ids, n).await?;
            eprintln!(
                "round {n}{}: {} members, system {:.0}/s{}",
                if n == 0 { " (not counted)" } else { "" },
                round.members,
                per_second(round.members, round.system_s),
                round
                    .floor_s
                    .map(|s| format!(", floor {:.0}/s", per_second(round.members, s)))
                    .unwrap_or_default(),
            );
            rounds.push(round);
        }
        rounds.remove(0);
        let figures = self.figures(&rounds, &scheduler, &credits)?;
        println!("{}", serde_json::to_string_pretty(&figures)?);
        if let Some(path) = &self.json {
            fs::write(path, serde_json::to_string_pretty(&figures)?)?;
        }
        let proof = world.tradeup(&["verify"]);
        // The floor writes credits without runs: only the system's own periods can be proved whole.
        ensure!(!self.no_floor || proof.code == 0, "the ledger does not hold: {}", proof.stdout);
        Ok(())
    }

    /// The system credits one month, the floor another.
    async fn round(&self, world: &World, ids: &Ids, n: u32) -> anyhow::Result<Round> {
        let (year, floor_year) = (2001 + n, 2013 + n);
        let before = ids.cpu();
        let begun = Instant::now();
        let run = world.trigger(&format!("{year}-01"));
        let story = wait(world, &run).await?;
        let observed_s = begun.elapsed().as_secs_f64();
        let after = ids.cpu();
        let members = story["progress"]["affected"].as_i64().context("no count of credits")?;
        // From creation to the end of the root run, by the database's clock.
        let system_s: f64 = sqlx::query_scalar(
            "select extract(epoch from finished_at - created_at)::float8 from runs where id = $1::uuid",
        )
        .bind(&run)
        .fetch_one(&world.database.admin)
        .await?;
        ensure!(system_s <= observed_s, "clocks disagree: {system_s} s by the database, {observed_s} s here");
        let floor_s = if self.no_floor {
            None
        } else {
            let planned = floor::planned(&world.database.admin, &run).await?;
            let most = u32::try_from(self.connections)?;
            let url = &world.database.app_url;
            // Connections as the service has them.
            let pool =
                tradeup_store::connect(url, "floor", most, Purpose::Service, Durability::Required).await?;
            let period: Period = format!("{floor_year}-01").parse()?;
            let (took, granted) = floor::credit(&pool, planned, period, self.connections).await?;
            pool.close().await;
            ensure!(granted == members, "the floor credited {granted} members, the system {members}");
            Some(took.as_secs_f64())
        };
        let cpu = Cpu {
            scheduler: after.scheduler - before.scheduler,
            credits: after.credits - before.credits,
            postgres: after.postgres - before.postgres,
            nats: after.nats - before.nats,
        };
        Ok(Round { members, system_s, floor_s, cpu })
    }

    fn figures(&self, rounds: &[Round], scheduler: &Process, credits: &Process) -> anyhow::Result<Value> {
        let rate = |of: fn(&Round) -> Option<f64>| -> Vec<f64> {
            rounds.iter().filter_map(|r| of(r).map(|s| per_second(r.members, s))).collect()
        };
        let system = rate(|r| Some(r.system_s));
        let floor = rate(|r| r.floor_s);
        let ratios: Vec<f64> = system.iter().zip(&floor).map(|(system, floor)| system / floor).collect();
        let cpu = |of: fn(&Cpu) -> f64| median(&rounds.iter().map(|r| of(&r.cpu)).collect::<Vec<_>>());
        Ok(json!({
            "shops": self.shops, "members_each": self.members, "connections": self.connections, "rounds": rounds.len(),
            "members_credited": rounds.first().map(|r| r.members),
            "system_members_per_second": summary(&system),
            "floor_members_per_second": summary(&floor),
            "ratio_to_floor": summary(&ratios),
            "cpu_seconds": { "scheduler": cpu(|c| c.scheduler), "credits": cpu(|c| c.credits),
                "postgres": cpu(|c| c.postgres), "nats": cpu(|c| c.nats) },
            "peak_mib": { "scheduler": procfs::peak_mib(scheduler.id())?, "credits": procfs::peak_mib(credits.id())? },
        }))
    }
}

fn per_second(members: i64, seconds: f64) -> f64 {
    f64::from(i32::try_from(members).unwrap_or(i32::MAX)) / seconds
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn summary(values: &[f64]) -> Value {
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return Value::Null;
    }
    json!({ "median": round(median(values)), "min": round(least), "max": round(most) })
}

async fn wait(world: &World, run: &str) -> anyhow::Result<Value> {
    let story = world.ended_within(run, Duration::from_secs(3600), LOOK_EVERY).await;
    if story["state"] != "succeeded" {
        bail!("the run is {}: {}", story["state"], story["error"]);
    }
    Ok(story)
}

fn ids(world: &World, scheduler: &Process, credits: &Process) -> anyhow::Result<Ids> {
    let status = world.servers.status();
    let id = |server: &str| -> anyhow::Result<u32> {
        let id =
            status[server]["pid"].as_u64().with_context(|| format!("no process id of {server}: {status}"))?;
        Ok(u32::try_from(id)?)
    };
    Ok(Ids { scheduler: scheduler.id(), credits: credits.id(), postgres: id("postgres")?, nats: id("nats")? })
}
