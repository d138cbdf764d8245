//! Monthly credits: members a second, end to end.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value;
use tradeup_domain::Period;
use tradeup_harness::{Process, Shop, World};
use tradeup_store::{Durability, Purpose};

use crate::figures::{Figure, Goal, count};
use crate::plant::plant;
use crate::running::{Cpu, Running};
use crate::{floor, procfs, servers};

/// The database keeps the times; a look of ours only takes the processor from what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Members of a shop that are not imported but planted, all of them in one tier.
const PLANTED_FROM: u64 = 1_000_000;

/// Monthly credits end to end, from trigger to the end of the root run.
#[derive(Args)]
pub(crate) struct Monthly {
    /// Shops and the members of each, of whom nine in ten have a tier: 50x2000, or 1x100000,500x100. Those of a million and
    /// more are planted by SQL, and all of them have one.
    #[arg(long, default_value = "50x2000", value_delimiter = ',')]
    pub(crate) shops: Vec<Shops>,
    /// Rounds; the first is not counted.
    #[arg(long, default_value_t = 6)]
    pub(crate) rounds: u32,
    /// Connections, of the service as of the floor.
    #[arg(long, default_value_t = 8)]
    pub(crate) connections: usize,
    /// Only the system, without a floor.
    #[arg(long)]
    pub(crate) no_floor: bool,
}

/// So many shops of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shops {
    count: u64,
    members: u64,
}

impl FromStr for Shops {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (count, members) =
            text.split_once('x').context("write it as 50x2000: shops, x, members of each")?;
        Ok(Self { count: count.parse()?, members: members.parse()? })
    }
}

impl Display for Shops {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.count, self.members)
    }
}

/// One round's figures.
struct Round {
    members: i64,
    system_s: f64,
    floor_s: Option<f64>,
    cpu: Cpu,
}

impl Monthly {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        ensure!(self.rounds >= 2, "two rounds at least: the first is not counted");
        let (_world, figures) = self.measure_in(servers::world().await).await?;
        Ok(figures)
    }

    /// The system alone, whose statements are counted but for the first round; and how many members were credited.
    pub(crate) async fn only_system(&self, world: World) -> anyhow::Result<(World, f64)> {
        let (world, figures) = self.measure_in(world).await?;
        drop(figures);
        let credited = world.number("select count(*) from ledger_entries").await;
        Ok((world, count(u32::try_from(credited)?)))
    }

    async fn measure_in(&self, mut world: World) -> anyhow::Result<(World, Vec<Figure>)> {
        let connections = self.connections.to_string();
        world.environment.insert("TRADEUP_CONCURRENCY".to_owned(), connections);
        // What is measured is a service as it comes.
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        let what = self.shops.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        eprintln!("importing {what} members");
        let mut number = 0;
        for Shops { count, members } in &self.shops {
            if *members >= PLANTED_FROM {
                plant(&world, &format!("large-{members}"), *count, *members, "active").await?;
                continue;
            }
            for _ in 0..*count {
                number += 1;
                world.add_shop_since(&Shop::new(&format!("shop-{number}"), *members, number), "2000-01-01");
            }
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let running = Running::start(&world).await?;

        let mut rounds = Vec::new();
        for n in 0..self.rounds {
            let round = self.round(&world, &running, n).await?;
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
        let figures = figures(&what, &rounds, &running)?;
        let proof = world.tradeup(&["verify"]);
        // The floor writes credits without runs: only the system's own periods can be proved whole.
        ensure!(!self.no_floor || proof.code == 0, "the ledger does not hold: {}", proof.stdout);
        Ok((world, figures))
    }

    /// The system credits one month, the floor another.
    async fn round(&self, world: &World, running: &Running, n: u32) -> anyhow::Result<Round> {
        let (year, floor_year) = (2001 + n, 2013 + n);
        let before = running.cpu();
        let begun = Instant::now();
        let run = world.trigger(&format!("{year}-01"));
        let story = wait(world, &run).await?;
        let observed_s = begun.elapsed().as_secs_f64();
        let cpu = running.cpu() - before;
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
        Ok(Round { members, system_s, floor_s, cpu })
    }
}

fn figures(what: &str, rounds: &[Round], running: &Running) -> anyhow::Result<Vec<Figure>> {
    let rate = |of: fn(&Round) -> Option<f64>| -> Vec<f64> {
        rounds.iter().filter_map(|r| of(r).map(|s| per_second(r.members, s))).collect()
    };
    let cpu = |of: fn(&Cpu) -> f64| -> Vec<f64> {
        rounds
            .iter()
            .map(|r| of(&r.cpu) * 1e6 / f64::from(i32::try_from(r.members).unwrap_or(i32::MAX)))
            .collect()
    };
    let named = |figure: &str| format!("monthly credits, {what}: {figure}");
    let spent = |who: &str, of: fn(&Cpu) -> f64| {
        Figure::cost(&named(&format!("processor, {who}")), "s/1,000,000", cpu(of))
    };
    let peak = |who: &str, process: &Process| -> anyhow::Result<Figure> {
        Ok(Figure::cost(&named(&format!("memory of {who}")), "MiB", vec![procfs::peak_mib(process.id())?]))
    };
    Ok(vec![
        Figure::rate(&named("credited"), "members/s", rate(|r| Some(r.system_s)))
            .beside(rate(|r| r.floor_s))
            .goal(Goal::OfFloor(0.95)),
        spent("PostgreSQL", |c| c.postgres),
        spent("credits", |c| c.credits),
        spent("scheduler", |c| c.scheduler),
        spent("NATS", |c| c.nats),
        peak("credits", &running.credits)?,
        peak("scheduler", &running.scheduler)?,
    ])
}

fn per_second(members: i64, seconds: f64) -> f64 {
    f64::from(i32::try_from(members).unwrap_or(i32::MAX)) / seconds
}

async fn wait(world: &World, run: &str) -> anyhow::Result<Value> {
    let story = world.ended_within(run, Duration::from_secs(3600), LOOK_EVERY).await;
    if story["state"] != "succeeded" {
        bail!("the run is {}: {}", story["state"], story["error"]);
    }
    Ok(story)
}
