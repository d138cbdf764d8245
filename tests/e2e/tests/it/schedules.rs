//! Schedules: one run for one fire time, whoever fires; missed fires are caught up; each decision is
//! a row.

use std::time::Duration;

use tradeup_harness::{Shop, World, eventually};

const SOON: Duration = Duration::from_secs(30);

/// The month's schedule of all shops is due at this instant.
pub(crate) async fn due_since(world: &World, fire_at: &str) {
    due_at(world, fire_at, "name = 'monthly-credits' and tenant_id is null").await;
}

async fn due_at(world: &World, fire_at: &str, which: &'static str) {
    let statement = format!("update schedules set next_fire_at = $1::timestamptz where {which}");
    sqlx::query(sqlx::AssertSqlSafe(statement)).bind(fire_at).execute(&world.database.admin).await.unwrap();
}

async fn moved_on(world: &World) {
    eventually("every schedule has moved on", SOON, || async {
        let not_yet = "select count(*) from schedules where next_fire_at is null or next_fire_at <= now()";
        (world.number(not_yet).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_schedulers_catch_up_a_missed_month_once() {
    let world = World::with_aurora(10_000, 61).await;
    // The first start adds the schedule, from the next month on.
    drop(world.start("scheduler").await);
    assert_eq!(world.number("select count(*) from schedules where name = 'monthly-credits'").await, 1);
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
    assert_eq!(world.number("select count(*) from schedules where next_fire_at <= now()").await, 0);
    let period = story["key"].as_str().unwrap().to_owned();
    world.assert_exact(&[&period]);

    // By hand it is the same run: the key is the period, not who asked.
    assert_eq!(world.trigger(&period), run);
    let shown = world.tradeup_json(&["schedules"]);
    assert_eq!(shown["decisions"][0]["decision"], "late");
}

#[tokio::test]
async fn fires_beyond_the_window_are_on_record_as_missed() {
    let world = World::new().await;
    drop(world.start("scheduler").await);
    due_since(&world, "2026-01-01T06:00:00Z").await;
    let _scheduler = world.start("scheduler").await;
    moved_on(&world).await;
    assert_eq!(world.number("select count(*) from fire_decisions where fire_at < '2026-06-02' and decision = 'missed' and run_id is null").await, 6);
    assert!(
        world.number("select count(*) from fire_decisions where decision in ('late', 'fired')").await <= 2
    );
}

#[tokio::test]
async fn what_falls_due_in_a_pause_is_on_record_and_not_made_up_for() {
    let world = World::new().await;
    let scheduler = world.start("scheduler").await;
    assert_eq!(world.tradeup(&["schedule", "pause", "monthly-credits"]).code, 1, "a pause needs a reason");
    world.tradeup_ok(&["schedule", "pause", "monthly-credits", "--reason", "prices change", "--by", "ana"]);
    due_since(&world, "2026-09-01T06:00:00Z").await;
    eventually("paused fires are on record", SOON, || async {
        (world.number("select count(*) from fire_decisions where decision = 'paused'").await >= 2)
            .then_some(())
    })
    .await;
    moved_on(&world).await;

    // Nobody looks at it for a while, and the pause ends then.
    drop(scheduler);
    due_since(&world, "2026-01-01T06:00:00Z").await;
    world.tradeup_ok(&["schedule", "resume", "monthly-credits"]);
    let _scheduler = world.start("scheduler").await;
    moved_on(&world).await;
    let decided = world.number("select count(*) from fire_decisions").await;
    assert_eq!(world.number("select count(*) from fire_decisions where decision = 'paused'").await, decided);
    assert_eq!(world.number("select count(*) from runs").await, 0);
}

#[tokio::test]
async fn a_shop_with_a_schedule_of_its_own_is_left_to_it() {
    let mut world = World::with_aurora(300, 62).await;
    world.add_shop(&Shop::new("borealis", 200, 63));
    let _services = world.start_both().await;
    let bad =
        world.tradeup(&["schedule", "set", "monthly-credits", "--tenant", "aurora", "--zone", "Asia/Tokio"]);
    assert_eq!(bad.code, 1);
    assert!(bad.stderr.contains("Asia/Tokio"), "{}", bad.stderr);
    let own = ["schedule", "set", "monthly-credits", "--tenant", "aurora"];
    world.tradeup_ok(&[&own[..], &["--zone", "Asia/Tokyo", "--cron", "0 0 1 * *"]].concat());
    let preview = world.tradeup_json(&[
        "schedule",
        "preview",
        "monthly-credits",
        "--tenant",
        "aurora",
        "--after",
        "2026-10-15T00:00:00Z",
    ]);
    assert_eq!(preview[0]["at"], "2026-10-31T15:00:00Z", "midnight of the 1st in Tokyo");

    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    assert_eq!(world.number("select count(*) from ledger_entries").await, world.due["borealis"].0);

    let (fire_at, month) = month_in_tokyo(&world).await;
    due_at(&world, &fire_at, "name = 'monthly-credits' and tenant_id is not null").await;
    let own: String = eventually("aurora's own has fired", SOON, || async {
        sqlx::query_scalar("select run_id::text from fire_decisions where decision in ('late', 'fired')")
            .fetch_optional(&world.database.admin)
            .await
            .unwrap()
    })
    .await;
    let ended = world.ended(&own).await;
    assert_eq!(
        (&ended["state"], &ended["key"], &ended["tenant"]),
        (&"succeeded".into(), &month.as_str().into(), &"aurora".into())
    );
    let aurora = world.due.remove_entry("aurora");
    world.assert_exact(&["2026-11"]);
    world.due = aurora.into_iter().collect();
    world.assert_exact(&[&month]);
    world.tradeup_ok(&["schedule", "remove", "monthly-credits", "--tenant", "aurora"]);
    assert_eq!(world.number("select count(*) from schedules where name = 'monthly-credits'").await, 1);
}

#[tokio::test]
async fn a_fire_during_an_earlier_run_is_skipped_or_waits_as_the_policy_says() {
    let world = World::with_aurora(300, 64).await;
    let _services = world.start_both().await;
    // Twelve in all the year before: a schedule that has much to catch up.
    let contradiction = ["schedule", "set", "monthly-credits", "--overlap", "queue_one"];
    let refused = world.tradeup(&contradiction);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("contradicts"), "{}", refused.stderr);
    world.tradeup_ok(&[&contradiction[..], &["--missed", "all:2", "--window", "365d"]].concat());
    world.tradeup_ok(&[
        "pause",
        "--tenant",
        "aurora",
        "--needing",
        "ledger",
        "--reason",
        "keeps the first run",
    ]);
    due_since(&world, "2026-07-01T06:00:00Z").await;
    moved_on(&world).await;
    let count = |decision: &'static str| {
        let world = &world;
        async move {
            sqlx::query_scalar::<_, i64>("select count(*) from fire_decisions where decision = $1")
                .bind(decision)
                .fetch_one(&world.database.admin)
                .await
                .unwrap()
        }
    };
    assert_eq!((count("late").await, count("queued").await), (1, 1));
    let queued = world.tradeup_json(&["runs", "--task", "monthly-credits", "--state", "queued"]);
    assert!(queued[0]["held_because"].as_str().unwrap().contains("an earlier run"), "{queued:#?}");
    world.tradeup_ok(&["resume", "--tenant", "aurora", "--needing", "ledger"]);
    let run = queued[0]["run_id"].as_str().unwrap();
    assert_eq!(world.ended(run).await["state"], "succeeded");
    let months = world.tradeup_json(&["runs", "--task", "monthly-credits"]);
    let (second, first) = (&months[0], &months[1]);
    assert!(
        second["started_at"].as_str().unwrap() >= first["finished_at"].as_str().unwrap(),
        "one after the other"
    );
}

#[tokio::test]
async fn shops_start_spread_over_time_each_at_its_own_offset() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.add_shop(&Shop::new(&format!("shop-{n}"), 20, 65 + n));
    }
    let _services = world.start_both().await;
    world.tradeup_ok(&["schedule", "set", "monthly-credits", "--spread", "10d", "--window", "35d"]);
    // Due five days ago: half of the shops' starts may be over.
    sqlx::query("update schedules set cron = to_char(now() at time zone 'UTC' - interval '5 days', 'MI HH24 DD MM') || ' *', next_fire_at = date_trunc('minute', now() - interval '5 days')")
        .execute(&world.database.admin)
        .await
        .unwrap();
    eventually("each shop has its run", SOON, || async {
        (world.number("select count(*) from runs where task = 'monthly-credits-tenant'").await == 4)
            .then_some(())
    })
    .await;
    let wrong = "select count(*) from runs where task = 'monthly-credits-tenant' and state = 'scheduled'
        and (next_attempt_at <= now() or next_attempt_at >= scheduled_for + interval '10 days')";
    assert_eq!(world.number(wrong).await, 0);
    let starts = "select count(distinct coalesce(next_attempt_at, created_at)) from runs
        where task = 'monthly-credits-tenant' and state = 'scheduled'";
    let later = world.number("select count(*) from runs where state = 'scheduled'").await;
    assert!(later > 0 && world.number(starts).await == later, "each at its own offset");
}

#[tokio::test]
async fn a_lost_or_impossible_next_fire_is_armed_again_and_absence_is_told() {
    let world = World::new().await;
    let scheduler = world.start("scheduler").await;
    sqlx::query("update schedules set next_fire_at = null").execute(&world.database.admin).await.unwrap();
    moved_on(&world).await;
    drop(scheduler);

    due_since(&world, "2099-01-01T06:00:00Z").await;
    let _scheduler = world.start("scheduler").await;
    eventually("the next month is waited for", SOON, || async {
        let soon = "select count(*) from schedules where name = 'monthly-credits'
            and next_fire_at < now() + interval '32 days'";
        (world.number(soon).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.tradeup(&["schedules"]).code, 0);
    drop(_scheduler);
    due_since(&world, &this_month(&world).await).await;
    let overdue = world.tradeup(&["schedules"]);
    assert_eq!(overdue.code, 1);
    assert!(overdue.stdout.contains("OVERDUE"), "{}", overdue.stdout);
}

/// The midnight with which the running month began in Tokyo, and the month: for some hours not the one that UTC has.
async fn month_in_tokyo(world: &World) -> (String, String) {
    sqlx::query_as(
        "select to_char(began at time zone 'Asia/Tokyo' at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), to_char(began, 'YYYY-MM')
         from (select date_trunc('month', now() at time zone 'Asia/Tokyo') as began) as month",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap()
}

/// The 1st of the running month at six, or of the one before if that has not come yet.
pub(crate) async fn this_month(world: &World) -> String {
    format!("{}-01T06:00:00Z", world.month_due().await)
}

#[tokio::test]
async fn fires_of_a_range_and_those_that_were_missed_are_made_up_for_by_command_each_once() {
    let world = World::with_aurora(5, 68).await;
    let _services = world.start_both().await;
    let made = "select count(*) from runs where task = 'credit-expiration' and trigger = 'manual'";
    let look = ["schedule", "backfill", "credit-expiration", "--from", "2026-11-01T00:00:00Z"];
    let look = [&look[..], &["--until", "2026-11-03T23:59:59Z"]].concat();
    let shown = world.tradeup_json(&look);
    assert_eq!((&shown["runs"], shown["fires"].as_array().map(Vec::len)), (&3.into(), Some(3)), "{shown}");
    assert_eq!(world.number(made).await, 0, "a look does nothing");

    let why = ["--reason", "the disk was full"];
    for refused in [[&look[..], &["--count", "2"], &why].concat(), [&look[..], &["--count", "3"]].concat()] {
        assert_eq!(world.tradeup(&refused).code, 1, "{refused:?}");
    }
    let backwards = ["schedule", "backfill", "credit-expiration", "--from", "2026-10", "--until", "2026-09"];
    assert_eq!(world.tradeup(&backwards).code, 1);
    assert_eq!(world.number(made).await, 0, "nothing was made");
    let make = [&look[..], &["--count", "3"], &why].concat();
    let runs = world.tradeup_json(&make)["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 3);
    for run in &runs {
        assert_eq!(world.ended(run.as_str().unwrap()).await["state"], "succeeded");
    }
    let again = world.tradeup(&make);
    assert!(again.code == 1 && again.stderr.contains("whatever is owed has its run"), "{}", again.stderr);
    assert!(world.tradeup_json(&look)["fires"][0]["run_id"].is_string());

    sqlx::query(
        "insert into fire_decisions (schedule_id, fire_at, until, fires, decision, decided_by)
         select id, at, at, 1, 'missed', 'test' from schedules, (values (timestamptz '2026-11-02T00:30:00Z'),
             (timestamptz '2026-11-10T00:30:00Z')) as fires (at) where name = 'credit-expiration'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let look = ["schedule", "catch-up", "credit-expiration", "--since", "2026-11-05T00:00:00Z"];
    assert_eq!(world.tradeup_json(&look)["runs"], 1);
    world.tradeup_ok(&[&look[..], &["--count", "1"], &why].concat());
    assert_eq!(world.tradeup_json(&look)["runs"], 0, "it is over");
    assert_eq!(world.number(made).await, 4);
    assert_eq!(world.number("select count(*) from audit_log where act like 'schedules.%'").await, 2);
    let months = ["schedule", "backfill", "monthly-credits", "--tenant", "aurora", "--from", "2026-10"];
    let refused = world.tradeup(&months);
    assert!(refused.code == 1 && refused.stderr.contains("tradeup backfill aurora"), "{}", refused.stderr);
}
