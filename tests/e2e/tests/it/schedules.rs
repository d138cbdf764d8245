//! Schedules: one run for one fire time, whoever fires; missed fires are caught up; each decision is
//! a row.

use std::time::Duration;

use tradeup_harness::{World, eventually};

const SOON: Duration = Duration::from_secs(30);

async fn due_since(world: &World, fire_at: &str) {
    sqlx::query("update schedules set next_fire_at = $1::timestamptz where name = 'monthly-credits'")
        .bind(fire_at)
        .execute(&world.database.admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn two_schedulers_catch_up_a_missed_month_once() {
    let world = World::with_aurora(10_000, 61).await;
    // The first start adds the schedule, from the next month on.
    drop(world.start("scheduler").await);
    assert_eq!(world.number("select count(*) from schedules").await, 1);
    assert_eq!(world.number("select count(*) from fire_decisions").await, 0);

    due_since(&world, &this_month(&world).await).await;
    let _one = world.start("scheduler").await;
    let _two = world.start("scheduler").await;
    let _credits = world.start("credits").await;
    let run: String = eventually("the missed fire is decided", SOON, || async {
        sqlx::query_scalar("select run_id::text from fire_decisions where decision = 'late'")
            .fetch_optional(&world.database.admin)
            .await
            .unwrap()
    })
    .await;
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "succeeded");
    assert_eq!((&story["trigger"], &story["triggered_by"]), (&"schedule".into(), &"monthly-credits".into()));
    assert_eq!(world.number("select count(*) from fire_decisions").await, 1);
    assert_eq!(world.number("select count(*) from runs where task = 'monthly-credits'").await, 1);
    assert_eq!(world.number("select count(*) from schedules where next_fire_at > now()").await, 1);
    let period = story["key"].as_str().unwrap().to_owned();
    world.assert_exact(&[&period]);

    // By hand it is the same run: the key is the period, not who asked.
    assert_eq!(world.trigger(&period), run);
    let shown = world.tradeup_json(&["schedules"]);
    assert_eq!(shown["decisions"][0]["decision"], "late");
}

#[tokio::test]
async fn fires_beyond_the_horizon_are_on_record_as_missed() {
    let world = World::new().await;
    drop(world.start("scheduler").await);
    due_since(&world, "2026-01-01T06:00:00Z").await;
    let _scheduler = world.start("scheduler").await;
    eventually("the schedule has moved on", SOON, || async {
        (world.number("select count(*) from schedules where next_fire_at > now()").await == 1).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from fire_decisions where fire_at < '2026-06-02' and decision = 'missed' and run_id is null").await, 6);
    assert!(
        world.number("select count(*) from fire_decisions where decision in ('late', 'fired')").await <= 2
    );
}

/// The 1st of the running month at six, or of the one before if that has not come yet.
async fn this_month(world: &World) -> String {
    sqlx::query_scalar("select to_char(date_trunc('month', (now() at time zone 'UTC') - interval '6 hours') + interval '6 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
        .fetch_one(&world.database.admin)
        .await
        .unwrap()
}
