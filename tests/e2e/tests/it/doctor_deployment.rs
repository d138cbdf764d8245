//! `tradeup doctor` over a deployment: what is broken on real servers is named, with what puts it right.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tradeup_harness::{Server, World, eventually};

use crate::doctor::Report;

const SOON: Duration = Duration::from_secs(30);

async fn sql(world: &World, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&world.database.admin).await.unwrap();
}

fn found(world: &World, check: &str, subject: &str) -> (String, String) {
    Report::of(world).find(check, subject).unwrap_or_else(|| panic!("{check} {subject} is not there"))
}

#[tokio::test]
async fn rights_isolation_and_backups_of_the_database_are_judged() {
    let world = World::with_own_postgres().await;
    for (check, state) in
        [("rights", "ok"), ("isolation", "ok"), ("backup", "warning"), ("connections", "ok")]
    {
        assert_eq!(Report::of(&world).state(check, ""), state, "{check}");
    }
    sql(&world, "alter table members no force row level security").await;
    let (state, text) = found(&world, "isolation", "");
    assert!(state == "problem" && text.ends_with(": members"), "{text}");
    sql(&world, "alter table members force row level security; alter table lots disable row level security")
        .await;
    assert!(found(&world, "isolation", "").1.ends_with(": lots"));
    sql(&world, "alter table lots enable row level security").await;
    assert_eq!(Report::of(&world).state("isolation", ""), "ok");

    sql(&world, "alter role tradeup_cli bypassrls").await;
    let (state, text) = found(&world, "rights", "");
    assert!(state == "problem" && text.contains("passes row level security by"), "{text}");
    sql(&world, "alter role tradeup_cli nobypassrls; alter role tradeup_owner bypassrls").await;
    assert!(found(&world, "rights", "").1.contains("tradeup_owner"));
    sql(&world, "alter role tradeup_owner nobypassrls").await;
    assert_eq!(Report::of(&world).state("rights", ""), "ok");

    // An archive that takes nothing, then one that takes everything.
    sql(&world, "alter system set archive_mode = on").await;
    sql(&world, "alter system set archive_command = 'false'").await;
    world.servers.stop(Server::Postgres);
    world.servers.up(Server::Postgres);
    sql(&world, "select pg_switch_wal()").await;
    eventually("it is known that archiving fails", SOON, || async {
        (Report::of(&world).state("backup", "") == "problem").then_some(())
    })
    .await;
    sql(&world, "alter system set archive_command = 'true'").await;
    sql(&world, "alter system set archive_timeout = '60s'").await;
    sql(&world, "select pg_reload_conf()").await;
    eventually("archiving goes on", SOON, || async {
        (Report::of(&world).state("backup", "") == "ok").then_some(())
    })
    .await;
}

#[tokio::test]
async fn processes_are_of_one_release_fit_the_database_and_were_given_what_shops_need() {
    let world = World::with_aurora(5, 91).await;
    let _services = world.start_both().await;
    let report = Report::of(&world);
    assert_eq!(
        [report.state("release", ""), report.state("settings", ""), report.state("connections", "")],
        ["ok"; 3]
    );

    sql(&world, "update tenants set wallet = 'shopify'").await;
    let (state, text) = found(&world, "settings", "credits token_keys");
    assert!(state == "warning" && text.contains("nothing is told"), "{text}");
    sql(
        &world,
        "insert into workers (name, service, build, clock_skew_ms, connections_max, given)
         values ('credits-old', 'credits', '0.0.9', 0, 100000, '{token_keys}')",
    )
    .await;
    let report = Report::of(&world);
    let (state, text) = report.find("release", "").unwrap();
    assert!(state == "warning" && text.contains("0.0.9"), "{text}");
    assert_eq!(report.state("connections", ""), "warning");
    let (_, text) = report.find("settings", "credits").unwrap();
    assert!(text.contains("token_keys"), "{text}");

    world.tradeup_ok(&["schedule", "pause", "monthly-credits", "--reason", "because"]);
    let (state, text) = found(&world, "schedule", "monthly-credits");
    assert!(state == "warning" && text.contains("because"), "{text}");
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_and_a_secret_that_all_can_read_are_named() {
    let mut world = World::new().await;
    assert!(Report::of(&world).find("mail server", "").is_none(), "it was not given");
    let file = world.dir.path().join("smtp_url");
    std::fs::write(&file, "smtp://127.0.0.1:1?tls=none&connect_timeout=2").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.environment.insert("TRADEUP_SMTP_URL_FILE".to_owned(), file.to_str().unwrap().to_owned());
    let report = Report::of(&world);
    assert_eq!(report.state("mail server", ""), "problem");
    let (state, text) = report.find("secret files", "smtp_url").unwrap();
    assert!(state == "warning" && text.contains("can read it"), "{text}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Report::of(&world).find("secret files", "").is_none());
    let text = world.tradeup(&["doctor"]).stdout;
    assert!(text.contains("Why it matters:") && text.contains("mail server: warnings"), "{text}");
}
