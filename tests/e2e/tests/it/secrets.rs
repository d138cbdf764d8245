//! Secrets that are planted in every place that holds one come out nowhere: not in logs at their most talkative, not in
//! errors, dead letters, metrics or answers; neither when all is well nor when it is not.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tradeup_fakes::oidc::{FakeProvider, Flaw, Person};
use tradeup_harness::{GuardedNats, Process, World, eventually, own_role};

use crate::console::oidc::{SITE, sign_in_at};
use crate::http::{ask, form};
use crate::wallets::Wallets;

const SOON: Duration = Duration::from_secs(60);

/// Variables, what they are given, and what of it is the secret.
const PLANTED: [(&str, &str, &str); 12] = [
    ("TRADEUP_SMTP_URL", "smtp://shop:pw-smtp-4711@127.0.0.1:1?tls=none", "pw-smtp-4711"),
    ("TRADEUP_MAIL_FROM", "shop@aurora.example", ""),
    ("TRADEUP_PUBLIC_URL", "https://aurora.example", ""),
    ("TRADEUP_UNSUBSCRIBE_KEYS", "1:dW5zdWJzY3JpYmUta2V5LTQ3MTEtdW5zdWJzY3JpYmU=", "dW5zdWJzY3JpYmUta2V5"),
    ("TRADEUP_SIGNING_KEYS", "c2lnbmluZy1rZXktNDcxMS1zaWduaW5nLWtleS00NzE=", "c2lnbmluZy1rZXkt"),
    ("TRADEUP_SHOPIFY_WEBHOOK_SECRETS", "shpss_planted_4711_webhooks", "shpss_planted_4711"),
    (
        "TRADEUP_ALERT_SLACK_URL",
        "https://slack.invalid/services/T0/B0/planted-slack-4711",
        "planted-slack-4711",
    ),
    ("TRADEUP_ALERT_WEBHOOK_URL", "https://alerts.invalid/planted-alert-url-4711", "planted-alert-url-4711"),
    ("TRADEUP_ALERT_WEBHOOK_SECRET", "whsec_cGxhbnRlZC1hbGVydC00NzExLXBsYW50ZWQ=", "cGxhbnRlZC1hbGVydC"),
    ("ANTHROPIC_API_KEY", "sk-ant-planted-4711", "sk-ant-planted-4711"),
    ("TRADEUP_ANTHROPIC_URL", "http://127.0.0.1:1", ""),
    ("TRADEUP_LOG", "trace", ""),
];

/// What is sent to us, or kept in the database, and has no business elsewhere: tokens of the shop, a signature, a header, a
/// password that somebody mistypes.
const OTHERS: [&str; 9] = [
    "shpat_",
    "shprt_first",
    "hush-hush",
    "MDEyMzQ1Njc4OWFi",
    "planted-signature-4711",
    "Bearer planted-bearer-4711",
    "pw-console-4711",
    "pw-wrong-4711",
    OIDC_SECRET,
];
/// The console's, as a client of the provider that people sign in by.
const OIDC_SECRET: &str = "planted-oidc-4711";

/// The password in a URL.
fn password(url: &str) -> String {
    let (credentials, _) = url.split_once("://").unwrap().1.split_once('@').unwrap();
    credentials.split_once(':').unwrap().1.to_owned()
}

fn wrong(url: &str) -> String {
    url.replacen(&password(url), "pw-wrong-4711", 1)
}

/// Where each thing said is from, and what was said.
struct Heard(Vec<(String, String)>);

impl Heard {
    fn add(&mut self, from: impl Into<String>, said: impl Into<String>) {
        self.0.push((from.into(), said.into()));
    }

    fn run(&mut self, world: &World, arguments: &[&str]) {
        let done = world.tradeup(arguments);
        self.add(format!("tradeup {}", arguments.join(" ")), done.stdout + &done.stderr);
    }

    fn logs_below(&mut self, dir: &Path) {
        for file in std::fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                self.add(path.display().to_string(), std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
}

fn given(world: &World, nats: &GuardedNats, name: &str) -> HashMap<String, String> {
    let mut given = world.environment.clone();
    given.insert("TRADEUP_NATS_URL".to_owned(), nats.url(name));
    given
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_secrets_come_out_nowhere() {
    let mut wallets = Wallets::new(20, 4711, "shopify").await;
    let nats = GuardedNats::with_users(wallets.world.dir.path()).await;
    let world = &mut wallets.world;
    world.environment.insert("TRADEUP_NATS_URL".to_owned(), nats.url("setup"));
    world.tradeup_ok(&["setup"]);
    world.environment.insert("TRADEUP_NATS_URL".to_owned(), nats.url("cli"));
    world.environment.extend(PLANTED.map(|(name, value, _)| (name.to_owned(), value.to_owned())));
    // Known beforehand: what a service serves for probes is in its log as well.
    let (http, console) = (free_address(), free_address());
    for (name, address) in [("TRADEUP_HTTP", &http), ("TRADEUP_CONSOLE", &console)] {
        world.environment.insert(name.to_owned(), address.clone());
    }
    let provider =
        FakeProvider::start("console", OIDC_SECRET, &format!("{SITE}/sign-in/oidc/callback")).await.unwrap();
    provider.sign_in(Person::new("olga-1", "olga@aurora.example"));
    for (name, value) in [
        ("TRADEUP_CONSOLE_URL", SITE),
        ("TRADEUP_OIDC_ISSUER", provider.issuer()),
        ("TRADEUP_OIDC_CLIENT_ID", "console"),
        ("TRADEUP_OIDC_CLIENT_SECRET", OIDC_SECRET),
    ] {
        world.environment.insert(name.to_owned(), value.to_owned());
    }
    world.tradeup_ok(&["user", "add", "olga@aurora.example", "--role", "viewer", "--oidc"]);
    let (_, database_url) = own_role("credits", &world.environment).unwrap();
    let mut secrets: Vec<String> = PLANTED.iter().map(|(_, _, secret)| (*secret).to_owned()).collect();
    secrets.extend(OTHERS.map(str::to_owned));
    secrets.push(password(&database_url));
    secrets.extend(
        ["scheduler", "credits", "webhooks", "agents", "console", "cli", "setup"]
            .map(|u| password(&nats.url(u))),
    );
    secrets.retain(|secret| !secret.is_empty());

    let mut heard = Heard(Vec::new());
    let mut services = Vec::new();
    for name in ["scheduler", "credits", "webhooks", "agents", "console"] {
        // Wrong passwords: each says what is wrong, and to whom, without them.
        let mut refused = given(world, &nats, name);
        refused.insert("TRADEUP_NATS_URL".to_owned(), wrong(&nats.url(name)));
        refused.insert("TRADEUP_DATABASE_URL".to_owned(), wrong(&world.environment["TRADEUP_DATABASE_URL"]));
        let refused = Process::spawn(name, &refused, world.dir.path());
        // The other two go on trying.
        if ["scheduler", "credits", "agents"].contains(&name) {
            assert_ne!(refused.ended(SOON).await.code, 0, "{name}");
        } else {
            eventually("it says so", SOON, || async { (!refused.log().is_empty()).then_some(()) }).await;
            refused.kill();
        }
        let mut own = given(world, &nats, name);
        let health = free_address();
        own.insert("TRADEUP_HEALTH".to_owned(), health.clone());
        services.push((name, Process::start(name, &own, world.dir.path()).await, health));
    }

    // Money moves, and the shop is told.
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let [http, console] = [http, console].map(|address| port_of(&address));
    // A forged webhook, somebody else's token, a wrong password, an event that nobody understands.
    let forged = ask(
        http,
        "POST",
        "/webhooks/shopify",
        &[
            ("X-Shopify-Hmac-Sha256", "planted-signature-4711"),
            ("X-Shopify-Topic", "orders/create"),
            ("X-Shopify-Shop-Domain", "aurora.myshopify.com"),
            ("Authorization", "Bearer planted-bearer-4711"),
        ],
        "{}",
    )
    .await;
    heard.add("the answer to a forged webhook", forged.1);
    let foreign =
        ask(http, "POST", "/v1/spend", &[("Authorization", "Bearer planted-bearer-4711")], "{}").await;
    heard.add("the answer to a foreign token", foreign.1);
    let signing_in = form(console, "POST", "/sign-in", "name=ann&password=pw-console-4711").await;
    heard.add("the answer to a wrong password", signing_in.1);
    // Somebody signs in by the provider, which is told the secret; then it answers what can't be used.
    for (flaw, status) in [(None, 303), (Some(Flaw::Signature), 401)] {
        provider.set(flaw);
        let (answered, answer) = sign_in_at(&provider, console).await;
        assert_eq!(answered, status, "{flaw:?}: {answer}");
        heard.add(format!("a sign-in by the provider, {flaw:?}"), answer);
    }
    assert!(nats.somebody("publisher").await.is_answered("events.aurora.till.opened", "{").await);
    // A token that the shop does not take any more.
    wallets.fake.with_shop(crate::wallets::SHOP, |shop| shop.token = "shpat_another".to_owned()).unwrap();
    let world = &wallets.world;
    eventually("it is buried", SOON, || async {
        (world.number("select count(*) from dead_letters").await > 0).then_some(())
    })
    .await;
    for arguments in [
        &["doctor"][..],
        &["config", "show"],
        &["--json", "config", "show"],
        &["--json", "dead", "list"],
        &["--json", "runs"],
        &["logs", run.as_str()],
        &["wallet", "show", "aurora"],
        &["alerts", "list"],
    ] {
        heard.run(world, arguments);
    }
    let mut refused = world.environment.clone();
    refused.insert("TRADEUP_DATABASE_URL".to_owned(), wrong(&world.environment["TRADEUP_DATABASE_URL"]));
    refused.insert("TRADEUP_NATS_URL".to_owned(), wrong(&nats.url("cli")));
    let doctor = std::process::Command::new(tradeup_harness::binary("tradeup"))
        .env_clear()
        .envs(&refused)
        .arg("doctor")
        .output()
        .unwrap();
    heard.add(
        "doctor with wrong passwords",
        format!("{}{}", String::from_utf8_lossy(&doctor.stdout), String::from_utf8_lossy(&doctor.stderr)),
    );
    for (name, _, health) in &services {
        let port = health.rsplit_once(':').unwrap().1.parse().unwrap();
        for path in ["/metrics", "/readyz"] {
            heard.add(format!("{path} of {name}"), ask(port, "GET", path, &[], "").await.1);
        }
    }
    // NATS goes, and everybody says so.
    drop(nats);
    for (name, service, _) in &services {
        eventually(&format!("{name} has lost NATS"), SOON, || async {
            service.log().contains("lost the connection").then_some(())
        })
        .await;
    }
    for table in ["dead_letters", "run_logs", "attempts", "audit_log", "workers", "alerts", "runs"] {
        let rows = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let rows: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&world.database.admin).await.unwrap();
        heard.add(format!("table {table}"), rows);
    }
    let dir = world.dir.path().to_owned();
    drop(services);
    heard.logs_below(&dir);

    assert!(heard.0.iter().any(|(from, _)| from.ends_with(".log")));
    let shown: Vec<String> = heard
        .0
        .iter()
        .flat_map(|(from, said)| {
            secrets.iter().filter(|secret| said.contains(secret.as_str())).map(move |secret| {
                let line = said.lines().find(|line| line.contains(secret.as_str())).unwrap_or_default();
                format!("{from} shows {secret}: {}", line.chars().take(300).collect::<String>())
            })
        })
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// An address of loopback that nobody has.
fn port_of(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
