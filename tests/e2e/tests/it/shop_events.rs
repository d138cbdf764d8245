//! What happens in a shop arrives, once, and ends in the right ledger or in a clear dead letter.

mod any_order;
mod customers;
mod ingress;
mod life;
mod memberships;
mod orders;
mod outages;
mod privacy;
mod replays;
mod trials;

use std::time::Duration;

use serde_json::Value;
use tradeup_fakes::shopify::{Sample, Webhook, samples};
use tradeup_harness::{Process, World, eventually};

use crate::http::{port, send};

/// The customers of the samples who order something.
const CUSTOMERS: [&str; 6] = [
    "7400112233445",
    "7400112233446",
    "7400112233447",
    "7400112233448",
    "7400112233449",
    "922337203685477123",
];
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// A shop that tells what happens in it.
pub(crate) struct Told {
    world: World,
    samples: Vec<Sample>,
    secret: String,
    shop: String,
    port: u16,
    services: Vec<Process>,
}

/// A shop of a currency, whose members in tier gold get 5 % back; all services run.
async fn told(currency: &str) -> Told {
    told_in(World::new().await, currency).await
}

pub(crate) async fn told_in(mut world: World, currency: &str) -> Told {
    let (samples, secret, shop) = samples();
    world.tradeup_ok(&[
        "tenant",
        "add",
        "harbour",
        "--currency",
        currency,
        "--zone",
        "America/New_York",
        "--tier",
        "gold=0:gold",
        "--tier",
        "silver=0:silver",
    ]);
    world.tradeup_ok(&["tenant", "tier", "harbour", "gold", "--cashback", "5%"]);
    world.tradeup_ok(&["tenant", "set", "harbour", "--shop", &shop]);
    import(&world, &customers(&samples));
    world.environment.insert("TRADEUP_HTTP".to_owned(), "127.0.0.1:0".to_owned());
    world.environment.insert("TRADEUP_SHOPIFY_WEBHOOK_SECRETS".to_owned(), secret.clone());
    let (scheduler, credits) = world.start_both().await;
    let webhooks = world.start("webhooks").await;
    let port = port(&webhooks).await;
    Told { world, samples, secret, shop, port, services: vec![webhooks, scheduler, credits] }
}

/// Makes customers members in tier gold, since long ago.
fn import(world: &World, customers: &[String]) {
    let file = world.dir.path().join("harbour.csv");
    let header = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags";
    let rows: String =
        customers.iter().map(|id| format!("'{id},Ann,Example,{id}@example.com,yes,,gold\n")).collect();
    std::fs::write(&file, format!("{header}\n{rows}")).unwrap();
    let path = file.to_str().unwrap();
    world.tradeup_ok(&["import", "members", path, "--tenant", "harbour", "--since", "2020-01-01"]);
}

/// Customers who are named in the samples, and are no members of their own making.
fn customers(samples: &[Sample]) -> Vec<String> {
    let mut found: Vec<String> = CUSTOMERS.iter().map(|id| (*id).to_owned()).collect();
    for sample in samples.iter().filter(|sample| sample.topic.starts_with("orders/")) {
        let body: Value = serde_json::from_slice(&sample.webhook.body).unwrap();
        if let Some(id) = body["customer"]["id"].as_number() {
            found.push(id.to_string());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// An order is paid; the customer's id.
pub(crate) async fn traced_order(told: &Told) -> String {
    told.accept_sample("orders-paid.json").await;
    assert_eq!(told.result("orders/paid").await["outcome"], "posted");
    CUSTOMERS[0].to_owned()
}

impl Told {
    fn sample(&self, file: &str) -> Webhook {
        let found = self.samples.iter().find(|sample| sample.file == file);
        found.unwrap_or_else(|| panic!("no sample {file}")).webhook.clone()
    }

    /// A webhook of our own, with a body that says so.
    fn webhook(&self, topic: &str, body: &Value) -> Webhook {
        Webhook::new(&self.secret, &self.shop, topic, body.to_string().as_bytes())
    }

    async fn send(&self, webhook: &Webhook) -> u16 {
        send(self.port, "POST", "/webhooks/shopify", &webhook.headers, &webhook.body).await.0
    }

    async fn accept(&self, webhook: &Webhook) {
        assert_eq!(self.send(webhook).await, 200, "{}", webhook.header("X-Shopify-Topic"));
    }

    async fn accept_sample(&self, file: &str) {
        self.accept(&self.sample(file)).await;
    }

    /// Waits until every event is answered for and every run has ended.
    async fn settled(&self) {
        let jobs = self.world.jobs().await;
        eventually("all is settled", SETTLED_WITHIN, || async {
            let left = jobs.events_left().await;
            let unfinished = self.world.number("select count(*) from runs where finished_at is null").await;
            (left == 0 && unfinished == 0).then_some(())
        })
        .await;
    }

    /// The result of the run that followed from the latest event of a topic.
    async fn result(&self, topic: &str) -> Value {
        self.settled().await;
        let events =
            self.world.tradeup_json(&["events", "--tenant", "harbour", "--topic", topic, "--limit", "1"]);
        let run = events[0]["run_id"].as_str().unwrap_or_else(|| panic!("{topic} leads to no run: {events}"));
        let run = self.world.tradeup_json(&["run", run]);
        assert_eq!(run["state"], "succeeded", "{topic}: {run}");
        run["result"].clone()
    }

    async fn number(&self, query: &'static str) -> i64 {
        self.world.number(query).await
    }

    /// What all members have, in minor units.
    async fn balance(&self) -> i64 {
        self.number("select coalesce(sum(balance_minor), 0)::bigint from accounts").await
    }

    fn assert_proved(&self) {
        let proof = self.world.tradeup(&["verify"]);
        assert_eq!(proof.code, 0, "{}{}", proof.stdout, proof.stderr);
    }

    /// Sets a shop's rules.
    fn rules(&self, kind: &str, document: &Value) {
        let file = self.world.dir.path().join(format!("{kind}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        self.world.tradeup_ok(&["rules", "set", "harbour", kind, file.to_str().unwrap()]);
    }
}
