//! Runs at their messages' word: what a message says that its run's row does not is not done, nor what is held back.

use tradeup_harness::{Shop, World, eventually};
use tradeup_proto::{Message as _, v1};

use crate::together::{SOON, ended, wished};

/// A message as it was, but for one thing.
fn forged(body: &[u8], change: impl FnOnce(&mut v1::Job)) -> Vec<u8> {
    let mut job = v1::Job::decode(body).unwrap();
    assert!(job.self_contained, "it is all that there is to the run");
    change(&mut job);
    job.encode_to_vec()
}

/// Its input with another amount.
fn with_amount(payload: &[u8], amount_minor: i64) -> Vec<u8> {
    let mut grant = v1::GrantCredit::decode(payload).unwrap();
    grant.amount.as_mut().unwrap().amount_minor = amount_minor;
    grant.encode_to_vec()
}

/// Its input with another key.
fn with_key(payload: &[u8], key: &str) -> Vec<u8> {
    let mut grant = v1::GrantCredit::decode(payload).unwrap();
    key.clone_into(&mut grant.source_key);
    grant.encode_to_vec()
}

#[tokio::test]
async fn a_message_that_says_something_else_than_its_row_is_not_believed() {
    let world = World::with_aurora(50, 141).await;
    world.add_shop(&Shop::new("borealis", 50, 142));
    let jobs = wished(&world, 40, |_, _| {}).await;
    let other: i64 = world.number("select id from tenants where handle = 'borealis'").await;
    let genuine = jobs.bodies("JOBS", "jobs.credits.grant-credit.>").await;
    assert_eq!(genuine.len(), 40);
    jobs.purge("JOBS").await;
    for (n, body) in genuine.iter().enumerate() {
        let body = forged(body, |job| match n {
            3 => job.payload = with_amount(&job.payload, 99_900),
            11 => job.tenant.as_mut().unwrap().tenant_id = other,
            17 => {
                "event:till:another".clone_into(&mut job.key);
                job.payload = with_key(&job.payload, "event:till:another");
            }
            23 => job.scheduled_for.as_mut().unwrap().seconds += 86_400,
            _ => {}
        });
        jobs.publish("jobs.credits.grant-credit.aurora", body).await;
    }
    let _credits = world.start("credits").await;
    let _scheduler = world.start("scheduler").await;
    ended(&world).await;
    assert_eq!(world.number("select count(*) from runs where state = 'succeeded'").await, 40);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 4_000);
    assert_eq!(world.number("select count(*) from lots where granted_minor <> 100").await, 0);
    assert_eq!(
        world
            .number("select count(*) from lots l join runs r on r.id = l.run_id where r.key <> l.source_key")
            .await,
        0
    );
    let other_day =
        "select count(*) from lots l join runs r on r.id = l.run_id where l.available_at <> r.scheduled_for";
    assert_eq!(world.number(other_day).await, 0, "each as its row has it");
    assert_eq!(world.number("select max(attempt)::bigint from runs").await, 1, "it cost nobody an attempt");
}

#[tokio::test]
async fn what_is_held_back_is_not_done_at_its_messages_word() {
    let world = World::with_aurora(50, 143).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 60, |_, _| {}).await;
    world.tradeup_ok(&["pause", "--tenant", "aurora", "--reason", "stocktaking"]);
    let _credits = world.start("credits").await;
    eventually("all are held", SOON, || async {
        (world.number("select count(*) from outbox where held_by = 'pause'").await == 60).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from lots").await, 0);
    assert_eq!(world.number("select count(*) from attempts_made").await, 0);
    world.tradeup_ok(&["resume", "--tenant", "aurora"]);
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 6_000);
    assert_eq!(world.number("select count(*) from attempts_made where outcome = 'succeeded'").await, 60);
}
