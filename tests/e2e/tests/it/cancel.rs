//! A month is cancelled at any moment, takes nothing back, gives nothing more, and can be taken up
//! again.

use std::time::Duration;

use tradeup_harness::{BATCHES, World, eventually};

const SOON: Duration = Duration::from_secs(30);
const UNFINISHED: &str = "select count(*) from runs where finished_at is null";
const ENTRIES: &str = "select count(*) from ledger_entries";

fn proved(world: &World) {
    let proof = world.tradeup(&["verify"]);
    assert_eq!(proof.code, 0, "{}", proof.stdout);
}

#[tokio::test]
async fn a_cancelled_month_gives_nothing_and_is_taken_up_again() {
    let world = World::with_aurora(9_000, 31).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("the first window of batches is released", SOON, || async {
        (world.number("select count(*) from batches where state = 'released'").await == 64).then_some(())
    })
    .await;

    let nothing_said = world.tradeup(&["cancel"]);
    assert_eq!(nothing_said.code, 1);
    assert!(nothing_said.stderr.contains("say which runs"), "{}", nothing_said.stderr);
    world.tradeup_ok(&["cancel", &run, "--dry-run"]);
    assert!(world.number(UNFINISHED).await > 64, "a dry run does nothing");

    let cancelled = world.tradeup_json(&["cancel", &run, "--reason", "wrong amounts", "--by", "ana"]);
    assert_eq!(cancelled["cancelled"].as_array().unwrap().len(), 66, "the month, its shop, 64 batches");
    assert_eq!(world.number(UNFINISHED).await, 0);
    assert_eq!(world.number("select count(*) from batches where state <> 'cancelled'").await, 0);
    let shown = world.tradeup_json(&["run", &run]);
    assert_eq!(
        (&shown["state"], &shown["error"]),
        (&"cancelled".into(), &"cancelled by ana: wrong amounts".into())
    );

    // Its messages are still in the stream: they are taken off it and nothing happens.
    jobs.let_go(BATCHES).await;
    eventually("the stream is empty", SOON, || async { (jobs.count("JOBS").await == 0).then_some(()) }).await;
    assert_eq!(world.number(ENTRIES).await, 0);
    proved(&world);

    assert_eq!(world.tradeup_json(&["retry", &run])["cancelled"], 64);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    let acts = "select count(*) from audit_log where act in ('runs.cancel', 'runs.resume') and actor <> ''";
    assert_eq!(world.number(acts).await, 2);
}

#[tokio::test]
async fn what_is_under_way_is_rolled_back_and_what_was_done_stays() {
    let world = World::with_aurora(60_000, 32).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("some have their credit", SOON, || async { (world.number(ENTRIES).await > 0).then_some(()) })
        .await;
    world.tradeup_ok(&["cancel", "--tenant", "aurora"]);
    // Whatever is born in that moment is cancelled by the sweep.
    eventually("nothing is under way", SOON, || async {
        (world.number(UNFINISHED).await == 0).then_some(())
    })
    .await;
    let entries = world.number(ENTRIES).await;
    assert!(entries < world.due["aurora"].0, "cancelled in time");
    assert_eq!(world.number("select coalesce(sum(affected), 0)::bigint from batches").await, entries);
    proved(&world);
    let month = world.ended(&run).await;
    assert_eq!(
        (&month["state"], &month["error"]),
        (&"cancelled".into(), &"1 of 1 child runs were cancelled".into())
    );

    world.tradeup_ok(&["retry", "--tenant", "aurora", "--state", "cancelled"]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn a_frozen_worker_can_not_commit_what_was_cancelled() {
    let world = World::with_aurora(20_000, 33).await;
    let (_scheduler, credits) = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("some have their credit", SOON, || async { (world.number(ENTRIES).await > 0).then_some(()) })
        .await;
    credits.signal("STOP");
    world.tradeup_ok(&["cancel", &run]);
    let done = world.number("select count(*) from batches where state = 'done'").await;
    credits.signal("CONT");
    eventually("it has noticed", SOON, || async {
        let left = world.jobs().await.count("JOBS").await;
        (left == 0 && world.number(UNFINISHED).await == 0).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from batches where state = 'done'").await, done);
    proved(&world);
    world.tradeup_ok(&["retry", &run]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}
