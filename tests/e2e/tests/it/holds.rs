//! What people pause waits, and nothing else does; limits hold.

use std::time::Duration;

use tradeup_harness::{Shop, World, eventually};

const SOON: Duration = Duration::from_secs(30);
const ENTRIES: &str = "select count(*) from ledger_entries";
const BATCHES: &str =
    "select count(*) from batches b join tenants t on t.id = b.tenant_id where t.handle = 'aurora'";
const PAUSED: &str = "select count(*) from outbox where held_by = 'pause'";

#[tokio::test]
async fn a_paused_shop_waits_without_using_up_attempts_and_the_others_go_on() {
    let mut world = World::with_aurora(2_000, 41).await;
    world.add_shop(&Shop::new("borealis", 500, 42));
    let _services = world.start_both().await;
    let reason = ["--reason", "the owner asked", "--by", "ana"];
    world.tradeup_ok(&[&["pause", "--tenant", "aurora", "--needing", "ledger"], &reason[..]].concat());
    assert_eq!(world.tradeup(&["pause", "--reason", "x"]).code, 1, "nothing said is not everything");

    let run = world.trigger("2026-11");
    let batches = eventually("all batches of aurora wait", SOON, || async {
        let (all, paused) = (world.number(BATCHES).await, world.number(PAUSED).await);
        (all > 0 && paused == all).then_some(all)
    })
    .await;
    eventually("borealis is credited", SOON, || async {
        (world.number(ENTRIES).await == world.due["borealis"].0).then_some(())
    })
    .await;
    let holds = world.tradeup_json(&["holds"]);
    assert_eq!((&holds["held"][0]["tenant"], &holds["held"][0]["runs"]), (&"aurora".into(), &batches.into()));
    let waiting = world.tradeup_json(&["runs", "--tenant", "aurora", "--task", "monthly-credits-batch"]);
    assert_eq!(waiting[0]["held_because"], "paused by ana: the owner asked");
    assert_eq!(world.number("select count(*) from runs where task = 'monthly-credits-batch' and tenant_id = 1 and attempt > 0").await, 0);
    assert_eq!(world.jobs().await.count("JOBS").await, 0, "nothing circles in the stream");

    let resumed = world.tradeup_json(&["resume", "--tenant", "aurora", "--needing", "ledger"]);
    assert_eq!(resumed["let_go"], batches);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert_eq!(world.tradeup(&["resume", "--tenant", "aurora", "--needing", "ledger"]).code, 1);
}

#[tokio::test]
async fn a_pause_ends_by_itself() {
    let world = World::with_aurora(500, 43).await;
    let _services = world.start_both().await;
    let at = world.instant_in("3 seconds").await;
    world.tradeup_ok(&["pause", "--everything", "--reason", "a short one", "--until", &at]);
    let run = world.trigger("2026-11");
    eventually("it waits", SOON, || async { (world.number(PAUSED).await == 1).then_some(()) }).await;
    let ended = world.ended(&run).await;
    assert_eq!(ended["state"], "succeeded");
    assert!(ended["started_at"].as_str().unwrap() >= &at[..19], "{ended:#?}");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn no_shop_has_more_at_once_than_its_limit() {
    let world = World::with_aurora(6_000, 44).await;
    let _services =
        (world.start("scheduler").await, world.start("credits").await, world.start("credits").await);
    world.tradeup_ok(&["limit", "--task", "monthly-credits-batch", "--running-max", "2"]);
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let overlapping = "select coalesce(max(n), 0)::bigint from (
        select (select count(*) from attempts_made b join runs s on s.id = b.run_id
            where s.task = 'monthly-credits-batch' and b.started_at <= a.started_at and b.finished_at > a.started_at) as n
        from attempts_made a join runs r on r.id = a.run_id where r.task = 'monthly-credits-batch') as counted";
    let most = world.number(overlapping).await;
    assert!(most <= 2, "{most} at once");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn no_shop_begins_more_in_a_minute_than_its_limit() {
    let world = World::with_aurora(2_000, 45).await;
    let _services = world.start_both().await;
    world.tradeup_ok(&[
        "limit",
        "--task",
        "monthly-credits-batch",
        "--tenant",
        "aurora",
        "--per-minute",
        "60",
    ]);
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    // Six in the first moment, then one a second.
    let batches = world.number(BATCHES).await;
    assert!(batches > 8, "{batches}");
    let took = "select extract(epoch from max(a.started_at) - min(a.started_at))::bigint
        from attempts_made a join runs r on r.id = a.run_id where r.task = 'monthly-credits-batch'";
    let seconds = world.number(took).await;
    assert!(seconds >= batches - 8, "{batches} in {seconds} s");
    let failed = "select count(*) from attempts where outcome not in ('succeeded', 'waiting')";
    assert_eq!(world.number(failed).await, 0);
    world.assert_exact(&["2026-11"]);
}
