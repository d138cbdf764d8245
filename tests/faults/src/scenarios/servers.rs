//! The servers: killed, wiped, cut, full.

use std::time::Duration;

use rand::RngExt as _;
use tradeup_harness::{Server, pause};

use super::shops;
use crate::fleet::Fleet;
use crate::round::Stage;

const FLEET: [&str; 3] = ["scheduler", "credits", "credits"];

/// A moment of some tenths of a second, in which things go on.
async fn a_moment(stage: &mut Stage) {
    pause(Duration::from_millis(stage.rng.random_range(50..1_500))).await;
}

async fn begin(stage: &mut Stage) -> Fleet {
    shops(stage, 2_000..8_000);
    let fleet = Fleet::start(&stage.world, &FLEET).await;
    stage.trigger();
    stage.some_are_credited().await;
    fleet
}

/// Kills a server up to so many times, and starts it again on the data it had.
pub(super) async fn killed(stage: &mut Stage, server: Server, times_max: u32) -> Fleet {
    let fleet = begin(stage).await;
    for _ in 0..stage.rng.random_range(1..=times_max) {
        stage.world.servers.kill(server);
        stage.report.count(&format!("{server:?} killed"));
        a_moment(stage).await;
        stage.world.servers.up(server);
        a_moment(stage).await;
    }
    fleet
}

pub(super) async fn nats_wiped(stage: &mut Stage) -> Fleet {
    let fleet = begin(stage).await;
    stage.world.servers.kill(Server::Nats);
    std::fs::remove_dir_all(stage.world.dir.path().join("nats").join("jetstream")).unwrap();
    stage.report.count("NATS wiped");
    a_moment(stage).await;
    stage.world.servers.up(Server::Nats);
    fleet
}

pub(super) async fn postgres_cut(stage: &mut Stage) -> Fleet {
    let fleet = begin(stage).await;
    for _ in 0..stage.rng.random_range(5..15) {
        let cut = stage
            .world
            .number(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
                 where datname = current_database() and usename in ('tradeup_scheduler', 'tradeup_credits')
                     and random() < 0.7",
            )
            .await;
        (0..cut).for_each(|_| stage.report.count("session cut"));
        pause(Duration::from_millis(stage.rng.random_range(20..300))).await;
    }
    fleet
}

pub(super) async fn stream_full(stage: &mut Stage) -> Fleet {
    shops(stage, 2_000..8_000);
    let fleet = Fleet::start(&stage.world, &FLEET).await;
    let jobs = stage.world.jobs().await;
    jobs.limit("JOBS", Some(3)).await;
    stage.report.count("stream full");
    stage.trigger();
    pause(Duration::from_secs(stage.rng.random_range(3..9))).await;
    jobs.limit("JOBS", None).await;
    fleet
}

pub(super) async fn pool_exhausted(stage: &mut Stage) -> Fleet {
    let fleet = begin(stage).await;
    for _ in 0..stage.rng.random_range(1..=2) {
        let admin = &stage.world.database.admin;
        sqlx::query("alter role tradeup_credits connection limit 2").execute(admin).await.unwrap();
        stage
            .world
            .number(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and usename = 'tradeup_credits'",
            )
            .await;
        stage.report.count("connections used up");
        pause(Duration::from_secs(stage.rng.random_range(2..8))).await;
        sqlx::query("alter role tradeup_credits connection limit -1").execute(admin).await.unwrap();
        a_moment(stage).await;
    }
    fleet
}
