//! Shops' own endpoints are told of credit, signed, until they have it, and once it is the same message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tradeup_domain::signing::Signed;
use tradeup_harness::{Process, Shop, World, eventually};

const KEY: &str = "bXktc2lnbmluZy1rZXktb2YtdGhpcnR5LXR3by1ieXRlcw==";
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// What an endpoint has received.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An endpoint that answers as it is told to, first in, first out; then 204.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    pub(crate) async fn start(answers: &[u16]) -> (Self, String) {
        let receiver = Self::default();
        receiver.answers.lock().unwrap().extend(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let routes = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (receiver, url)
    }

    pub(crate) fn all(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        eventually("the endpoint is told", TOLD_WITHIN, || async {
            let all = self.all();
            (all.len() >= count).then_some(all)
        })
        .await
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.got.lock().unwrap().push(Got { headers, body: body.to_vec() });
    let mut answers = receiver.answers.lock().unwrap();
    if answers.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::from_u16(answers.remove(0)).unwrap() }
}

/// A shop of five members, with its services.
async fn world() -> (World, Vec<Process>) {
    let mut world = World::new().await;
    world.add_shop(&Shop::new("aurora", 5, 7));
    world.environment.insert("TRADEUP_SIGNING_KEYS".to_owned(), KEY.to_owned());
    world.environment.insert("TRADEUP_ENDPOINTS".to_owned(), "loopback".to_owned());
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    (world, vec![scheduler, credits, webhooks])
}

async fn member(world: &World) -> String {
    sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap()
}

fn grant(world: &World, member: &str, key: &str) {
    world.tradeup_ok(&[
        "grant", "--tenant", "aurora", "--member", member, "--amount", "5.00", "--reason", "thanks", "--key",
        key, "--follow",
    ]);
}

#[tokio::test]
async fn an_endpoint_is_told_of_credit_signed_and_once() {
    let (world, _services) = world().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let added = world.tradeup_json(&["endpoints", "add", "aurora", &url]);
    let (id, secret) = (added["endpoint"].as_str().unwrap(), added["secret"].as_str().unwrap());
    assert_eq!(world.tradeup_json(&["endpoints", "secret", "aurora", id])["secret"], secret);
    world.tradeup_ok(&["endpoints", "test", "aurora", id]);
    let ping = &receiver.wait_for(1).await[0];
    assert_eq!(ping.value()["type"], "ping");

    let member = member(&world).await;
    grant(&world, &member, "thanks-1");
    let told = &receiver.wait_for(2).await[1];
    let body = told.value();
    assert_eq!(
        (&body["type"], &body["data"]["amount_minor"]),
        (&"credit.issued".into(), &500.into()),
        "{body}"
    );
    assert_eq!(
        (&body["data"]["member_external_id"], &body["data"]["currency"]),
        (&member.as_str().into(), &"USD".into())
    );
    assert!(!body.to_string().contains('@'), "no address: {body}");
    let signed = Signed {
        id: &told.header("webhook-id"),
        timestamp: told.header("webhook-timestamp").parse().unwrap(),
        body: &told.body,
    };
    let signature = signed.signature(secret).unwrap();
    assert_eq!(told.header("webhook-signature"), signature);

    // The month's credits, one message for each; the one before is not told again.
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let lots = world.number("select count(*) from lots").await;
    let all = receiver.wait_for(usize::try_from(lots).unwrap() + 1).await;
    let mut ids: Vec<String> = all.iter().map(|got| got.header("webhook-id")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
    let waiting = "select count(*) from deliveries where state <> 'delivered'";
    eventually("all is written down", TOLD_WITHIN, || async {
        (world.number(waiting).await == 0).then_some(())
    })
    .await;

    // A replay is the same message once more.
    let replayed = world.tradeup_json(&["deliveries", "replay", "aurora", "--event", "ping"]);
    assert_eq!(replayed["deliveries"], 1);
    let again = receiver.wait_for(all.len() + 1).await.pop().unwrap();
    assert_eq!((again.header("webhook-id"), again.body), (ping.header("webhook-id"), ping.body.clone()));
}

#[tokio::test]
async fn what_fails_comes_again_and_who_is_gone_is_told_nothing_more() {
    let (world, _services) = world().await;
    let (receiver, url) = Receiver::start(&[500]).await;
    let (gone, gone_url) = Receiver::start(&[410]).await;
    let added = world.tradeup_json(&["endpoints", "add", "aurora", &url, "--event", "credit.issued"]);
    let id = added["endpoint"].as_str().unwrap().to_owned();
    let gone_id = world.tradeup_json(&["endpoints", "add", "aurora", &gone_url])["endpoint"].clone();
    let member = member(&world).await;
    grant(&world, &member, "thanks-1");
    let all = receiver.wait_for(2).await;
    assert_eq!(all[0].header("webhook-id"), all[1].header("webhook-id"), "the same message");
    assert_eq!(all[0].body, all[1].body);

    gone.wait_for(1).await;
    let listed = eventually("it is disabled", TOLD_WITHIN, || async {
        let listed = world.tradeup_json(&["endpoints", "list", "aurora"]);
        let found = listed.as_array().unwrap().iter().find(|e| e["endpoint"] == gone_id).cloned();
        found.filter(|endpoint| endpoint["state"] == "disabled")
    })
    .await;
    assert!(listed["because"].as_str().unwrap().contains("410"), "{listed}");
    grant(&world, &member, "thanks-2");
    receiver.wait_for(3).await;
    assert_eq!(gone.all().len(), 1);
    let doctor = world.tradeup(&["--json", "doctor"]);
    assert!(doctor.stdout.contains(gone_id.as_str().unwrap()), "{}", doctor.stdout);

    let told = world.tradeup_json(&["deliveries", "list", "aurora", "--endpoint", &id]);
    let first = told.as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    eventually("both tries are on record", TOLD_WITHIN, || async {
        let tries = world.tradeup_json(&["deliveries", "show", "aurora", &first])["tries"].clone();
        let statuses: Vec<_> = tries.as_array().unwrap().iter().map(|one| one["status"].as_i64()).collect();
        (statuses == [Some(500), Some(204)]).then_some(())
    })
    .await;

    // Five days of failure disable; a person enables, and replays what was missed.
    receiver.answers.lock().unwrap().push(503);
    sqlx::query(
        "update endpoints set failing_since = now() - interval '6 days', failures = 7 where state = 'active'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    grant(&world, &member, "thanks-3");
    receiver.wait_for(4).await;
    let failed = "select count(*) from deliveries where state = 'failed'";
    eventually("it is given up", TOLD_WITHIN, || async { (world.number(failed).await == 2).then_some(()) })
        .await;
    world.tradeup_ok(&["endpoints", "enable", "aurora", &id]);
    world.tradeup_ok(&["deliveries", "replay", "aurora", "--endpoint", &id, "--state", "failed"]);
    let all = receiver.wait_for(5).await;
    assert_eq!(all[3].header("webhook-id"), all[4].header("webhook-id"));
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_and_never_asked() {
    let (mut world, services) = world().await;
    drop(services);
    let (receiver, url) = Receiver::start(&[]).await;
    let added = world.tradeup_json(&["endpoints", "add", "aurora", &url]);
    let id = added["endpoint"].as_str().unwrap().to_owned();
    for wrong in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://user:pass@example.com/",
        "https://[::ffff:10.0.0.1]/",
        "ftp://example.com/",
    ] {
        let mut public = world.environment.clone();
        public.insert("TRADEUP_ENDPOINTS".to_owned(), "public".to_owned());
        std::mem::swap(&mut world.environment, &mut public);
        let refused = world.tradeup(&["endpoints", "add", "aurora", wrong]);
        std::mem::swap(&mut world.environment, &mut public);
        assert_eq!(refused.code, 1, "{wrong}");
        assert!(refused.stderr.contains("url"), "{wrong}: {}", refused.stderr);
    }
    // One that was registered where it was allowed is not asked where it is not.
    world.environment.insert("TRADEUP_ENDPOINTS".to_owned(), "public".to_owned());
    let _webhooks = world.start("webhooks").await;
    world.tradeup_ok(&["endpoints", "test", "aurora", &id]);
    let shown = eventually("it is tried", TOLD_WITHIN, || async {
        let listed = world.tradeup_json(&["deliveries", "list", "aurora"]);
        Some(listed[0].clone()).filter(|delivery| !delivery["error"].is_null())
    })
    .await;
    assert!(shown["error"].as_str().unwrap().contains("private"), "{shown}");
    assert_eq!(receiver.all().len(), 0);
    world.tradeup_ok(&["endpoints", "remove", "aurora", &id]);
    assert_eq!(world.tradeup_json(&["endpoints", "list", "aurora"]), json!([]));
}

/// Killed between sending and writing it down: it comes again, as the same message, and nothing is lost.
#[tokio::test]
async fn webhooks_killed_while_it_sends_loses_nothing() {
    let (world, mut services) = world().await;
    let (receiver, url) = Receiver::start(&[]).await;
    world.tradeup_ok(&["endpoints", "add", "aurora", &url]);
    let member = member(&world).await;
    grant(&world, &member, "before");
    receiver.wait_for(1).await;
    let delivered = "select count(*) from deliveries where state = 'delivered'";
    let written = || async { (world.number(delivered).await == 1).then_some(()) };
    eventually("the first is written down", TOLD_WITHIN, written).await;
    services.pop().unwrap().kill();
    grant(&world, &member, "meanwhile");
    // As if the killed one had sent it, and not written it down.
    sqlx::query(
        "update deliveries set tries = 1, sends = 1, leased_until = now() + interval '2 seconds' where state = 'pending'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    sqlx::query("update delivery_wakes set due_at = now() + interval '3 seconds'")
        .execute(&world.database.admin)
        .await
        .unwrap();
    let _webhooks = world.start("webhooks").await;
    let all = receiver.wait_for(2).await;
    assert_eq!(all.len(), 2);
    let sends = "select sends::bigint from deliveries order by created_at desc limit 1";
    eventually("it is written down", TOLD_WITHIN, || async {
        (world.number(delivered).await == 2).then_some(())
    })
    .await;
    assert_eq!(world.number(sends).await, 2);
}
