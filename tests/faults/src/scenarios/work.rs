//! The work itself: fires, duplicates; and a cluster that loses its leader.

use std::time::Duration;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use tradeup_harness::{BATCHES, Cluster, eventually, pause};

use super::shops;
use crate::fleet::Fleet;
use crate::round::Stage;

const SOON: Duration = Duration::from_secs(60);

/// Three schedulers fire two missed months, killed while they do.
pub(super) async fn schedulers(stage: &mut Stage) -> Fleet {
    shops(stage, 500..3_000);
    let mut fleet = Fleet::start(&stage.world, &["scheduler", "scheduler", "scheduler", "credits"]).await;
    stage.periods = vec!["2026-09", "2026-10"];
    sqlx::query(
        "update schedules set next_fire_at = '2026-09-01T06:00:00Z', missed_window = '400 days',
             missed_policy = 'all', cron = '0 6 1 9,10 *'",
    )
    .execute(&stage.world.database.admin)
    .await
    .unwrap();
    for _ in 0..stage.rng.random_range(2..6) {
        pause(Duration::from_millis(stage.rng.random_range(0..1_200))).await;
        let index = stage.rng.random_range(0..3);
        fleet.kill(index);
        stage.report.count("scheduler killed");
        fleet.revive(index).await;
    }
    eventually("both months are fired", SOON, || async {
        (stage.world.number("select count(*) from runs where task = 'monthly-credits'").await == 2)
            .then_some(())
    })
    .await;
    let fires = stage.world.number("select count(*) from fire_decisions where run_id is not null").await;
    assert_eq!(fires, 2, "each fire once");
    fleet
}

/// Every message of a month up to five times, in any order, also after its run has ended.
pub(super) async fn duplicates(stage: &mut Stage) -> Fleet {
    shops(stage, 2_000..6_000);
    let jobs = stage.world.jobs().await;
    jobs.hold(BATCHES).await;
    let mut fleet = Fleet::start(&stage.world, &["scheduler", "credits"]).await;
    stage.trigger();
    eventually("batches are released", SOON, || async { (jobs.count("JOBS").await >= 10).then_some(()) })
        .await;
    let mut messages = Vec::new();
    for message in jobs.all().await {
        for _ in 0..stage.rng.random_range(1..=5) {
            messages.push(message.clone());
        }
    }
    messages.shuffle(&mut stage.rng);
    let (before, after) = messages.split_at(messages.len() / 2);
    for (subject, body) in before {
        jobs.publish(subject, body.clone()).await;
        stage.report.count("duplicate");
    }
    fleet.end();
    jobs.let_go(BATCHES).await;
    let mut fleet = Fleet::start(&stage.world, &["scheduler", "credits", "credits"]).await;
    for (subject, body) in after {
        jobs.publish(subject, body.clone()).await;
        stage.report.count("duplicate");
    }
    fleet.supervise().await;
    fleet
}

/// Streams on three servers; the one that leads is killed, once or twice.
pub(super) async fn cluster(stage: &mut Stage) -> Fleet {
    shops(stage, 2_000..8_000);
    let folder = stage.world.dir.path().join("cluster");
    std::fs::create_dir_all(&folder).unwrap();
    let mut cluster = Cluster::start(&folder).await;
    stage.world.environment.insert("TRADEUP_NATS_URL".to_owned(), cluster.urls());
    stage.world.environment.insert("TRADEUP_STREAM_REPLICAS".to_owned(), "3".to_owned());
    let fleet = Fleet::start(&stage.world, &["scheduler", "credits", "credits"]).await;
    stage.trigger();
    stage.some_are_credited().await;
    for _ in 0..stage.rng.random_range(1..=2) {
        let Some(leader) = cluster.stream_leader("JOBS").await else { break };
        cluster.kill(leader);
        stage.report.count("leading NATS server killed");
        pause(Duration::from_millis(stage.rng.random_range(500..9_000))).await;
        cluster.start_again(leader);
        cluster.healthy(leader).await;
    }
    fleet.keep(cluster)
}
