//! A database that goes back in time is noticed, and a person decides. A real one: its data folder is
//! copied, and put back later.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tradeup_broker::{Broker, Kept};
use tradeup_harness::{Process, Server, Shop, World, eventually};
use tradeup_proto::subject::CONTROL_DATABASE;
use tradeup_proto::{Message as _, v1};
use tradeup_store::marks;
use uuid::Uuid;

use crate::doctor::Report;

const SOON: Duration = Duration::from_secs(30);
const MARK: &str = "select coalesce(max(n), 0) from database_marks";

/// The database as it was at a moment.
struct Backup {
    data: PathBuf,
    copy: PathBuf,
}

impl Backup {
    /// Stops PostgreSQL, copies its data folder, and starts it again.
    fn take(world: &World) -> Self {
        let data = world.servers.data(Server::Postgres);
        let copy = world.dir.path().join("backup");
        world.servers.stop(Server::Postgres);
        copy_folder(&data, &copy);
        world.servers.up(Server::Postgres);
        Self { data, copy }
    }

    /// Puts it in the place of the database.
    fn put_back(&self, world: &World) {
        world.servers.stop(Server::Postgres);
        std::fs::remove_dir_all(&self.data).unwrap();
        copy_folder(&self.copy, &self.data);
        world.servers.up(Server::Postgres);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Starts a service and expects that it refuses, in one line that says what to do.
async fn refuses(world: &World, service: &str) {
    let ended = Process::spawn(service, &world.environment, world.dir.path()).ended(SOON).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let line = ended.stderr.lines().last().unwrap();
    assert!(line.starts_with(&format!("{service}: the database stands at an earlier moment")), "{line}");
    assert!(line.contains("`tradeup restored --dry-run`"), "{line}");
}

async fn stop(services: (Process, Process)) {
    for service in [services.1, services.0] {
        assert!(service.terminate(Duration::from_secs(25)).await.success());
    }
}

async fn succeeds(world: &World, run: &str) -> Value {
    let ended = world.ended(run).await;
    assert_eq!(ended["state"], "succeeded");
    ended
}

#[tokio::test]
async fn a_restored_database_is_refused_until_somebody_accepts_it() {
    let mut world = World::with_own_postgres().await;
    world.add_shop(&Shop::new("aurora", 1_000, 121));
    let services = world.start_both().await;
    succeeds(&world, &world.trigger("2026-08")).await;
    stop(services).await;
    // Under way while the backup is made: its message is on JOBS, its row in the outbox.
    let september = world.trigger("2026-09");
    let backup = Backup::take(&world);

    let services = world.start_both().await;
    succeeds(&world, &september).await;
    let october = world.trigger("2026-10");
    succeeds(&world, &october).await;
    world.assert_exact(&["2026-08", "2026-09", "2026-10"]);
    stop(services).await;
    // Nobody works on it: its message stays on JOBS.
    world.trigger("2026-11");
    backup.put_back(&world);

    refuses(&world, "credits").await;
    refuses(&world, "scheduler").await;
    let report = Report::of(&world);
    assert_eq!(report.state("restore", ""), "problem");
    let shown = world.tradeup_json(&["restored", "--dry-run"]);
    assert_eq!(shown["went_back"], true);
    let recorded = shown["recorded"]["mark"].as_i64().unwrap();
    assert!(recorded > world.number(MARK).await, "{shown:#}");
    assert_eq!(shown["database"]["newest_run"], september.as_str());
    assert_eq!(shown["recorded"]["system_identifier"], shown["database"]["system_identifier"]);
    assert_eq!((&shown["jobs"]["messages"], &shown["jobs"]["of_unknown_runs"]), (&1.into(), &1.into()));
    assert_eq!(shown["accepted"], Value::Null, "nothing was done");
    assert_eq!(world.tradeup(&["restored"]).code, 2, "a reason is wanted");
    refuses(&world, "credits").await;

    let accepted = world.tradeup_json(&["restored", "--reason", "the disk is gone", "--by", "ana"]);
    assert!(accepted["accepted"]["mark"].as_i64().unwrap() > recorded, "{accepted:#}");
    assert_eq!(accepted["accepted"]["messages"], 1);
    let audited = "select count(*) from audit_log
        where act = 'database.restored' and actor = 'ana' and reason = 'the disk is gone'";
    assert_eq!(world.number(audited).await, 1);

    let _services = world.start_both().await;
    succeeds(&world, &september).await;
    let unknown = eventually("the message of the lost run is set aside", SOON, || async {
        Report::of(&world).find("unknown runs", "")
    })
    .await;
    assert!(unknown.0 == "warning" && unknown.1.starts_with("1 message "), "{unknown:?}");
    assert_eq!(world.jobs().await.count("JOBS").await, 0);
    world.assert_exact(&["2026-08", "2026-09"]);

    let again = world.trigger("2026-10");
    assert_ne!(again, october, "the database never heard of it");
    succeeds(&world, &again).await;
    world.assert_exact(&["2026-08", "2026-09", "2026-10"]);
    world.tradeup_ok(&["dead", "discard", "--code", "TU0002", "--reason", "seen to"]);
    let _webhooks = world.start("webhooks").await;
    eventually("all is in order", SOON, || async { Report::of(&world).is_clean().then_some(()) }).await;
    assert_eq!(world.tradeup_json(&["restored", "--reason", "once more"])["accepted"], Value::Null);
}

#[tokio::test]
async fn services_stop_when_the_database_is_exchanged_under_them() {
    let world = World::with_own_postgres().await;
    let (scheduler, credits) = world.start_both().await;
    let backup = Backup::take(&world);
    let before = world.number(MARK).await;
    eventually("the database is marked again", SOON, || async {
        (world.number(MARK).await > before).then_some(())
    })
    .await;
    world.tradeup_ok(&["probe", "--service", "credits"]);
    backup.put_back(&world);
    let jobs = world.jobs().await;
    let unknown =
        v1::Job { run_id: Uuid::now_v7().as_bytes().to_vec(), ..v1::Job::default() }.encode_to_vec();
    jobs.publish("jobs.credits.probe-credits._", unknown).await;
    for service in [scheduler, credits] {
        let ended = service.ended(SOON).await;
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap();
        assert!(line.contains("`tradeup restored --reason ...`"), "{line}");
    }
    // Whose fault it is, a person decides.
    assert_eq!(jobs.count("JOBS").await, 1);
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
}

#[tokio::test]
async fn neither_a_crash_of_postgres_nor_the_loss_of_nats_is_a_restore() {
    let world = World::with_own_postgres().await;
    let credits = world.start("credits").await;
    for _ in 0..3 {
        let before = world.number(MARK).await;
        let scheduler = world.start("scheduler").await;
        eventually("the database is marked", SOON, || async {
            (world.number(MARK).await > before).then_some(())
        })
        .await;
        world.servers.kill(Server::Postgres);
        world.servers.up(Server::Postgres);
        drop(scheduler);
    }
    let scheduler = world.start("scheduler").await;
    world.tradeup_ok(&["probe", "--service", "credits"]);

    world.servers.kill(Server::Nats);
    std::fs::remove_dir_all(world.dir.path().join("nats").join("jetstream")).unwrap();
    world.servers.up(Server::Nats);
    drop((scheduler, credits));
    let _services = world.start_both().await;
    world.tradeup_ok(&["probe", "--service", "credits"]);
    eventually("NATS remembers the database again", SOON, || async {
        let restore = Report::of(&world).find("restore", "").unwrap();
        (restore.0 == "ok" && restore.1.contains("as NATS does")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn marks_rise_and_tell_histories_apart() {
    let world = World::new().await;
    let pool = &world.database.app;
    let first = marks::place(pool, 0).await.unwrap().unwrap();
    assert_eq!(marks::place(pool, first.n + 1).await.unwrap(), None, "not above the recorded one");
    // Many at once: each that is placed has a number of its own.
    let placed = futures::future::join_all((0..8).map(|_| marks::place(pool, first.n))).await;
    let mut placed: Vec<_> = placed.into_iter().filter_map(Result::unwrap).collect();
    assert!(!placed.is_empty());
    placed.sort_by_key(|mark| mark.n);
    placed.dedup_by_key(|mark| mark.n);
    assert_eq!(placed.len(), usize::try_from(world.number(MARK).await - first.n).unwrap());
    for mark in placed.iter().chain([&first]) {
        assert!(marks::has(pool, mark.n, mark.id).await.unwrap());
        assert!(!marks::has(pool, mark.n, Uuid::new_v4()).await.unwrap(), "another history");
    }
    let last = placed.last().unwrap();
    assert!(!marks::has(pool, last.n + 1, last.id).await.unwrap());
    sqlx::query("delete from database_marks where n = $1").bind(first.n).execute(pool).await.unwrap();
    assert!(marks::has(pool, first.n, first.id).await.unwrap(), "cleared away, since it is old");
    sqlx::query("delete from database_marks").execute(pool).await.unwrap();
    assert!(!marks::has(pool, last.n, last.id).await.unwrap(), "an empty database is another one");
}

#[tokio::test]
async fn a_late_writer_does_not_replace_what_is_remembered() {
    let world = World::new().await;
    let broker = Broker::connect(&world.environment["TRADEUP_NATS_URL"], "test").await.unwrap();
    let subject = CONTROL_DATABASE;
    let remember = async |body: &'static str, replaces| {
        broker.remember(subject, body.into(), Uuid::new_v4(), replaces).await.unwrap()
    };
    assert_eq!(broker.remembered(subject).await.unwrap(), None);
    assert_eq!(remember("one", None).await, Kept::Yes);
    assert_eq!(remember("late", None).await, Kept::Overtaken);
    let one = broker.remembered(subject).await.unwrap().unwrap();
    assert_eq!(remember("two", Some(&one)).await, Kept::Yes);
    assert_eq!(remember("late", Some(&one)).await, Kept::Overtaken);
    assert_eq!(broker.remembered(subject).await.unwrap().unwrap().body, "two");
    assert_eq!(world.jobs().await.count("CONTROL").await, 1);

    // What is no mark is said to be none, and can be written anew.
    let refused = Process::spawn("scheduler", &world.environment, world.dir.path()).ended(SOON).await;
    assert!(refused.code == 1 && refused.stderr.contains("is no mark of a database"), "{}", refused.stderr);
    assert_eq!(Report::of(&world).state("restore", ""), "problem");
    world.tradeup_ok(&["restored", "--reason", "somebody wrote there"]);
    let _scheduler = world.start("scheduler").await;
}
