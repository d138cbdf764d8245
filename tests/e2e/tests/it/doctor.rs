//! `tradeup doctor` is content with a world that works, and names each thing that does not.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Server, World, eventually};
use tradeup_proto::{Message as _, v1};

const SOON: Duration = Duration::from_secs(30);

/// What the doctor found.
pub(crate) struct Report {
    code: i32,
    report: Value,
}

impl Report {
    pub(crate) fn of(world: &World) -> Self {
        Self::with(world, &[])
    }

    fn with(world: &World, arguments: &[&str]) -> Self {
        let finished = world.tradeup(&[&["--json", "doctor"], arguments].concat());
        let report = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", finished.stdout, finished.stderr));
        Self { code: finished.code, report }
    }

    /// Nothing to see to, but that WAL of databases of tests is not archived.
    pub(crate) fn is_clean(&self) -> bool {
        let checks = self.report["checks"].as_array().unwrap();
        self.code == 0 && checks.iter().all(|found| found["state"] == "ok" || found["check"] == "backup")
    }

    /// State and finding of one check; `None` if it says nothing.
    pub(crate) fn find(&self, check: &str, subject: &str) -> Option<(String, String)> {
        let found = self.report["checks"].as_array().unwrap().iter().find(|found| {
            found["check"] == check && found["subject"].as_str().unwrap_or_default().starts_with(subject)
        })?;
        if found["state"] != "ok" {
            assert!(found["fix"].is_string(), "{check} says what puts it right: {found:#}");
        }
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        Some((text("state"), text("found")))
    }

    pub(crate) fn state(&self, check: &str, subject: &str) -> String {
        let found = self.find(check, subject);
        found.unwrap_or_else(|| panic!("{check} {subject} is not in {:#}", self.report)).0
    }
}

async fn sql(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&world.database.admin).await.unwrap();
}

#[tokio::test]
async fn a_working_world_is_in_order_and_a_stopped_service_is_missed() {
    let world = World::with_aurora(500, 111).await;
    let before = Report::of(&world);
    assert_eq!(before.code, 1);
    assert_eq!(before.state("service", "credits"), "problem");

    let (_scheduler, credits) = world.start_both().await;
    let _webhooks = world.start("webhooks").await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let report = eventually("all is in order", SOON, || async {
        let report = Report::of(&world);
        (report.is_clean() && report.find("restore", "").unwrap().1.contains("as NATS does"))
            .then_some(report)
    })
    .await;
    for (check, subject) in [
        ("postgres", ""),
        ("durability", ""),
        ("clock", "this machine"),
        ("clock", "credits-"),
        ("nats", ""),
        ("stream", "JOBS"),
        ("stream", "DEAD"),
        ("stream", "CONTROL"),
        ("consumers", ""),
        ("service", "scheduler"),
        ("service", "credits"),
        ("outbox", ""),
        ("runs", ""),
        ("schedule", ""),
        ("dead letters", ""),
    ] {
        assert_eq!(report.state(check, subject), "ok");
    }
    let text = world.tradeup_ok(&["doctor"]);
    assert!(text.ends_with("Problems: 0. Warnings: 1.\n"), "{text}");

    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    let report = Report::of(&world);
    assert_eq!(
        (report.code, report.state("service", "credits").as_str()),
        (1, "problem"),
        "it said good-bye"
    );
    assert_eq!(report.state("service", "scheduler"), "ok");
}

#[tokio::test]
async fn a_busy_world_is_in_order_too() {
    let world = World::with_aurora(10_000, 113).await;
    let _services = (world.start_both().await, world.start("webhooks").await);
    let run = world.trigger("2026-11");
    let unfinished = "select count(*) from runs where finished_at is null";
    let mut looks = 0;
    while world.number(unfinished).await > 0 {
        let report = Report::of(&world);
        assert!(report.is_clean(), "{:#}", report.report);
        looks += 1;
    }
    assert!(looks > 0, "it was done before anybody could look");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
}

#[tokio::test]
async fn it_names_what_a_person_should_see_to() {
    let world = World::with_aurora(20, 112).await;
    let (_scheduler, credits) = world.start_both().await;
    let jobs = world.jobs().await;
    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    world.tradeup_ok(&["probe", "--service", "credits", "--no-wait"]);
    jobs.publish("jobs.nobody.nothing._", vec![1]).await;
    let unknown =
        v1::Job { run_id: uuid::Uuid::now_v7().as_bytes().to_vec(), ..v1::Job::default() }.encode_to_vec();
    jobs.publish("jobs.scheduler.probe-scheduler._", unknown).await;
    jobs.set_bytes_max("DEAD", 1_000_000).await;
    // JOBS is nearly full.
    jobs.set_bytes_max("JOBS", 1_000).await;
    world.tradeup_ok(&["pause", "--tenant", "aurora", "--needing", "ledger", "--reason", "because"]);
    sql(
        &world,
        "insert into breakers (dependency, failures, open_until, error_code, error)
         values ('mail', 5, now() + interval '1 minute', 'TU0008', 'x')",
    )
    .await;
    sql(
        &world,
        "insert into workers (name, service, build, clock_skew_ms) values ('credits-x', 'other', '0', -45000)",
    )
    .await;
    // Sent seven times to where no stream is.
    sql(
        &world,
        "insert into outbox (id, kind, subject, body, turns, next_publish_at)
         values (gen_random_uuid(), 'raw', 'nowhere', 'x', 7, now() + interval '100 seconds')",
    )
    .await;

    let report = eventually("it is known that nobody pulls, and about an unknown run", SOON, || async {
        let report = Report::of(&world);
        (report.find("consumer", "credits-probe-credits").is_some()
            && report.find("unknown runs", "").is_some())
        .then_some(report)
    })
    .await;
    assert_eq!(report.code, 1);
    for (check, subject, state) in [
        ("consumer", "credits-probe-credits", "problem"),
        ("undeliverable", "", "problem"),
        ("unknown runs", "", "warning"),
        ("stream", "DEAD", "warning"),
        ("pause", "--tenant aurora --needing ledger", "warning"),
        ("breaker", "mail", "warning"),
        ("clock", "credits-x", "problem"),
        ("outbox", "", "problem"),
        ("service", "credits", "problem"),
        ("runs", "", "ok"),
        ("schedule", "", "ok"),
    ] {
        assert_eq!(report.state(check, subject), state, "{check} {subject}");
    }
    let (state, found) = report.find("stream", "JOBS").unwrap();
    assert!(state != "ok" && found.contains("max_bytes"), "{found}");
    let (_, found) = report.find("undeliverable", "").unwrap();
    assert!(found.starts_with("1 message "), "{found}");
}

#[tokio::test]
async fn it_names_what_no_longer_goes_by_itself() {
    let world = World::new().await;
    let (scheduler, credits) = world.start_both().await;
    let _webhooks = world.start("webhooks").await;
    world.tradeup_ok(&["probe"]);
    assert!(Report::of(&world).is_clean());
    // Nobody is there to see to anything.
    drop((scheduler, credits));
    for service in ["scheduler", "credits"] {
        world.tradeup_ok(&["probe", "--no-wait", "--service", service]);
    }
    sql(&world, "update outbox set next_publish_at = now() - interval '10 minutes'").await;
    sql(&world, "update schedules set next_fire_at = now() - interval '5 minutes'").await;
    sql(
        &world,
        "update runs set state = 'running', attempt = 1, max_attempts = 8, started_at = now() - interval '2 hours',
             lease_expires_at = now() - interval '2 minutes'
         where finished_at is null and task = 'probe-credits'",
    )
    .await;
    sql(
        &world,
        "insert into runs (id, task, key, trigger, root_id, parent_id, payload, scheduled_for, state, started_at,
             next_attempt_at, created_at)
         select gen_random_uuid(), 'probe-credits', what, 'manual', gen_random_uuid(), parent, '', now(), state, now() - interval '2 hours',
             case when state = 'retrying' then now() - interval '5 minutes' end, now() - interval '2 hours'
         from (values ('retrying', 'retrying', null), ('waiting', 'waiting', null), ('queued', 'queued', null),
             ('queued', 'child', (select id from runs where finished_at is not null limit 1))) as n (state, what, parent)",
    )
    .await;
    sql(&world, "update runs set finished_at = finished_at - interval '5 minutes'").await;

    let report = Report::of(&world);
    assert_eq!(report.code, 1);
    for (check, subject, state) in [
        ("outbox", "", "problem"),
        ("schedule", "monthly-credits", "problem"),
        ("runs", "lease over", "problem"),
        ("runs", "attempt overdue", "warning"),
        ("runs", "queued without message", "problem"),
        ("runs", "waiting for nothing", "problem"),
        ("runs", "below ended", "problem"),
    ] {
        assert_eq!(report.state(check, subject), state, "{check} {subject}");
    }
    sql(
        &world,
        "update outbox set held_by = 'pause', held_because = 'x', next_publish_at = 'infinity'
         where run_id = (select id from runs where task = 'probe-scheduler' and finished_at is null)",
    )
    .await;
    assert_eq!(Report::of(&world).state("held", "by pause"), "problem", "there is no pause");
    sql(&world, "update schedules set next_fire_at = null").await;
    sql(&world, "update outbox set next_publish_at = now() - interval '1 minute'").await;
    let report = Report::of(&world);
    assert_eq!(report.state("schedule", "monthly-credits"), "problem");
    assert_eq!(report.state("outbox", ""), "warning");
}

#[tokio::test]
async fn it_shows_the_rest_when_a_server_is_down() {
    let world = World::new().await;
    let _services = world.start_both().await;
    let without = Report::with(&world, &["--database-url", "postgres://tradeup_app@127.0.0.1:1/none"]);
    assert_eq!((without.code, without.state("postgres", "").as_str()), (1, "problem"));
    assert_eq!((without.state("nats", ""), without.state("stream", "JOBS")), ("ok".into(), "ok".into()));

    world.servers.kill(Server::Nats);
    let without = Report::of(&world);
    assert_eq!((without.code, without.state("nats", "").as_str()), (1, "problem"));
    assert_eq!((without.state("postgres", ""), without.state("runs", "")), ("ok".into(), "ok".into()));
    let text = world.tradeup(&["doctor"]).stdout;
    assert!(text.contains("deploy/local/servers up"), "{text}");
}
