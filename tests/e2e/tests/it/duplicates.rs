//! The same message twice, thrice, before and after: nothing is doubled.

use std::time::Duration;

use tradeup_harness::{BATCHES, World, eventually};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_message_three_times_and_two_workers() {
    let world = World::with_aurora(10_000, 31).await;
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let services = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("a window of batches is released", SOON, || async {
        (jobs.count("JOBS").await >= 32).then_some(())
    })
    .await;
    let messages = jobs.all().await;
    for (subject, body) in messages.iter().chain(messages.iter().rev()) {
        jobs.publish(subject, body.clone()).await;
    }
    let _two = world.start("credits").await;
    jobs.let_go(BATCHES).await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert_eq!(
        world.number("select count(*) from attempts where attempt > 1").await,
        0,
        "a duplicate is not an attempt"
    );

    // Long after: the run is settled, the message is taken off the stream.
    for (subject, body) in &messages {
        jobs.publish(subject, body.clone()).await;
    }
    eventually("late duplicates are acknowledged", SOON, || async {
        (jobs.count("JOBS").await == 0).then_some(())
    })
    .await;
    world.assert_exact(&["2026-11"]);
    drop(services);
}
