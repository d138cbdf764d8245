//! From nothing to ready, and what a service takes while there is nothing to do.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::time::interval;
use tradeup_harness::{Process, World, binary, eventually_at};

use crate::figures::{Figure, Goal, count};
use crate::procfs;

/// All services, in the order of their start.
const SERVICES: [&str; 5] = ["scheduler", "credits", "webhooks", "agents", "console"];
/// Looked at so often: the goal is a hundred times as much.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const READY_WITHIN: Duration = Duration::from_secs(30);
/// What is done once after the start is not what it takes to stand by.
const SETTLES_FOR: Duration = Duration::from_secs(5);

/// Cold start of each service, what it adds to its image, and its processor time and memory while idle.
#[derive(Args)]
pub(crate) struct Start {
    /// Starts of each.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds of each idle round.
    #[arg(long, default_value_t = 20)]
    pub(crate) idle_seconds: u64,
}

impl Start {
    pub(crate) async fn measure(&self) -> anyhow::Result<Vec<Figure>> {
        let mut world = World::with_aurora(1_000, 7).await;
        world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
        world.environment.remove("TRADEUP_LEASE_SECONDS");
        world.environment.remove("TRADEUP_ACK_WAIT_SECONDS");
        // The first one makes streams and consumers: that is not what a start is.
        for service in SERVICES {
            drop(world.start(service).await);
        }
        let mut figures = Vec::new();
        for service in SERVICES {
            let (mut own, mut floor) = (Vec::new(), Vec::new());
            for _ in 0..self.rounds {
                floor.push(answers_help(service)?);
                own.push(ready(&world, service).await);
            }
            let figure = Figure::cost(&format!("start of {service} until it is ready"), "ms", own);
            figures.push(figure.beside(floor).goal(Goal::AtMost(150.0)));
        }
        for service in SERVICES {
            let size = size_in_image(service, world.dir.path())?;
            figures.push(Figure::cost(
                &format!("{service} in its image, beside the base"),
                "MiB",
                vec![size],
            ));
        }
        let mut running = Vec::new();
        for service in SERVICES {
            running.push((service, world.start(service).await));
        }
        nothing_for(SETTLES_FOR).await;
        let mut shares: Vec<Vec<f64>> = vec![Vec::new(); SERVICES.len()];
        for _ in 0..self.rounds {
            let before: Vec<f64> =
                running.iter().map(|(_, process)| procfs::cpu_seconds_of_tree(process.id())).collect();
            let begun = Instant::now();
            nothing_for(Duration::from_secs(self.idle_seconds)).await;
            let took = begun.elapsed().as_secs_f64();
            for (((_, process), before), share) in running.iter().zip(before).zip(&mut shares) {
                share.push((procfs::cpu_seconds_of_tree(process.id()) - before) / took * 100.0);
            }
        }
        for ((service, process), share) in running.iter().zip(shares) {
            figures.push(
                Figure::cost(&format!("{service} with nothing to do: processor"), "% of a core", share)
                    .goal(Goal::AtMost(0.5)),
            );
            figures.push(
                Figure::cost(
                    &format!("{service} with nothing to do: memory"),
                    "MiB",
                    vec![procfs::now_mib(process.id())?],
                )
                .goal(Goal::AtMost(20.0)),
            );
        }
        Ok(figures)
    }
}

/// The services are left to themselves.
async fn nothing_for(time: Duration) {
    let mut ticks = interval(time);
    ticks.tick().await;
    ticks.tick().await;
}

/// Milliseconds until the service says that it is ready.
async fn ready(world: &World, service: &str) -> f64 {
    let begun = Instant::now();
    let process = Process::spawn(service, &world.environment, world.dir.path());
    let ready = format!("{service} is ready");
    eventually_at(LOOK_EVERY, &ready, READY_WITHIN, || async {
        process.log().contains(&ready).then_some(())
    })
    .await;
    begun.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds in which the same binary is loaded and ends at once.
fn answers_help(service: &str) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let output = std::process::Command::new(binary(service)).arg("--version").output();
    let output = output.with_context(|| format!("starting {service}"))?;
    ensure!(output.status.success(), "{service} --version: {}", String::from_utf8_lossy(&output.stderr));
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// MiB of the binary as `deploy/images/Dockerfile` puts it into an image.
fn size_in_image(service: &str, dir: &Path) -> anyhow::Result<f64> {
    let stripped = dir.join(format!("{service}-in-its-image"));
    let mut objcopy = std::process::Command::new("objcopy");
    let output = objcopy.arg("--strip-debug").arg(binary(service)).arg(&stripped).output();
    let output = output.context("starting objcopy, which is a part of binutils")?;
    ensure!(output.status.success(), "objcopy: {}", String::from_utf8_lossy(&output.stderr));
    Ok(count(std::fs::metadata(&stripped)?.len() / 1024) / 1024.0)
}
