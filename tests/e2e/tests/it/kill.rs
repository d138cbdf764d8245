//! SIGKILL in the middle of a transaction, at any place: the run ends by itself, the ledger exact.

use std::time::Duration;

use tradeup_harness::{Shop, World, eventually};

use crate::blocked::Blocked;

const SOON: Duration = Duration::from_secs(30);

async fn credited(world: &World) -> i64 {
    world.number("select count(*) from ledger_entries").await
}

#[tokio::test]
async fn credits_killed_in_the_middle_of_its_batches() {
    let world = World::with_aurora(30_000, 11).await;
    let _scheduler = world.start("scheduler").await;
    let credits = world.start("credits").await;
    let run = world.trigger("2026-11");
    eventually("some are credited", SOON, || async { (credited(&world).await > 300).then_some(()) }).await;

    let blocked = Blocked::table(&world, "accounts").await;
    blocked.catches(&world, "credits").await;
    credits.kill();
    blocked.release().await;
    let (done, due) = (credited(&world).await, world.due["aurora"].0);
    assert!(0 < done && done < due, "killed in the middle: {done} of {due}");

    let _credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    // What shares a transaction is not claimed before, so what died with it has cost no batch an attempt.
    let of_batches = "select max(attempt)::bigint from runs where task = 'monthly-credits-batch'";
    assert_eq!(world.number(of_batches).await, 1);
}

#[tokio::test]
async fn credits_killed_while_it_plans() {
    let world = World::with_aurora(10_000, 12).await;
    let (_scheduler, credits) = world.start_both().await;
    let blocked = Blocked::table(&world, "batches").await;
    let run = world.trigger("2026-11");
    blocked.catches(&world, "credits").await;
    credits.kill();
    blocked.release().await;
    assert_eq!(world.number("select count(*) from batches").await, 0, "nothing of the plan was committed");

    let _credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn both_killed_again_and_again() {
    let mut world = World::with_aurora(5_000, 13).await;
    world.add_shop(&Shop::new("borealis", 5_000, 14));
    let mut run = String::new();
    for round in 0..3 {
        let scheduler = world.start("scheduler").await;
        let credits = world.start("credits").await;
        if round == 0 {
            run = world.trigger("2026-11");
        }
        let before = credited(&world).await;
        eventually("another step is made", SOON, || async {
            (credited(&world).await > before).then_some(())
        })
        .await;
        credits.kill();
        scheduler.kill();
    }
    let _services = world.start_both().await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_hands_back_the_rest() {
    let world = World::with_aurora(10_000, 15).await;
    let (scheduler, credits) = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("some are credited", SOON, || async { (credited(&world).await > 300).then_some(()) }).await;
    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    assert_eq!(
        world
            .number(
                "select count(*) from attempts a join runs r on r.id = a.run_id where r.state = 'running'"
            )
            .await,
        0,
        "no run is left in a dead worker's hands"
    );
    let _credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert_eq!(world.number("select count(*) from attempts where outcome = 'lost'").await, 0);
    assert!(scheduler.terminate(Duration::from_secs(25)).await.success());
}

#[tokio::test]
async fn a_frozen_worker_does_not_hold_up_the_others() {
    let world = World::with_aurora(10_000, 16).await;
    let _scheduler = world.start("scheduler").await;
    let frozen = world.start("credits").await;
    let run = world.trigger("2026-11");
    eventually("some are credited", SOON, || async { (credited(&world).await > 300).then_some(()) }).await;
    frozen.signal("STOP");
    assert!(credited(&world).await < world.due["aurora"].0, "frozen in the middle");
    let _healthy = world.start("credits").await;
    // Whatever locks it held in its transactions, the run ends without it.
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    // And when it wakes up, believing that it still holds its runs, nothing changes.
    frozen.signal("CONT");
    assert!(frozen.terminate(Duration::from_secs(25)).await.success());
    world.assert_exact(&["2026-11"]);
}
