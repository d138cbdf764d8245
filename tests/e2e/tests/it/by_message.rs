//! Runs at their messages' word: what a message says that its run's row does not is not done, nor what is held back.

use std::time::Duration;

use tradeup_harness::{Jobs, Shop, World, eventually};
use tradeup_proto::{Message as _, v1};

use crate::blocked::Blocked;
use crate::together::{SOON, ended, wished, wished_later};

const HELD: &str = "select count(*) from outbox where held_by = 'pause'";
/// Whoever was claimed has a row; whoever shared a transaction at once has none.
const CLAIMED: &str = "select count(*) from attempts";

/// The one message in JOBS, which is taken out: its subject, and what it says.
async fn only_message(jobs: &Jobs) -> (String, v1::Job) {
    let [(subject, body)] = jobs.all().await.try_into().expect("there is one message");
    jobs.purge("JOBS").await;
    let job = v1::Job::decode(body.as_slice()).unwrap();
    assert!(job.self_contained, "it is all that there is to the run");
    (subject, job)
}

/// Its input with another amount.
fn with_amount(payload: &[u8], amount_minor: i64) -> Vec<u8> {
    let mut grant = v1::GrantCredit::decode(payload).unwrap();
    grant.amount.as_mut().unwrap().amount_minor = amount_minor;
    grant.encode_to_vec()
}

#[tokio::test]
async fn honest_messages_are_believed() {
    let world = World::with_aurora(50, 141).await;
    let _scheduler = world.start("scheduler").await;
    // Each is due when NATS stored its wish, which has more digits of a second than the database keeps.
    let _jobs = wished(&world, 200, |_, _| {}).await;
    let _credits = world.start("credits").await;
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 20_000);
    assert_eq!(world.number(CLAIMED).await, 0);
}

#[tokio::test]
async fn a_message_that_says_something_else_than_its_row_is_not_believed() {
    let mut world = World::with_aurora(50, 142).await;
    // The same members in another shop.
    world.add_shop(&Shop::new("borealis", 50, 142));
    let both = "select count(*) from (select external_id from members group by external_id having count(*) = 2) as shared";
    assert_eq!(world.number(both).await, 50);
    let other = world.number("select id from tenants where handle = 'borealis'").await;
    for (round, what) in ["amount", "shop", "day", "key"].into_iter().enumerate() {
        let jobs = wished_later(&world, round..round + 1, |_, _| {}).await;
        let (subject, mut job) = only_message(&jobs).await;
        match what {
            "amount" => job.payload = with_amount(&job.payload, 99_900),
            "shop" => job.tenant.as_mut().unwrap().tenant_id = other,
            "day" => job.scheduled_for.as_mut().unwrap().seconds += 86_400,
            // By its row it repeats a credit for show, whose key the message has.
            _ => {
                let shown = "update runs set key = 'preview:0192f7c4-0000-7000-8000-000000000001:' || key where key = $1";
                sqlx::query(shown).bind(&job.key).execute(&world.database.admin).await.unwrap();
            }
        }
        jobs.publish(&subject, job.encode_to_vec()).await;
        let credits = world.start("credits").await;
        ended(&world).await;
        let round = i64::try_from(round).unwrap();
        assert_eq!(world.number(CLAIMED).await, round + 1, "{what}: executed from its row");
        assert!(credits.terminate(Duration::from_secs(25)).await.success());
    }
    assert_eq!(world.number("select count(*) from runs where state = 'succeeded'").await, 4);
    let as_told = "select count(*) from lots l join runs r on r.id = l.run_id join tenants t on t.id = l.tenant_id
        where t.handle = 'aurora' and l.granted_minor = 100 and l.source_key = r.key and l.available_at = r.scheduled_for";
    assert_eq!(world.number(as_told).await, 3);
    assert_eq!(world.number("select count(*) from lots").await, 3, "what is for show gives nothing");
}

#[tokio::test]
async fn what_is_held_back_is_not_done_at_its_messages_word() {
    let world = World::with_aurora(50, 143).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 60, |_, _| {}).await;
    world.tradeup_ok(&["pause", "--tenant", "aurora", "--reason", "stocktaking"]);
    let _credits = world.start("credits").await;
    eventually("all are held", SOON, || async { (world.number(HELD).await == 60).then_some(()) }).await;
    assert_eq!(world.number("select count(*) from lots").await, 0);
    assert_eq!(world.number("select count(*) from attempts_made").await, 0);
    world.tradeup_ok(&["resume", "--tenant", "aurora"]);
    ended(&world).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 6_000);
    assert_eq!(world.number("select count(*) from attempts_made where outcome = 'succeeded'").await, 60);
}

#[tokio::test]
async fn a_pause_that_comes_in_the_middle_of_the_work_is_seen_at_its_end() {
    let world = World::with_aurora(50, 144).await;
    let _scheduler = world.start("scheduler").await;
    let _jobs = wished(&world, 20, |_, _| {}).await;
    let blocked = Blocked::table(&world, "accounts").await;
    let _credits = world.start("credits").await;
    blocked.catches(&world, "credits").await;
    world.tradeup_ok(&["pause", "--tenant", "aurora", "--reason", "stocktaking"]);
    blocked.release().await;
    eventually("all are held", SOON, || async { (world.number(HELD).await == 20).then_some(()) }).await;
    assert_eq!(world.number("select count(*) from lots").await, 0);
}

#[tokio::test]
async fn a_run_whose_time_has_not_come_waits_whatever_a_message_says() {
    let world = World::with_aurora(50, 145).await;
    let jobs = wished(&world, 1, |_, _| {}).await;
    let put_off = "update runs set state = 'scheduled', next_attempt_at = now() + interval '1 hour'";
    sqlx::query(put_off).execute(&world.database.admin).await.unwrap();
    let credits = world.start("credits").await;
    eventually("its message was looked at", SOON, || async {
        let lanes = ["credits-grant-credit", "credits-grant-credit-urgent"];
        let [normal, urgent] = lanes.map(|consumer| jobs.delivered(consumer));
        (normal.await + urgent.await == 1).then_some(())
    })
    .await;
    assert!(credits.terminate(Duration::from_secs(25)).await.success());
    assert_eq!(world.number("select count(*) from lots").await, 0);
    assert_eq!(world.number("select count(*) from runs where state = 'scheduled'").await, 1);
}

#[tokio::test]
async fn a_run_that_came_by_another_tasks_subject_goes_its_own_way() {
    let world = World::with_aurora(50, 146).await;
    let _scheduler = world.start("scheduler").await;
    // One that claims each run, and one whose runs share transactions.
    for (round, other) in ["merge-members", "monthly-credits-batch"].into_iter().enumerate() {
        let jobs = wished_later(&world, round..round + 1, |_, _| {}).await;
        let (subject, job) = only_message(&jobs).await;
        let elsewhere = subject.replace("grant-credit", other);
        assert_ne!(elsewhere, subject);
        jobs.publish(&elsewhere, job.encode_to_vec()).await;
        let credits = world.start("credits").await;
        ended(&world).await;
        assert!(credits.terminate(Duration::from_secs(25)).await.success());
        let given = "select count(*) from lots where granted_minor = 100";
        assert_eq!(world.number(given).await, i64::try_from(round).unwrap() + 1, "{other}");
    }
    let (kept, given_up) =
        ("select count(*) from attempts where outcome = 'snoozed'", "select count(*) from dead_letters");
    assert_eq!((world.number(kept).await, world.number(given_up).await), (2, 0));
}
