//! What each rule finds, and what becomes of an alert that nobody takes.

use std::time::Duration;

use tradeup_harness::{Server, World, eventually};
use uuid::Uuid;

use super::alerts::{SOON, Watched, open, opened, said, set, watched, watched_in};

#[tokio::test]
async fn attempts_that_fail_too_often_are_found_and_reminded_of_until_somebody_has_them() {
    let Watched { world, services: _services, mails, webhook: _webhook, slack: _slack, _kept } =
        watched().await;
    // Of thirty attempts of the last minutes ten failed.
    let ids: Vec<Uuid> = (0..30).map(|_| Uuid::now_v7()).collect();
    sqlx::query(
        "with made as (
            insert into runs (id, task, key, trigger, root_id, payload, scheduled_for, state, finished_at)
            select id, 'send-digest', id::text, 'manual', id, '', now(), 'succeeded', now() from unnest($1) as n (id)
            returning id
         )
         insert into attempts (run_id, attempt, worker, build, finished_at, outcome)
         select id, 1, 'w', 'b', now(), case when row_number() over () <= 10 then 'failed' else 'succeeded' end from made",
    )
    .bind(ids)
    .execute(&world.database.admin)
    .await
    .unwrap();
    let alert = opened(&world, "error_rate").await;
    assert_eq!(alert["summary"], "10 of 30 attempts of send-digest failed within 15 minutes.");
    let summary = "10 of 30 attempts of send-digest";
    let told = async |mails_by_now: usize| {
        let mails = mails.mails_at_least(mails_by_now).await;
        mails.iter().filter(|mail| said(mail).contains(summary)).count()
    };
    assert_eq!(told(1).await, 1);
    set(&world, "update alerts set reminded_at = now() - interval '5 hours'").await;
    eventually("people are reminded", SOON, || async { (told(1).await == 2).then_some(()) }).await;
    world.tradeup_ok(&["alerts", "acknowledge", alert["alert"].as_str().unwrap()]);
    set(&world, "update alerts set reminded_at = now() - interval '5 hours'").await;
    // The look after that has something else to tell.
    set(&world, "revoke insert on lots from tradeup_credits").await;
    world.trigger("2026-10");
    opened(&world, "dead_letters").await;
    eventually("the other one is told", SOON, || async {
        let mails = mails.mails_at_least(1).await;
        mails.iter().any(|mail| said(mail).contains("TU0104")).then_some(())
    })
    .await;
    assert_eq!(told(1).await, 2, "whoever has it is not reminded of it");
}

#[tokio::test]
async fn runs_that_wait_are_found_but_not_those_that_were_just_let_go() {
    let Watched { mut world, mut services, mails: _mails, webhook: _webhook, slack: _slack, _kept } =
        watched().await;
    world.tradeup_ok(&["alerts", "set", "backlog_age", "--threshold", "100"]);
    world.tradeup_ok(&["pause", "--task", "monthly-credits-batch", "--reason", "wait"]);
    let run = world.trigger("2026-10");
    let held = "select count(*) from outbox where held_by = 'pause'";
    eventually("a batch is held back", SOON, || async { (world.number(held).await == 1).then_some(()) })
        .await;
    // For longer than runs may wait; then nobody is there who works on it.
    set(
        &world,
        "update runs set created_at = created_at - interval '1 hour', scheduled_for = scheduled_for - interval '1 hour'
         where task = 'monthly-credits-batch'",
    )
    .await;
    services.remove(1).kill();
    world.tradeup_ok(&["resume", "--task", "monthly-credits-batch", "--reason", "go on"]);
    assert_eq!(world.number("select count(*) from outbox where let_go_at is not null").await, 1);
    let looked = "select count(*) from alert_rules where rule = 'backlog_age' and looked_at > now() - interval '1 second'";
    for _ in 0..3 {
        set(&world, "update alert_rules set looked_at = null where rule = 'backlog_age'").await;
        eventually("it is looked at", SOON, || async { (world.number(looked).await == 1).then_some(()) })
            .await;
    }
    assert_eq!(open(&world, "backlog_age").len(), 0, "it waits since it was let go");
    set(&world, "update outbox set let_go_at = now() - interval '200 seconds'").await;
    let alert = opened(&world, "backlog_age").await;
    assert!(
        alert["summary"].as_str().unwrap().starts_with("1 runs of monthly-credits-batch wait"),
        "{alert}"
    );
    // What it would send mails with is the console's here.
    world.environment.remove("TRADEUP_SMTP_URL");
    let credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    drop(credits);
}

#[tokio::test]
async fn two_consoles_tell_once_and_nats_that_is_gone_is_told_of() {
    let Watched { world, services: _services, mails, webhook: _webhook, slack, _kept } = watched().await;
    let second = world.start("console").await;
    world.tradeup_ok(&["alerts", "set", "nats_down", "--threshold", "1"]);
    world.servers.kill(Server::Nats);
    let down = opened(&world, "nats_down").await;
    assert!(down["summary"].as_str().unwrap().contains("NATS"), "{down}");
    let of_nats = async || {
        let mails = mails.mails_at_least(1).await;
        mails.iter().filter(|mail| said(mail).contains("NATS")).count()
    };
    eventually("people are told", SOON, || async { (of_nats().await == 1).then_some(()) }).await;
    // Both have looked many times since.
    set(&world, "update alert_rules set looked_at = null").await;
    world.tradeup_ok(&["alerts", "test"]);
    eventually("a later message has come", SOON, || async {
        let mails = mails.mails_at_least(1).await;
        mails.iter().any(|mail| said(mail).contains("test")).then_some(())
    })
    .await;
    assert_eq!(of_nats().await, 1, "one console has told of it");
    assert!(!slack.wait_for(1).await.is_empty());
    world.servers.up(Server::Nats);
    drop(second);
}

/// That it can't be kept where everything else is keeps nobody from telling of it.
#[tokio::test]
async fn postgresql_that_is_gone_is_told_of_and_that_it_is_back() {
    let watched = watched_in(World::with_own_postgres().await).await;
    let Watched { world, services: _services, mails: _mails, webhook: _webhook, slack, _kept } = watched;
    eventually("channels are known", SOON, || async {
        (world.tradeup_json(&["alerts", "channels"]).as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    let says = async |what: &str| {
        eventually(what, Duration::from_secs(120), || async {
            slack.all().iter().any(|got| got.value()["text"].as_str().unwrap().contains(what)).then_some(())
        })
        .await;
    };
    world.servers.kill(Server::Postgres);
    says("PostgreSQL").await;
    world.servers.up(Server::Postgres);
    says("answers again").await;
}
