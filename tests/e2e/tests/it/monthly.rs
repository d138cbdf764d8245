//! A month runs end to end, once.

use std::time::Duration;

use tradeup_harness::{BATCHES, Shop, World, eventually};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn members_get_their_monthly_credit_once() {
    let mut world = World::with_aurora(4_000, 1).await;
    world.add_shop(&Shop::new("borealis", 6_000, 2));
    let _services = world.start_both().await;

    let run = world.trigger("2026-11");
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    assert_eq!(story["children"].as_array().unwrap().len(), 2);
    let due: i64 = world.due.values().map(|(credits, _)| credits).sum();
    assert_eq!(story["progress"]["affected"].as_i64(), Some(due));
    world.assert_exact(&["2026-11"]);

    // A batch tells what it gave, and the attempt that it succeeded at.
    let batch =
        "select id::text from runs where task = 'monthly-credits-batch' and state = 'succeeded' limit 1";
    let batch: String = sqlx::query_scalar(batch).fetch_one(&world.database.admin).await.unwrap();
    let shown = world.tradeup_ok(&["run", &batch]);
    assert!(!shown.contains("credited (nothing)"), "{shown}");
    assert!(shown.contains("  credits-") && shown.contains("succeeded"), "{shown}");

    // Again: the same run is the answer, and nothing moves.
    assert_eq!(world.trigger("2026-11"), run);
    world.assert_exact(&["2026-11"]);

    // Another month is another run; the ledger then holds both.
    let december = world.trigger("2026-10");
    assert_ne!(december, run);
    assert_eq!(world.ended(&december).await["state"], "succeeded");
    world.assert_exact(&["2026-10", "2026-11"]);
    assert_eq!(world.jobs().await.count("JOBS").await, 0, "every message was acknowledged");
    assert_eq!(world.number("select count(*) from outbox").await, 0, "every outbox row has gone");
}

/// The next batches are looked for behind those that have ended. What is planned before them is released all the same.
#[tokio::test]
async fn batches_that_were_left_behind_are_released() {
    let world = World::with_aurora(8_500, 4).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("the first window is released", SOON, || async {
        (world.number("select count(*) from batches where state = 'released'").await == 64).then_some(())
    })
    .await;
    let moved = "update batches set seq = seq + 1000 where state = 'released'";
    sqlx::query(moved).execute(&world.database.admin).await.unwrap();
    let planned = world.number("select count(*) from batches where state = 'planned'").await;
    assert!(planned > 8, "{planned}");
    jobs.let_go(BATCHES).await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

/// What nobody says how to execute is not taken for done: it stays planned, and its run waits and is named.
#[tokio::test]
async fn batches_whose_plan_is_missing_wait_for_it() {
    let world = World::with_aurora(8_500, 5).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    let released = "select count(*) from batches where state = 'released'";
    let left = "select count(*) from batches where state = 'planned'";
    let done = "select count(*) from batches where state = 'done'";
    eventually("the first window is released", SOON, || async {
        (world.number(released).await == 64).then_some(())
    })
    .await;
    let lost = "create table lost as select * from batch_plans; delete from batch_plans";
    sqlx::raw_sql(lost).execute(&world.database.admin).await.unwrap();
    let planned = world.number(left).await;
    assert!(planned > 8, "{planned}");
    jobs.let_go(BATCHES).await;
    eventually("the first window is done", SOON, || async { (world.number(done).await == 64).then_some(()) })
        .await;
    assert_eq!(world.number(left).await, planned);
    assert_eq!(
        world.number("select count(*) from runs where state = 'waiting'").await,
        2,
        "shop and month wait"
    );
    let proof = world.tradeup(&["verify"]);
    assert!(proof.code == 1 && proof.stdout.contains("has no plan"), "{}", proof.stdout);
    let found = "insert into batch_plans select * from lost";
    sqlx::query(found).execute(&world.database.admin).await.unwrap();
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn credits_expire_at_the_end_of_a_day_in_the_shops_zone() {
    let world = World::with_aurora(200, 3).await;
    let _services = world.start_both().await;
    // Of an earlier month the end might be put off, since it comes late.
    let period = world.month_due().await;
    let run = world.trigger(&period);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    // Three months from the first, to the end of that day in New York.
    let begun = format!("{period}-01");
    let end = "select to_char(($1::date + interval '3 months 1 day') at time zone 'America/New_York' at time zone 'UTC',
        'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let end: String = sqlx::query_scalar(end).bind(&begun).fetch_one(&world.database.admin).await.unwrap();
    let ledger = world.tradeup_json(&["ledger", "aurora"]);
    assert_eq!(ledger["totals"][0]["first_expiry"], end.as_str());
    assert_eq!(ledger["totals"][0]["anchor_on"], begun.as_str());
}

#[tokio::test]
async fn a_period_that_is_not_due_can_not_be_triggered() {
    let world = World::new().await;
    let refused = world.tradeup(&["trigger", "monthly-credits", "--period", "2999-01"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("2999-01-01 06:00:00 UTC"), "{}", refused.stderr);
    assert_eq!(world.number("select count(*) from runs").await, 0);
}
