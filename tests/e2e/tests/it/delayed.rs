//! Runs that start later, or before others, and how they are found.

use std::time::Duration;

use tradeup_harness::{World, eventually};

#[tokio::test]
async fn a_run_starts_when_its_time_has_come() {
    let world = World::with_aurora(100, 34).await;
    let _services = world.start_both().await;
    let at = world.instant_in("3 seconds").await;
    let created = world.tradeup_json(&[
        "trigger",
        "monthly-credits",
        "--period",
        "2026-11",
        "--not-before",
        &at,
        "--tag",
        "trial",
        "--urgent",
    ]);
    assert_eq!(created["state"], "scheduled");
    let run = created["run_id"].as_str().unwrap();
    assert_eq!(
        world.tradeup_json(&["runs", "--state", "scheduled", "--tag", "trial"]).as_array().unwrap().len(),
        1
    );
    let ended = world.ended(run).await;
    assert_eq!(ended["state"], "succeeded");
    assert!(ended["started_at"].as_str().unwrap() >= &at[..19], "{} before {at}", ended["started_at"]);
    assert_eq!(
        world.number("select count(*) from runs where not urgent").await,
        0,
        "children are urgent too"
    );
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn a_wait_can_be_skipped() {
    let world = World::with_aurora(100, 35).await;
    let _services = world.start_both().await;
    let later = "2099-01-01T00:00:00Z";
    let created =
        world.tradeup_json(&["trigger", "monthly-credits", "--period", "2026-11", "--not-before", later]);
    let run = created["run_id"].as_str().unwrap();
    eventually("the sweep leaves it alone", Duration::from_secs(10), || async {
        let published = world.number("select count(*) from outbox where turns > 0").await;
        let waits = world.tradeup_json(&["run", run])["next_attempt_at"] == later;
        (published == 0 && waits).then_some(())
    })
    .await;
    assert_eq!(world.tradeup_json(&["retry", run])["waiting"], 1);
    assert_eq!(world.ended(run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}
