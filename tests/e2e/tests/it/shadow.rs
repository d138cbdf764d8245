//! A shop in shadow: all is reckoned, nothing is done; and its cut-over credits nobody twice.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tradeup_harness::{World, binary, eventually};

use crate::old_credits::{aurora, file, import, import_of};

const WHY: &[&str] = &["--reason", "moving", "--by", "ann"];

/// Rows that are money, mails, or told to somebody.
const DONE: &str = "select (select count(*) from lots) + (select count(*) from ledger_entries)
    + (select count(*) from accounts) + (select count(*) from digests) + (select count(*) from pushes)
    + (select count(*) from deliveries) + (select count(*) from warnings)";

fn begin(world: &World) {
    world.tradeup_ok(&[&["shadow", "begin", "--tenant", "aurora"], WHY].concat());
}

fn end<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["shadow", "end", "--tenant", "aurora"], WHY, more].concat()
}

#[tokio::test]
async fn a_month_in_shadow_writes_nothing_and_differences_are_named() {
    let world = aurora(5).await;
    begin(&world);
    assert_eq!(world.tradeup(&["shadow", "begin", "--tenant", "aurora"]).code, 1, "it is in shadow already");
    let _services = world.start_both().await;
    let story = world.ended(&world.trigger("2026-11")).await;
    assert_eq!(
        (&story["state"], &story["progress"]["affected"]),
        (&"succeeded".into(), &5.into()),
        "{story:#}"
    );
    assert_eq!(world.number(DONE).await, 0);
    assert_eq!(world.number("select sum(amount_minor)::bigint from shadow_effects").await, 3_500);

    // The other system: 1 the same, 2 another amount, 3 and 4 the same, 5 not at all, and somebody we don't know.
    let old = file(&world, "old.csv", "member,amount,external_id\n1,10,a\n2,8,b\n3,5,c\n4,5,d\n77,5,e\n");
    let report =
        ["--json", "shadow", "report", "--tenant", "aurora", "--period", "2026-11", "--against", &old];
    let told = world.tradeup(&report);
    assert_eq!(told.code, 1, "{}", told.stderr);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["differing"], 3, "{told:#}");
    let of = |customer: &str| {
        told["members"].as_array().unwrap().iter().find(|m| m["customer"] == customer).unwrap().clone()
    };
    assert_eq!((&of("2")["outcome"], &of("2")["theirs_minor"]), (&"different".into(), &800.into()));
    assert_eq!(of("5")["outcome"], "extra");
    assert!(of("5")["why"].as_str().unwrap().contains("tier silver"), "{told:#}");
    assert_eq!(of("77")["outcome"], "unknown");
    let explained = world.tradeup_json(&["explain", "aurora", "--member", "5", "--period", "2026-11"]);
    assert!(explained["conclusion"].as_str().unwrap().contains("in shadow"), "{explained:#}");
    world.tradeup_ok(&["verify"]);

    // What no batch does is refused by the database itself, at the commit.
    let grant =
        ["grant", "--tenant", "aurora", "--member", "1", "--amount", "1", "--key", "k", "--reason", "r"];
    let run: Value =
        serde_json::from_str(&world.tradeup_ok(&[&["--json"], grant.as_slice()].concat())).unwrap();
    let dead = world.ended(run["run_id"].as_str().unwrap()).await;
    assert_eq!((&dead["state"], &dead["error_code"]), (&"dead".into(), &"TU0310".into()), "{dead:#}");
    assert_eq!(world.number(DONE).await, 0);
}

#[tokio::test]
async fn ends_and_warnings_are_reckoned_too() {
    let world = aurora(3).await;
    begin(&world);
    let soon = world.instant_in("3 days").await;
    let old = file(
        &world,
        "old.csv",
        &format!(
            "member,amount,left,external_id,granted_at,expires_at\n\
             1,10,4,a,2026-01-01T00:00:00Z,2026-10-01T00:00:00Z\n2,10,6,b,2026-01-01T00:00:00Z,{soon}\n"
        ),
    );
    // What is brought over is the one thing that may be booked.
    let done = world.tradeup(&import(&old, &["--with-balance"]));
    assert_eq!(done.code, 0, "{}", done.stderr);
    let before = world.number(DONE).await;
    let _services = world.start_both().await;
    for task in ["credit-expiration", "expiration-warning"] {
        let run: Value = serde_json::from_str(&world.tradeup_ok(&["--json", "trigger", task])).unwrap();
        let story = world.ended(run["run_id"].as_str().unwrap()).await;
        assert_eq!(story["state"], "succeeded", "{story:#}");
    }
    assert_eq!(world.number(DONE).await, before, "nothing ended, nobody was written to");
    assert_eq!(
        world.number("select sum(amount_minor)::bigint from shadow_effects where kind = 'expire'").await,
        400
    );
    assert_eq!(
        world.number("select sum(amount_minor)::bigint from shadow_effects where kind = 'warning'").await,
        600
    );
    // The month is brought over: there is nothing left that ours would give to these two.
    let story = world.ended(&world.trigger("2026-11")).await;
    assert_eq!(story["progress"]["affected"], 1, "{story:#}");
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn a_cut_over_within_a_month_credits_nobody_twice() {
    let world = aurora(5).await;
    begin(&world);
    let _services = world.start_both().await;
    // The month that is under way when it is cut over.
    let period = world.month_due().await;
    world.ended(&world.trigger(&period)).await;

    let refused = world.tradeup(&end(&[]));
    assert!(refused.code == 1 && refused.stderr.contains("tradeup import credits"), "{}", refused.stderr);
    // The other system has missed member 5.
    let old = file(&world, "old.csv", "member,amount,external_id\n1,10,a\n2,10,b\n3,5,c\n4,5,d\n");
    assert_eq!(world.tradeup(&import_of(&period, &old, &[])).code, 0);
    let report = world.tradeup(&["shadow", "report", "--tenant", "aurora", "--period", &period]);
    assert!(report.code == 1 && report.stdout.contains("EXTRA"), "{}", report.stdout);
    world.tradeup_ok(&end(&[]));
    assert_eq!(world.tradeup(&end(&[])).code, 1, "it is live");

    // The month's run of the shop was reckoned; whoever lacks the month gets it by a backfill, and nobody else.
    let again = world.trigger(&period);
    assert_eq!(world.ended(&again).await["state"], "succeeded");
    assert_eq!(world.number("select count(*) from lots where run_id is not null").await, 0);
    let backfill = ["--json", "backfill", "aurora", "--period", &period, "--reason", "missed"];
    let run: Value = serde_json::from_str(&world.tradeup_ok(&backfill)).unwrap();
    let story = world.ended(run["run_id"].as_str().unwrap()).await;
    assert_eq!(
        (&story["state"], &story["progress"]["affected"]),
        (&"succeeded".into(), &1.into()),
        "{story:#}"
    );
    assert_eq!(world.number("select count(*) from lots where reason = 'monthly'").await, 5);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 500);
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn a_month_before_the_cut_over_is_not_issued_until_it_is_brought_over() {
    let world = aurora(3).await;
    begin(&world);
    world.tradeup_ok(&end(&["--without-import"]));
    let _services = world.start_both().await;
    let backfill = ["--json", "backfill", "aurora", "--period", "2026-11", "--reason", "missed"];
    let run: Value = serde_json::from_str(&world.tradeup_ok(&backfill)).unwrap();
    let dead = world.ended(run["run_id"].as_str().unwrap()).await;
    assert_eq!((&dead["state"], &dead["error_code"]), (&"dead".into(), &"TU0311".into()), "{dead:#}");
    assert_eq!(world.number(DONE).await, 0);

    // A file with no lines says that nothing was issued.
    let none = file(&world, "none.csv", "member,amount,external_id\n");
    assert_eq!(world.tradeup(&import(&none, &[])).code, 0);
    world.tradeup_ok(&["retry", run["run_id"].as_str().unwrap()]);
    let story = world.ended(run["run_id"].as_str().unwrap()).await;
    assert_eq!(
        (&story["state"], &story["progress"]["affected"]),
        (&"succeeded".into(), &3.into()),
        "{story:#}"
    );
    world.tradeup_ok(&["verify"]);
}

/// Tells of an order of member 1 over 100.00; the run's story.
async fn tell(world: &World, order: &str, paid_at: &str) -> Value {
    let input = format!(
        r#"{{"order_external_id":"{order}","paid":{{"member_external_id":"1","currency":"USD","lines":
           [{{"price_minor":"10000","quantity":"1"}}],"paid_at":"{paid_at}","updated_at":"{paid_at}"}}}}"#
    );
    let input = file(world, "order.json", &input);
    let task = ["trigger", "task", "settle-order", "--tenant", "aurora", "--key", order, "--input", &input];
    let run = world.tradeup_json(&task);
    world.ended(run["run_id"].as_str().unwrap()).await
}

#[tokio::test]
async fn an_order_of_before_the_cut_over_earns_nothing_here() {
    let world = aurora(2).await;
    world.tradeup_ok(&["tenant", "tier", "aurora", "gold", "--cashback", "5%"]);
    begin(&world);
    let _services = world.start_both().await;
    let before = world.instant_in("0 seconds").await;
    assert_eq!(tell(&world, "501", &before).await["state"], "succeeded");
    world.tradeup_ok(&end(&["--without-import"]));
    assert_eq!(tell(&world, "502", &before).await["state"], "succeeded", "made before, told of after");
    assert_eq!(world.number("select count(*) from lots").await, 0);
    assert_eq!(world.number("select count(*) from orders where history and rate_bps = 0").await, 2);

    let after = world.instant_in("0 seconds").await;
    assert_eq!(tell(&world, "503", &after).await["state"], "succeeded");
    assert_eq!(world.number("select sum(granted_minor)::bigint from lots").await, 500);
    world.tradeup_ok(&["verify"]);
}

/// Members of aurora are imported, and the file goes on for as long as the test likes: what was promised is what was known.
#[tokio::test]
async fn a_month_planned_and_a_shadow_begun_while_members_are_imported_promise_them_nothing() {
    let world = aurora(1).await;
    let mut import = Command::new(binary("tradeup"))
        .env_clear()
        .envs(&world.environment)
        .args(["import", "members", "-", "--tenant", "aurora", "--since", "2026-01-01"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = import.stdin.take().unwrap();
    input.write_all(b"Customer ID,Email,Accepts Email Marketing,Tags\n").unwrap();
    for id in 101..=5_100 {
        input.write_all(format!("{id},m{id}@example.com,yes,silver\n").as_bytes()).unwrap();
    }
    let under_way = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'tradeup' and backend_xid is not null and state = 'idle in transaction'";
    eventually("rows are staged", Duration::from_secs(30), || async {
        (world.number(under_way).await > 0).then_some(())
    })
    .await;
    let _services = world.start_both().await;
    let story = world.ended(&world.trigger("2026-11")).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    begin(&world);
    drop(input);
    assert!(import.wait().unwrap().success());
    assert_eq!(world.number("select count(*) from memberships").await, 5_001);
    world.tradeup_ok(&["verify"]);

    // What comes of it afterwards is the shadow's, and after the cut-over a backfill's.
    world.tradeup_ok(&end(&["--without-import"]));
    world.tradeup_ok(&["verify"]);
}

#[tokio::test]
async fn a_month_waits_for_memberships_that_are_being_written() {
    let world = aurora(3).await;
    // Somebody becomes known, and their transaction is not over.
    let mut writing = PgConnection::connect_with(&world.database.admin.connect_options()).await.unwrap();
    sqlx::raw_sql(
        "begin;
         select set_config('app.tenant_id', id::text, true) from tenants where handle = 'aurora';
         insert into members (tenant_id, id, external_id) select id, gen_random_uuid(), '99' from tenants;
         insert into memberships (tenant_id, member_id, tier_id, status, source, valid_from)
         select m.tenant_id, m.id, t.id, 'active', 'manual', '2026-01-01'
         from members m join tiers t on t.tenant_id = m.tenant_id and t.handle = 'gold' where m.external_id = '99';",
    )
    .execute(&mut writing)
    .await
    .unwrap();
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let waits = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'credits' and wait_event_type = 'Lock' and wait_event = 'advisory'";
    eventually("the month waits", Duration::from_secs(30), || async {
        (world.number(waits).await > 0).then_some(())
    })
    .await;
    sqlx::raw_sql("commit").execute(&mut writing).await.unwrap();
    let story = world.ended(&run).await;
    assert_eq!(
        (&story["state"], &story["progress"]["affected"]),
        (&"succeeded".into(), &4.into()),
        "{story:#}"
    );
    world.tradeup_ok(&["verify"]);
}
