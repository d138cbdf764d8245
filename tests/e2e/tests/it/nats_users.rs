//! NATS with the users of deploy/nats/users.conf as it is: everything works with them, and each may its own alone.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tradeup_harness::{GuardedNats, Process, World, eventually};
use tradeup_proto::JobKind;

const SOON: Duration = Duration::from_secs(30);

/// Checks of `doctor` that ask NATS, or show whether services get on with it.
const OF_NATS: [&str; 9] =
    ["nats", "storage", "stream", "consumer", "consumers", "undeliverable", "restore", "service", "outbox"];

const SERVICES: [&str; 5] = ["scheduler", "credits", "webhooks", "agents", "console"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_works_as_its_own_user() {
    let mut world = World::with_aurora(300, 1701).await;
    let nats = GuardedNats::with_users(world.dir.path()).await;
    let mut given = world.environment.clone();
    given.insert("TRADEUP_NATS_URL".to_owned(), nats.url("setup"));
    world.environment.insert("TRADEUP_NATS_URL".to_owned(), nats.url("setup"));
    world.tradeup_ok(&["setup"]);
    world.environment.insert("TRADEUP_NATS_URL".to_owned(), nats.url("cli"));

    let mut processes = Vec::new();
    for name in SERVICES {
        given.insert("TRADEUP_NATS_URL".to_owned(), nats.url(name));
        given.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
        given.insert("TRADEUP_CONSOLE".to_owned(), "127.0.0.1:0".to_owned());
        processes.push(Process::start(name, &given, world.dir.path()).await);
    }
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    // A run through each service, and a look at all streams and consumers.
    world.tradeup_ok(&["probe"]);
    let doctor = world.tradeup_json_any(&["doctor"]);
    let is_broken = |check: &&Value| {
        check["state"] == "problem" && OF_NATS.contains(&check["check"].as_str().unwrap_or_default())
    };
    let broken: Vec<_> = doctor["checks"].as_array().unwrap().iter().filter(is_broken).collect();
    assert!(broken.is_empty(), "{broken:?}");

    // Another system publishes, webhooks takes it in.
    let publisher = nats.somebody("publisher").await;
    assert!(publisher.is_answered("events.aurora.till.opened", "{}").await);
    eventually("it is taken in, or buried", SOON, || async {
        let known = "select (select count(*) from events) + (select count(*) from dead_letters)";
        (world.number(known).await > 0).then_some(())
    })
    .await;
    for (process, name) in processes.iter().zip(SERVICES) {
        let log = process.log();
        assert!(!log.to_lowercase().contains("permissions violation"), "{name} was refused something: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_may_what_is_not_theirs() {
    let mut world = World::new().await;
    let nats = GuardedNats::with_users(world.dir.path()).await;
    world.environment.insert("TRADEUP_NATS_URL".to_owned(), nats.url("setup"));
    world.tradeup_ok(&["setup"]);

    // What some may not, and another may: so it is the user that is refused, not the request.
    let foreign: Vec<JobKind> = ["scheduler", "credits", "webhooks", "agents"]
        .map(|service| JobKind::ALL.into_iter().find(|kind| kind.service == service).unwrap())
        .to_vec();
    let users: Vec<&str> = SERVICES.into_iter().chain(["cli", "setup", "publisher"]).collect();
    // Before there is any message: what is delivered is no answer to a request.
    for user in &users {
        let client = &nats.somebody(user).await;
        // Without waiting, and so with an answer at once: that there is nothing.
        let pulls = foreign.iter().map(|kind| async move {
            let pull = format!("$JS.API.CONSUMER.MSG.NEXT.JOBS.{}-{}", kind.service, kind.task);
            client.is_answered(&pull, r#"{"batch":1,"no_wait":true}"#).await
        });
        for (may, kind) in join_all(pulls).await.into_iter().zip(&foreign) {
            assert_eq!(may, kind.service == *user, "{user} pulls what is for {}", kind.service);
        }
        let intake = "$JS.API.CONSUMER.MSG.NEXT.EVENTS.intake";
        assert_eq!(
            client.is_answered(intake, r#"{"batch":1,"no_wait":true}"#).await,
            *user == "webhooks",
            "{user}"
        );
    }
    for user in &users {
        let client = nats.somebody(user).await;
        let refused = [
            "$JS.API.STREAM.DELETE.JOBS",
            "$JS.API.STREAM.PURGE.EVENTS",
            "$JS.API.STREAM.UPDATE.DEAD",
            "$JS.API.CONSUMER.DELETE.EVENTS.intake",
            "$JS.API.STREAM.MSG.DELETE.EVENTS",
            "$JS.API.STREAM.MSG.GET.EVENTS",
            "$JS.API.STREAM.SNAPSHOT.EVENTS",
            "$JS.API.STREAM.CREATE.MINE",
            "$SYS.REQ.SERVER.PING",
        ];
        let answers = join_all(refused.map(|subject| client.is_answered(subject, "{}"))).await;
        assert!(!answers.contains(&true), "{user} may one of {refused:?}: {answers:?}");
        // What is asked with nonsense is refused by what it says, not by who asks.
        let makes = client.is_answered("$JS.API.CONSUMER.CREATE.EVENTS.mine", "{}").await;
        assert_eq!(makes, ["scheduler", "setup"].contains(user), "{user} makes consumers");
        assert_eq!(
            client.is_answered("events.aurora.till.opened", "").await,
            ["scheduler", "webhooks", "publisher"].contains(user),
            "{user} publishes events"
        );
        let job = format!("jobs.credits.{}.aurora", foreign[1].task);
        let begins = ["scheduler", "credits", "webhooks", "console", "cli"].contains(user);
        assert_eq!(client.is_answered(&job, "").await, begins, "{user} begins credits' work");
        let marks = ["scheduler", "cli"].contains(user);
        assert_eq!(client.is_answered("control.database", "").await, marks, "{user} marks the database");
    }

    // Replies to one are heard by nobody else.
    let (credits, agents) = (nats.somebody("credits").await, nats.somebody("agents").await);
    for spied in ["_INBOX_credits.>", "_INBOX.>", "jobs.>", "events.>", "live.>", ">"] {
        assert!(!agents.hears(spied, &credits).await, "agents hears {spied}");
    }
    assert!(!nats.lets_in_anybody().await, "somebody without a name came in");
}
