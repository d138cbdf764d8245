//! Messages that nobody can act on are set aside whole, and hold nobody up.

use std::time::Duration;

use tradeup_harness::{BATCHES, World, eventually};
use tradeup_proto::{Message as _, v1};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn rubbish_and_unknown_runs_become_dead_letters_and_the_others_go_on() {
    let world = World::with_aurora(1_000, 81).await;
    let _services = world.start_both().await;
    let jobs = world.jobs().await;
    let subject = "jobs.credits.monthly-credits-batch.aurora";
    let rubbish = vec![0xff, 0x00, 0x13, 0x37];
    jobs.publish(subject, rubbish.clone()).await;
    jobs.publish(subject, Vec::new()).await;
    let unknown =
        v1::Job { run_id: uuid::Uuid::now_v7().as_bytes().to_vec(), ..v1::Job::default() }.encode_to_vec();
    jobs.publish(subject, unknown).await;

    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    eventually("all three are set aside", SOON, || async {
        (world.number("select count(*) from dead_letters").await == 3).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from dead_letters where code = 'TU0001'").await, 2);
    assert_eq!(world.number("select count(*) from dead_letters where code = 'TU0002'").await, 1);
    let letters = eventually("they are on DEAD", SOON, || async {
        let letters = jobs.bodies("DEAD", "dead.credits.monthly-credits-batch.aurora").await;
        (letters.len() == 3).then_some(letters)
    })
    .await;
    let letter = v1::DeadLetter::decode(letters[0].as_slice()).unwrap();
    assert_eq!(letter.message, rubbish, "as it was received");
    assert_eq!(letter.subject, subject);
    eventually("nothing is left on JOBS", SOON, || async { (jobs.count("JOBS").await == 0).then_some(()) })
        .await;
}

/// A run that kills its process each time is given up, and its attempts are on record.
#[tokio::test]
async fn a_run_that_kills_its_process_is_given_up() {
    let mut world = World::with_aurora(100, 82).await;
    world.environment.insert("TRADEUP_ONE_RUN_MEMBERS".to_owned(), "0".to_owned());
    let jobs = world.jobs().await;
    jobs.hold(BATCHES).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    eventually("the batch is released", SOON, || async {
        (world.number("select count(*) from runs where task = 'monthly-credits-batch'").await == 1)
            .then_some(())
    })
    .await;
    // As if seven processes had died with it, and an eighth holds it whose lease has run out.
    sqlx::query(
        "update runs set attempt = 8, max_attempts = 8, state = 'running', started_at = now(),
             lease_expires_at = now() - interval '1 second'
         where task = 'monthly-credits-batch'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    jobs.let_go(BATCHES).await;
    let story = world.ended(&run).await;
    assert_eq!(story["state"], "dead");
    assert_eq!(story["progress"]["batches_dead"], 1);
    assert_eq!(world.number("select count(*) from ledger_entries").await, 0);
    assert_eq!(world.tradeup_json(&["dead", "list"])[0]["code"], "TU0003");
    eventually("nothing is left on JOBS", SOON, || async { (jobs.count("JOBS").await == 0).then_some(()) })
        .await;
}
