//! Bad configuration and bad files: one clear line, what to do, a non-zero exit, nothing lost.

use std::time::Duration;

use tradeup_harness::{Process, Server, World};

const SOON: Duration = Duration::from_secs(30);

/// The one line that a service ends with.
async fn last_line(world: &World, service: &str, variables: &[(&str, &str)]) -> String {
    let mut environment = world.environment.clone();
    for (name, value) in variables {
        if value.is_empty() {
            environment.remove(*name);
        } else {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    let ended = Process::spawn(service, &environment, world.dir.path()).ended(SOON).await;
    assert_ne!(ended.code, 0, "{service} must not start");
    let line = ended.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with(&format!("{service}: ")), "{}", ended.stderr);
    line
}

#[tokio::test]
async fn services_say_what_is_missing_and_what_to_do() {
    let world = World::new().await;
    let nowhere = "127.0.0.1:9";
    for service in ["scheduler", "credits"] {
        let line = last_line(&world, service, &[("TRADEUP_DATABASE_URL", "")]).await;
        assert!(line.contains("TRADEUP_DATABASE_URL is not set"), "{line}");
        let url = format!("postgres://someone:hush@{nowhere}/db");
        let line = last_line(&world, service, &[("TRADEUP_DATABASE_URL", &url)]).await;
        assert!(line.contains("PostgreSQL at 127.0.0.1:9") && line.contains("check that it runs"), "{line}");
        assert!(!line.contains("hush"), "a password is never shown: {line}");
        let line = last_line(&world, service, &[("TRADEUP_DATABASE_URL", "no url")]).await;
        assert!(line.contains("can't be read") && line.contains("postgres://"), "{line}");
        let line =
            last_line(&world, service, &[("TRADEUP_NATS_URL", "nats://someone:hush@127.0.0.1:9")]).await;
        assert!(line.contains("NATS at nats://127.0.0.1:9") && !line.contains("hush"), "{line}");
        let line = last_line(&world, service, &[("TRADEUP_LOG", "?=what")]).await;
        assert!(line.contains("TRADEUP_LOG"), "{line}");
    }
}

#[tokio::test]
async fn services_refuse_a_schema_that_is_not_theirs_and_a_database_that_can_lose_commits() {
    let world = World::new().await;
    let off = "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$";
    sqlx::query(off).execute(&world.database.admin).await.unwrap();
    let line = last_line(&world, "credits", &[]).await;
    assert!(line.contains("synchronous_commit") && line.contains("--allow-unsafe-durability"), "{line}");
    let mut environment = world.environment.clone();
    environment.insert("TRADEUP_ALLOW_UNSAFE_DURABILITY".to_owned(), "true".to_owned());
    drop(Process::start("credits", &environment, world.dir.path()).await);

    sqlx::query("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .execute(&world.database.admin)
        .await
        .unwrap();
    let line = last_line(&world, "credits", &[]).await;
    assert!(line.contains("tradeup setup"), "{line}");
}

#[tokio::test]
async fn a_trigger_without_nats_is_kept_and_runs_once_nats_is_back() {
    let world = World::with_aurora(500, 5).await;
    world.servers.kill(Server::Nats);
    let triggered = world.tradeup(&["--json", "trigger", "monthly-credits", "--period", "2026-11"]);
    assert_eq!(triggered.code, 0, "{}", triggered.stderr);
    assert!(triggered.stderr.contains("NATS at"), "{}", triggered.stderr);
    let created: serde_json::Value = serde_json::from_str(&triggered.stdout).unwrap();
    assert_eq!(created["published"], false);
    world.servers.up(Server::Nats);
    let _services = world.start_both().await;
    assert_eq!(world.ended(created["run_id"].as_str().unwrap()).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn commands_name_the_field_that_is_wrong() {
    let world = World::new().await;
    let add = |rest: &[&str]| {
        let mut arguments = vec!["tenant", "add", "aurora"];
        arguments.extend(rest);
        let finished = world.tradeup(&arguments);
        assert_ne!(finished.code, 0);
        finished.stderr
    };
    assert!(add(&["--currency", "DOLLARS", "--tier", "gold=1"]).contains("ISO 4217"));
    assert!(add(&["--currency", "USD", "--zone", "Mars/Olympus", "--tier", "gold=1"]).contains("IANA"));
    assert!(add(&["--currency", "USD", "--tier", "gold=1.005"]).contains("decimals"));
    assert!(add(&["--currency", "JPY", "--tier", "gold=1.5"]).contains("JPY"));
    assert!(add(&["--currency", "USD", "--tier", "gold"]).contains("handle=amount"));
    assert!(add(&["--currency", "USD", "--tier", "gold=1", "--credit-validity", "soon"]).contains("P3M"));
    assert_eq!(world.number("select count(*) from tenants").await, 0, "nothing was half done");

    let unknown = world.tradeup(&["ledger", "nobody"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("tenant list"), "{}", unknown.stderr);
    let no_run = world.tradeup(&["run", "latest"]);
    assert!(no_run.code == 1 && no_run.stderr.contains("no runs yet"), "{}", no_run.stderr);
}
