//! Other systems publish by HTTP what they would publish on NATS: signed or with a token, each event once.

use serde_json::{Value, json};
use tradeup_domain::signing::Signed;
use tradeup_harness::{Process, Shop, World, eventually};

use crate::checkout::{call, token};
use crate::http::{port, send};

const KEYS: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PATH: &str = "/events/aurora/credit.requested";

struct Setting {
    world: World,
    port: u16,
    member: String,
    _services: Vec<Process>,
}

async fn setting(seed: u64) -> Setting {
    let mut world = World::with_aurora(10, seed).await;
    world.add_shop(&Shop::new("borealis", 5, seed + 1));
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    world.environment.insert("TRADEUP_SIGNING_KEYS".to_owned(), KEYS.to_owned());
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    let member = sqlx::query_scalar(
        "select m.external_id from members m join tenants t on t.id = m.tenant_id where t.handle = 'aurora' order by m.id limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap();
    Setting { world, port, member, _services: vec![webhooks, scheduler, credits] }
}

impl Setting {
    fn body(&self, amount_minor: i64) -> Value {
        json!({ "member_external_id": self.member, "amount": { "amount_minor": amount_minor, "currency": "USD" },
            "reason": "Thanks" })
    }

    async fn balance_is(&self, minor: i64) {
        eventually("the balance is as expected", std::time::Duration::from_secs(60), || async {
            let balance = "select coalesce(sum(balance_minor), 0)::bigint from accounts";
            let busy = "select count(*) from runs where finished_at is null";
            (self.world.number(balance).await == minor && self.world.number(busy).await == 0).then_some(())
        })
        .await;
    }

    /// A message as a sender of Standard Webhooks sends it.
    async fn signed(
        &self,
        path: &str,
        id: &str,
        secret: &str,
        seconds_ago: i64,
        body: &[u8],
    ) -> (u16, String) {
        let now = self.world.number("select extract(epoch from now())::bigint").await;
        let signed = Signed { id, timestamp: now - seconds_ago, body };
        let header = |name: &str, value: String| (name.to_owned(), value);
        let headers = [
            header("webhook-id", id.to_owned()),
            header("webhook-timestamp", signed.timestamp.to_string()),
            header("webhook-signature", signed.signature(secret).unwrap()),
            header("Content-Type", "application/json".to_owned()),
        ];
        send(self.port, "POST", path, &headers, body).await
    }
}

#[tokio::test]
async fn an_event_with_a_token_is_taken_once() {
    let setting = setting(901).await;
    let (own, foreign) = (token(&setting.world, "aurora"), token(&setting.world, "borealis"));
    let post = async |token: &str, id: &str, body: &Value| {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {token}")),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("ce-id".to_owned(), id.to_owned()),
        ];
        send(setting.port, "POST", PATH, &headers, body.to_string().as_bytes()).await
    };
    for _ in 0..3 {
        let (status, answer) = post(&own, "a-1", &setting.body(500)).await;
        assert_eq!(status, 202, "{answer}");
        assert!(answer.contains("\"id\":\"a-1\""), "{answer}");
    }
    setting.balance_is(500).await;
    let events = setting.world.tradeup_json(&["events", "--tenant", "aurora"]);
    assert_eq!((events.as_array().unwrap().len(), &events[0]["source"]), (1, &"checkout".into()));
    assert_eq!(events[0]["run_state"], "succeeded");

    for wrong in ["", "tuk_00", foreign.as_str()] {
        assert_eq!(post(wrong, "a-2", &setting.body(500)).await.0, 401);
    }
    // What is wrong is answered, and not kept.
    let (status, answer) = post(&own, "a-3", &setting.body(-5)).await;
    assert!(status == 422 && answer.contains("amount.amount_minor") && answer.contains("TU0203"), "{answer}");
    let (status, answer) = post(&own, "", &setting.body(5)).await;
    assert!(status == 422 && answer.contains("ce-id"), "{answer}");
    assert_eq!(setting.world.jobs().await.count("EVENTS").await, 1);
    assert_eq!(setting.world.number("select count(*) from dead_letters").await, 0);
    setting.balance_is(500).await;
    let reserved = setting.world.tradeup(&["token", "add", "aurora", "--source", "shopify"]);
    assert!(reserved.code != 0 && reserved.stderr.contains("Shopify's own"), "{}", reserved.stderr);
}

#[tokio::test]
async fn an_event_that_is_signed_is_taken_once_and_a_cloud_event_is_opened() {
    let setting = setting(903).await;
    let made = setting.world.tradeup_json(&["token", "add", "aurora", "--source", "till", "--signing"]);
    let (secret, id) = (made["token"].as_str().unwrap(), made["token_id"].as_str().unwrap());
    let body = setting.body(700).to_string();
    for _ in 0..2 {
        let (status, answer) = setting.signed(PATH, "msg_1", secret, 0, body.as_bytes()).await;
        assert_eq!(status, 202, "{answer}");
    }
    setting.balance_is(700).await;
    // Too old, another shop's, of nobody.
    assert_eq!(setting.signed(PATH, "msg_2", secret, 3600, body.as_bytes()).await.0, 401);
    assert_eq!(
        setting.signed("/events/borealis/credit.requested", "msg_2", secret, 0, body.as_bytes()).await.0,
        401
    );
    assert_eq!(setting.signed(PATH, "msg_2", "whsec_AAAA", 0, body.as_bytes()).await.0, 401);

    // An envelope names the event itself; another topic than the path's is refused.
    let envelope = |kind: &str| json!({ "specversion": "1.0", "id": "cloud-1", "source": "/till/7", "type": kind, "data": setting.body(40) });
    let own = token(&setting.world, "aurora");
    let post = async |body: &Value| {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {own}")),
            ("Content-Type".to_owned(), "application/cloudevents+json".to_owned()),
        ];
        send(setting.port, "POST", PATH, &headers, body.to_string().as_bytes()).await
    };
    for _ in 0..2 {
        assert_eq!(post(&envelope("credit.requested")).await.0, 202);
    }
    let (status, answer) = post(&envelope("credit.spent")).await;
    assert!(status == 422 && answer.contains("field type"), "{answer}");
    setting.balance_is(740).await;
    // The same envelope on NATS is the same event only from the same source; with its own it is another.
    let jobs = setting.world.jobs().await;
    let headers = [("Content-Type", "application/cloudevents+json"), ("Nats-Msg-Id", "try-1")];
    let subject = "events.aurora.till.credit=2Erequested";
    for _ in 0..2 {
        jobs.publish_event(subject, &headers, envelope("credit.requested").to_string().as_bytes()).await;
    }
    setting.balance_is(780).await;

    setting.world.tradeup_ok(&["token", "revoke", "aurora", id, "--reason", "left"]);
    assert_eq!(setting.signed(PATH, "msg_3", secret, 0, body.as_bytes()).await.0, 401);
    let listed = setting.world.tradeup_json(&["token", "list", "aurora"]);
    assert!(!listed.to_string().contains("whsec_"), "{listed}");
    let (status, _) = call(setting.port, "GET", PATH, &own, &Value::Null).await;
    assert_eq!(status, 405);
    setting.balance_is(780).await;
}
