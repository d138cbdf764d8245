//! What other systems publish takes effect once, and what is wrong with it is said.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_harness::{Jobs, Process, Server, Shop, World, eventually};
use tradeup_proto::{Message as _, v1};

use crate::blocked::Blocked;

const SOON: Duration = Duration::from_secs(30);
const SUBJECT: &str = "events.aurora.till.credit=2Erequested";

/// What gives a credit for an event: who takes it, who gives it, who sweeps.
async fn start(world: &World) -> (Process, Process, Process) {
    let (scheduler, credits) = world.start_both().await;
    (world.start("webhooks").await, scheduler, credits)
}

/// Customer ids of aurora's first members.
async fn members(world: &World, count: i64) -> Vec<String> {
    sqlx::query_scalar("select external_id from members order by id limit $1")
        .bind(count)
        .fetch_all(&world.database.admin)
        .await
        .unwrap()
}

fn body(member: &str, amount_minor: i64) -> Value {
    json!({ "member_external_id": member, "amount": { "amount_minor": amount_minor, "currency": "USD" },
        "reason": "Thanks for coming by" })
}

async fn publish(jobs: &Jobs, id: &str, body: &Value) {
    jobs.publish_event(SUBJECT, &[("ce-id", id)], body.to_string().as_bytes()).await;
}

/// Waits until every event is answered for and every run has ended.
async fn settled(world: &World, jobs: &Jobs) {
    eventually("all is settled", Duration::from_secs(90), || async {
        // In this order: an event that is taken is a run.
        let left = jobs.events_left().await;
        let unfinished = world.number("select count(*) from runs where finished_at is null").await;
        (left == 0 && unfinished == 0).then_some(())
    })
    .await;
}

fn assert_proved(world: &World) {
    let proof = world.tradeup(&["verify"]);
    assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
}

#[tokio::test]
async fn an_event_gives_one_credit_however_often_it_is_published() {
    let world = World::with_aurora(20, 101).await;
    let _services = start(&world).await;
    let jobs = world.jobs().await;
    let member = &members(&world, 1).await[0];
    let asked = json!({ "member_external_id": member, "amount": { "amount_minor": 725, "currency": "USD" },
        "reason": "Trade-in 17", "expires_at": "2099-01-01T00:00:00Z", "value_class": "paid" })
    .to_string();
    let by_message_id = [("Nats-Msg-Id", "receipt-17"), ("Content-Type", "application/json")];
    assert!(!jobs.publish_event(SUBJECT, &by_message_id, asked.as_bytes()).await);
    for _ in 0..2 {
        assert!(jobs.publish_event(SUBJECT, &by_message_id, asked.as_bytes()).await, "NATS knows it");
    }
    settled(&world, &jobs).await;
    // Long after: NATS has forgotten the id, the database has not.
    for _ in 0..3 {
        assert!(!jobs.publish_event(SUBJECT, &[("ce-id", "receipt-17")], asked.as_bytes()).await);
    }
    settled(&world, &jobs).await;

    assert_eq!(jobs.count("EVENTS").await, 4);
    let entries = world.tradeup_json(&["ledger", "aurora", "--member", member]);
    assert_eq!(entries.as_array().unwrap().len(), 1);
    let entry = &entries[0];
    assert_eq!((&entry["amount_minor"], &entry["reason"]), (&725.into(), &"granted".into()));
    assert_eq!(
        (&entry["source_key"], &entry["note"]),
        (&"event:till:receipt-17".into(), &"Trade-in 17".into())
    );
    assert_eq!(entry["expires_at"], "2099-01-01T00:00:00Z");
    assert_eq!(world.number("select count(*) from lots where value_class = 'paid'").await, 1);
    let events = world.tradeup_json(&["events", "--tenant", "aurora", "--topic", "credit.requested"]);
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!((&events[0]["state"], &events[0]["run_state"]), (&"routed".into(), &"succeeded".into()));
    let event = world.tradeup_json(&["event", events[0]["id"].as_str().unwrap()]);
    assert_eq!(event["body"], asked.as_str(), "as it was received");
    let run = world.tradeup_json(&["run", events[0]["run_id"].as_str().unwrap()]);
    assert_eq!((&run["result"]["outcome"], &run["trigger"]), (&"granted".into(), &"event".into()));
    assert_eq!(run["triggered_by"], "till");

    // The same id from another system is another event; protobuf says the same as JSON.
    let message = v1::CreditRequested {
        member_external_id: member.clone(),
        amount: Some(v1::Money { amount_minor: 5, currency: "USD".to_owned() }),
        reason: "a survey".to_owned(),
        ..v1::CreditRequested::default()
    };
    let headers = [("ce-id", "receipt-17"), ("Content-Type", "application/protobuf")];
    jobs.publish_event("events.aurora.survey=2Eio.credit=2Erequested", &headers, &message.encode_to_vec())
        .await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 730);
    assert_proved(&world);
}

#[tokio::test]
async fn a_topic_that_nobody_handles_is_kept() {
    let world = World::with_aurora(5, 102).await;
    let _webhooks = world.start("webhooks").await;
    let jobs = world.jobs().await;
    let headers = [("ce-id", "1"), ("ce-time", "2026-10-31T10:00:00Z"), ("Content-Type", "text/plain")];
    jobs.publish_event("events.aurora.door.opened", &headers, b"anything \x01\xff").await;
    settled(&world, &jobs).await;
    let listed = world.tradeup_json(&["events", "--state", "unhandled"]);
    let event = world.tradeup_json(&["event", listed[0]["id"].as_str().unwrap()]);
    assert_eq!((&event["topic"], &event["source"]), (&"opened".into(), &"door".into()));
    assert_eq!((&event["occurred_at"], &event["run_id"]), (&"2026-10-31T10:00:00Z".into(), &Value::Null));
    assert_eq!(event["body"], "anything \\x01\\xff");
    assert_proved(&world);
}

/// Subject, headers and body of an event; the code that it dies of, and what the error says.
type Mistake<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, &'a str, &'a str);

#[tokio::test]
async fn each_mistake_is_set_aside_with_its_fix_and_the_next_event_goes_on() {
    let world = World::with_aurora(20, 103).await;
    let _services = start(&world).await;
    let jobs = world.jobs().await;
    let member = &members(&world, 1).await[0];
    let good = body(member, 500).to_string();
    let with = |field: &str, value: Value| {
        let mut wrong = body(member, 500);
        wrong[field] = value;
        wrong.to_string().into_bytes()
    };
    let id: &[(&str, &str)] = &[("ce-id", "wrong")];
    let cases: Vec<Mistake<'_>> = vec![
        ("events.aurora.till.credit.requested", id, good.clone().into(), "TU0201", "=2E"),
        ("events.aurora.till", id, good.clone().into(), "TU0201", "<topic>"),
        ("events.aurora.t=zz.credit=2Erequested", id, good.clone().into(), "TU0201", "the source"),
        ("events.nobody.till.credit=2Erequested", id, good.clone().into(), "TU0302", "no tenant"),
        (SUBJECT, &[], good.clone().into(), "TU0202", "Nats-Msg-Id"),
        (SUBJECT, &[("ce-id", "wrong"), ("ce-time", "yesterday")], good.clone().into(), "TU0202", "ce-time"),
        (
            SUBJECT,
            &[("ce-id", "wrong"), ("Content-Type", "text/xml")],
            good.clone().into(),
            "TU0202",
            "application/json",
        ),
        (
            SUBJECT,
            &[("ce-id", "wrong"), ("Content-Type", "application/protobuf")],
            vec![0xff, 0x00, 0x13],
            "TU0203",
            "CreditRequested",
        ),
        (SUBJECT, id, vec![0xff, 0x00, 0x13, 0x37], "TU0203", "no JSON"),
        (SUBJECT, id, Vec::new(), "TU0203", "no JSON"),
        (SUBJECT, id, with("amount", json!("ann@example.com")), "TU0203", "field amount"),
        (
            SUBJECT,
            id,
            with("amount", json!({ "amount_minor": -5, "currency": "USD" })),
            "TU0203",
            "field amount.amount_minor",
        ),
        (SUBJECT, id, with("ammount", json!(5)), "TU0203", "field ammount is unknown"),
        (SUBJECT, id, with("expires_at", json!("2020-01-01T00:00:00Z")), "TU0203", "field expires_at"),
        (SUBJECT, id, with("value_class", json!("ann@example.com")), "TU0203", "field value_class"),
    ];
    for (n, (subject, headers, sent, code, named)) in cases.iter().enumerate() {
        jobs.publish_event(subject, headers, sent).await;
        let letters = eventually("it is set aside", SOON, || async {
            let letters = world.tradeup_json(&["dead", "list", "--task", "intake", "--limit", "100"]);
            let letters = letters.as_array().unwrap().clone();
            (letters.len() == n + 1).then_some(letters)
        })
        .await;
        let letter = world.tradeup_json(&["dead", "show", letters[0]["dead_letter_id"].as_str().unwrap()]);
        let error = letter["errors"][0].as_str().unwrap();
        assert!(letter["code"] == *code && error.contains(named), "{subject} {headers:?}: {letter:#}");
        assert!(!error.contains("ann@") && !error.contains(member.as_str()), "names nobody: {error}");
        assert_eq!(letter["message"], sent.escape_ascii().to_string(), "byte for byte");
        assert_eq!(letter["headers"].as_array().unwrap().len(), headers.len());
        let known = *code != "TU0201" && *code != "TU0302";
        assert_eq!(letter["tenant"], if known { json!("aurora") } else { Value::Null });
        // The next one goes on.
        publish(&jobs, &format!("good-{n}"), &body(member, 500)).await;
    }
    settled(&world, &jobs).await;
    let sent = i64::try_from(cases.len()).unwrap();
    assert_eq!(world.number("select count(*) from lots").await, sent);
    assert_eq!(world.number("select count(*) from events").await, sent, "of the others nothing is recorded");
    eventually("they are on DEAD", SOON, || async {
        let letters = jobs.bodies("DEAD", "dead.webhooks.intake.aurora").await;
        (letters.len() == 11).then_some(())
    })
    .await;
    assert_proved(&world);
}

#[tokio::test]
async fn a_credit_that_can_not_be_given_says_why_and_is_given_once_it_can() {
    let world = World::with_aurora(20, 104).await;
    let _services = start(&world).await;
    let jobs = world.jobs().await;
    let member = &members(&world, 1).await[0];
    publish(&jobs, "stranger", &body("4711", 300)).await;
    let mut euros = body(member, 300);
    euros["amount"]["currency"] = "EUR".into();
    publish(&jobs, "euros", &euros).await;
    settled(&world, &jobs).await;
    let letters = world.tradeup_json(&["dead", "list", "--task", "grant-credit"]);
    let mut codes: Vec<&str> =
        letters.as_array().unwrap().iter().map(|letter| letter["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["TU0305", "TU0306"], "{letters:#}");
    assert_eq!(world.number("select count(*) from lots").await, 0);

    sqlx::query("insert into members (tenant_id, id, external_id) values (1, gen_random_uuid(), '4711')")
        .execute(&world.database.admin)
        .await
        .unwrap();
    for _ in 0..2 {
        world.tradeup_ok(&["dead", "replay", "--code", "TU0305", "--resolved"]);
        settled(&world, &jobs).await;
    }
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 300);
    assert_proved(&world);
}

/// A replay is the same event as the one that was published, whatever has come in between.
#[tokio::test]
async fn an_event_that_was_set_aside_and_sent_again_both_ways_gives_one_credit() {
    let mut world = World::with_aurora(20, 105).await;
    let _services = start(&world).await;
    let jobs = world.jobs().await;
    let subject = "events.borealis.till.credit=2Erequested";
    let asked = |member: &str| body(member, 300).to_string();
    // The customer is the same at both shops.
    let member = members(&world, 1).await.remove(0);
    let headers = [("Nats-Msg-Id", "early"), ("Content-Type", "application/json")];
    jobs.publish_event(subject, &headers, asked(&member).as_bytes()).await;
    eventually("it is set aside", SOON, || async {
        (world.number("select count(*) from dead_letters where code = 'TU0302'").await == 1).then_some(())
    })
    .await;
    world.add_shop(&Shop::new("borealis", 20, 105));
    world.tradeup_ok(&["dead", "replay", "--code", "TU0302"]);
    eventually("the credit is given", SOON, || async {
        (world.number("select count(*) from lots").await == 1).then_some(())
    })
    .await;
    jobs.publish_event(subject, &[("ce-id", "early")], asked(&member).as_bytes()).await;
    world.tradeup_ok(&["dead", "replay", "--code", "TU0302", "--resolved"]);
    eventually("all four were taken", SOON, || async {
        (jobs.count("EVENTS").await == 4 && jobs.events_left().await == 0).then_some(())
    })
    .await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select count(*) from lots").await, 1);
    assert_eq!(world.number("select count(*) from dead_letters").await, 1);
    assert_proved(&world);
}

#[tokio::test]
async fn webhooks_killed_amid_five_hundred_events() {
    let world = World::with_aurora(500, 106).await;
    let _services = world.start_both().await;
    let jobs = world.jobs().await;
    let members = members(&world, 500).await;
    assert_eq!(members.len(), 500);
    for (n, member) in members.iter().enumerate() {
        publish(&jobs, &format!("e-{n}"), &body(member, 100)).await;
    }
    let webhooks = world.start("webhooks").await;
    let taken = "select count(*) from events";
    eventually("some are taken", SOON, || async { (world.number(taken).await > 20).then_some(()) }).await;
    let blocked = Blocked::table(&world, "events").await;
    blocked.catches(&world, "webhooks").await;
    webhooks.kill();
    blocked.release().await;
    let done = world.number(taken).await;
    assert!(done < 500, "killed in the middle: {done}");

    // The next one is told to stop, and loses nothing either.
    let webhooks = world.start("webhooks").await;
    eventually("more are taken", SOON, || async { (world.number(taken).await > done).then_some(()) }).await;
    assert!(webhooks.terminate(Duration::from_secs(25)).await.success());

    let _webhooks = world.start("webhooks").await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select count(*) from events where state = 'routed'").await, 500);
    assert_eq!(world.number("select count(distinct member_id) from lots").await, 500);
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 50_000);
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
    assert_proved(&world);
}

#[tokio::test]
async fn events_wait_for_a_database_that_is_down() {
    let mut world = World::with_own_postgres().await;
    world.add_shop(&Shop::new("aurora", 20, 107));
    let _services = start(&world).await;
    let jobs = world.jobs().await;
    let members = members(&world, 20).await;
    world.servers.kill(Server::Postgres);
    for (n, member) in members.iter().enumerate() {
        publish(&jobs, &format!("e-{n}"), &body(member, 100)).await;
    }
    world.servers.up(Server::Postgres);
    eventually("all are credited", Duration::from_secs(90), || async {
        (jobs.events_left().await == 0 && world.number("select count(*) from lots").await == 20).then_some(())
    })
    .await;
    settled(&world, &jobs).await;
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
    assert_proved(&world);
}
