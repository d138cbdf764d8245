//! How long work stands still when a piece is killed, or each service is restarted in turn.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};
use tradeup_harness::{Process, Server, Shop, World, pause};

use crate::servers;

const GRACE: Duration = Duration::from_secs(30);

/// A month under way; each piece is killed (-9) in turn and started again after a second, then each
/// service is ended (SIGTERM) and started again.
#[derive(Args)]
pub(crate) struct Recovery {
    /// Members in all: enough for the month to last.
    #[arg(long, default_value_t = 400_000)]
    members: u64,
}

/// Two of each: the one that lives goes on.
struct Services {
    scheduler: [Option<Process>; 2],
    credits: [Option<Process>; 2],
}

impl Recovery {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut world = servers::world().await;
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        eprintln!("importing {} members", self.members);
        for shop in 1..=20 {
            world.add_shop_since(&Shop::new(&format!("shop-{shop}"), self.members / 20, shop), "2000-01-01");
        }
        sqlx::query("vacuum analyze").execute(&world.database.admin).await?;
        let mut services = Services {
            scheduler: [Some(world.start("scheduler").await), Some(world.start("scheduler").await)],
            credits: [Some(world.start("credits").await), Some(world.start("credits").await)],
        };
        let mut figures = Vec::new();
        for (n, what) in
            ["credits", "both credits", "both schedulers", "NATS", "PostgreSQL", "rolling restart"]
                .into_iter()
                .enumerate()
        {
            let run = world.trigger(&format!("2026-{:02}", n + 1));
            pause(Duration::from_secs(3)).await;
            let at = world.instant_in("0 seconds").await;
            let begun = Instant::now();
            break_it(&world, &mut services, what).await;
            let mended_s = begun.elapsed().as_secs_f64();
            let story = world.ended_within(&run, Duration::from_secs(600), Duration::from_millis(250)).await;
            ensure!(story["state"] == "succeeded", "the month is {}", story["state"]);
            figures.push(seen(&world, &run, &at, what, mended_s).await?);
        }
        println!("{}", serde_json::to_string_pretty(&figures)?);
        let proof = world.tradeup(&["verify"]);
        ensure!(proof.code == 0, "the ledger does not hold: {}", proof.stdout);
        Ok(())
    }
}

async fn break_it(world: &World, services: &mut Services, what: &str) {
    let a_second = Duration::from_secs(1);
    match what {
        "credits" | "both credits" => {
            let most = if what == "credits" { 1 } else { 2 };
            services.credits.iter_mut().take(most).filter_map(Option::take).for_each(Process::kill);
            pause(a_second).await;
        }
        "both schedulers" => {
            services.scheduler.iter_mut().filter_map(Option::take).for_each(Process::kill);
            pause(a_second).await;
        }
        "NATS" | "PostgreSQL" => {
            let server = if what == "NATS" { Server::Nats } else { Server::Postgres };
            world.servers.kill(server);
            pause(a_second).await;
            world.servers.up(server);
        }
        _ => {
            for (name, place) in [("scheduler", &mut services.scheduler), ("credits", &mut services.credits)]
            {
                for process in place {
                    if let Some(process) = process.take() {
                        process.terminate(GRACE).await;
                    }
                    *process = Some(world.start(name).await);
                }
            }
        }
    }
    for (name, place) in [("scheduler", &mut services.scheduler), ("credits", &mut services.credits)] {
        for process in place {
            if process.is_none() {
                *process = Some(world.start(name).await);
            }
        }
    }
}

/// The longest time without a batch that ended, from a second before the fault on; before the fault for
/// comparison; and how late the last batch of the disturbed ones was.
async fn seen(world: &World, run: &str, at: &str, what: &str, mended_s: f64) -> anyhow::Result<Value> {
    let (before, after, slowest): (f64, f64, f64) = sqlx::query_as(
        "with ended as (
            select finished_at, started_at, lag(finished_at) over (order by finished_at) as previous
            from runs where root_id = $1::uuid and task = 'monthly-credits-batch'
        )
        select coalesce(max(extract(epoch from finished_at - previous)) filter (where finished_at < $2::timestamptz), 0)::float8,
            coalesce(max(extract(epoch from finished_at - previous)) filter (where finished_at >= $2::timestamptz), 0)::float8,
            coalesce(max(extract(epoch from finished_at - started_at)), 0)::float8
        from ended",
    )
    .bind(run)
    .bind(at)
    .fetch_one(&world.database.admin)
    .await?;
    let round = |x: f64| (x * 100.0).round() / 100.0;
    Ok(
        json!({ "killed": what, "running_again_after_s": round(mended_s), "longest_standstill_s": round(after),
        "longest_standstill_before_s": round(before), "slowest_batch_s": round(slowest) }),
    )
}
