//! The console: who may see and do what, what it shows, and that nothing of a shop's becomes markup.

mod acts;
mod alerts;
mod alerts_found;
mod api;
mod browser;
mod charts;
mod grid;
mod money;
pub(crate) mod oidc;
mod oidc_refusals;
mod overview;
mod proofs;
mod run;
mod schedules;
mod shops;
mod spend;
mod users;

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Process, Shop, World, eventually};

use crate::http::{port, send};

const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Console {
    /// The console, `scheduler` and `credits`.
    services: Vec<Process>,
    pub(crate) world: World,
    pub(crate) port: u16,
}

/// Somebody's browser.
pub(crate) struct Browser {
    port: u16,
    cookie: String,
}

/// Two shops, all that runs them, and the console with a user of each role.
pub(crate) async fn console() -> Console {
    let mut world = World::with_aurora(20, 71).await;
    world.add_shop(&Shop::new("borealis", 10, 72));
    world.environment.insert("TRADEUP_CONSOLE".to_owned(), "127.0.0.1:0".to_owned());
    for (name, role) in [("vera", "viewer"), ("olga", "operator"), ("adam", "admin")] {
        add_user(&world, &[name, "--role", role]);
    }
    add_user(&world, &["sam", "--role", "shop", "--tenant", "aurora"]);
    let (scheduler, credits) = world.start_both().await;
    let console = world.start("console").await;
    let port = port(&console).await;
    Console { services: vec![console, scheduler, credits], world, port }
}

pub(crate) fn add_user(world: &World, who: &[&str]) {
    let arguments = [&["user", "add"], who, &["--password-stdin"]].concat();
    let added = world.tradeup_fed(&arguments, &format!("{PASSWORD}\n"));
    assert_eq!(added.code, 0, "{}", added.stderr);
}

/// A month for both shops.
async fn month(world: &World) -> String {
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    run
}

pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

impl Console {
    async fn attempt(&self, name: &str, password: &str) -> (u16, String) {
        let body = format!("name={}&password={}&next=%2Fruns", encoded(name), encoded(password));
        Browser { port: self.port, cookie: String::new() }.post_raw("/sign-in", &body).await
    }

    pub(crate) async fn as_user(&self, name: &str) -> Browser {
        let (status, answer) = self.attempt(name, PASSWORD).await;
        assert_eq!(status, 303, "{answer}");
        let cookie = header(&answer, "set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        Browser { port: self.port, cookie: cookie.split(';').next().unwrap().to_owned() }
    }
}

impl Browser {
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let headers = [("Cookie".to_owned(), self.cookie.clone())];
        send(self.port, "GET", path, &headers, b"").await
    }

    async fn post_raw(&self, path: &str, body: &str) -> (u16, String) {
        let headers = [
            ("Cookie".to_owned(), self.cookie.clone()),
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ];
        send(self.port, "POST", path, &headers, body.as_bytes()).await
    }

    /// Sends a form as a page of this session holds it.
    pub(crate) async fn act(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let (_, page) = self.get("/runs").await;
        let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let said: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.post_raw(path, &format!("form={form}&{}", said.join("&"))).await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, answer) = self.get(&format!("/api/v1{path}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(&body[body.find(['{', '[']).unwrap()..=body.rfind(['}', ']']).unwrap()]).unwrap()
    }
}

#[tokio::test]
async fn nobody_sees_anything_without_signing_in_and_guessing_is_slow() {
    let console = console().await;
    let nobody = Browser { port: console.port, cookie: String::new() };
    for path in ["/", "/runs", "/dead", "/schedules", "/shops", "/audit", "/live"] {
        let (status, answer) = nobody.get(path).await;
        assert_eq!(status, 303, "{path}");
        assert!(header(&answer, "location").unwrap().starts_with("/sign-in?next="), "{answer}");
    }
    let (status, answer) = nobody.get("/api/v1/runs").await;
    assert_eq!(status, 401);
    assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
    assert!(answer.contains("Sign in first"), "{answer}");

    for _ in 0..6 {
        assert_eq!(console.attempt("vera", "wrong horse battery staple").await.0, 401);
    }
    assert_eq!(console.attempt("nobody-there", "wrong horse battery staple").await.0, 401);
    // The right password does not help while it is locked.
    assert_eq!(console.attempt("vera", PASSWORD).await.0, 429);

    let page = nobody.get("/sign-in").await.1;
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_session_ends_when_it_is_signed_out_or_its_user_is_disabled() {
    let console = console().await;
    let vera = console.as_user("vera").await;
    assert_eq!(vera.get("/runs").await.0, 200);
    let olga = console.as_user("olga").await;
    assert_eq!(olga.act("/sign-out", &[]).await.0, 303);
    assert_eq!(olga.get("/runs").await.0, 303);
    console.world.tradeup_ok(&["user", "set", "vera", "--disable"]);
    assert_eq!(vera.get("/runs").await.0, 303);
    assert_eq!(console.attempt("vera", PASSWORD).await.0, 401);
}

#[tokio::test]
async fn an_operator_puts_a_dead_group_right_and_it_is_on_record() {
    let console = console().await;
    let world = &console.world;
    let probed = world.tradeup(&[
        "probe",
        "--service",
        "credits",
        "--tenant",
        "aurora",
        "--failures",
        "9",
        "--failure",
        "permanent",
    ]);
    assert_eq!(probed.code, 1);
    let olga = console.as_user("olga").await;
    let groups = olga.json("/dead-letters").await;
    assert_eq!((&groups[0]["letters"], &groups[0]["code"]), (&1.into(), &"TU0008".into()));
    let group = format!("/dead/{}", groups[0]["fingerprint"].as_str().unwrap());
    assert!(olga.get(&group).await.1.contains("1 letter of 1 shop"));

    let replay = format!("{group}/replay");
    let vera = console.as_user("vera").await;
    assert_eq!(vera.act(&replay, &[("count", "1"), ("reason", "please")]).await.0, 403);
    let (status, answer) = olga.act(&replay, &[("count", "2"), ("reason", "fixed")]).await;
    assert_eq!(status, 422, "it asks for the number: {answer}");
    assert_eq!(olga.act(&replay, &[("count", "1"), ("reason", " ")]).await.0, 422, "and for a reason");
    let forged = format!("form={}&count=1&reason=fixed", "0".repeat(64));
    assert_eq!(olga.post_raw(&replay, &forged).await.0, 403);
    assert_eq!(world.number("select count(*) from dead_letters where resolution is null").await, 1);

    assert_eq!(olga.act(&replay, &[("count", "1"), ("reason", "fixed")]).await.0, 303);
    assert_eq!(world.number("select count(*) from dead_letters where resolution = 'replayed'").await, 1);
    let audit = olga.get("/audit?actor=olga").await.1;
    assert!(audit.contains("dead_letters.replay") && audit.contains("fixed"), "{audit}");
}

#[tokio::test]
async fn a_run_is_shown_with_its_tree_and_cancelled_with_all_below() {
    let console = console().await;
    let world = &console.world;
    let run = month(world).await;
    let vera = console.as_user("vera").await;
    let shown = vera.json(&format!("/runs/{run}")).await;
    assert_eq!(shown["state"], "succeeded");
    assert_eq!(shown["children"].as_array().unwrap().len(), 2);
    assert_eq!(shown["counts"]["members"], shown["counts"]["members_done"]);
    let page = vera.get(&format!("/runs/{run}")).await.1;
    assert!(page.contains("monthly-credits-tenant") && page.contains("/shops/aurora"), "{page}");
    assert_eq!(vera.get("/runs/nonsense").await.0, 404);

    world.tradeup_ok(&["pause", "--tenant", "aurora", "--reason", "stocktaking"]);
    world.tradeup_ok(&["probe", "--service", "credits", "--tenant", "aurora", "--no-wait"]);
    let olga = console.as_user("olga").await;
    let waiting = eventually("the probe is held back", SOON, || async {
        let runs = olga.json("/runs?task=probe-credits").await["runs"].clone();
        let run = runs[0].clone();
        (!run["held_because"].is_null()).then_some(run)
    })
    .await;
    let path = format!("/runs/{}", waiting["id"].as_str().unwrap());
    let page = olga.get(&path).await.1;
    assert!(page.contains("It is held back: paused by") && page.contains("stocktaking"), "{page}");
    assert_eq!(olga.act(&format!("{path}/cancel"), &[("reason", "not needed")]).await.0, 303);
    assert_eq!(olga.json(&path).await["state"], "cancelled");
    assert_eq!(olga.act("/shops/aurora/resume", &[]).await.0, 303);
    assert_eq!(world.number("select count(*) from pauses").await, 0);
}

#[tokio::test]
async fn a_shops_staff_see_their_shop_alone() {
    let console = console().await;
    let root = month(&console.world).await;
    let sam = console.as_user("sam").await;
    for path in ["/dead", "/schedules", "/audit"] {
        assert_eq!(sam.get(path).await.0, 403, "{path}");
    }
    assert_eq!(sam.get("/api/v1/overview").await.0, 403);
    assert_eq!(sam.get("/shops/borealis").await.0, 404);
    assert_eq!(sam.get(&format!("/runs/{root}")).await.0, 404, "it is of all shops");
    assert_eq!(sam.json("/shops").await.as_array().unwrap().len(), 1);
    // Whatever they ask for.
    for query in ["", "?tenant=borealis", "?all=1"] {
        let runs = sam.json(&format!("/runs{query}")).await["runs"].clone();
        let tenants: Vec<_> =
            runs.as_array().unwrap().iter().map(|run| run["tenant"].as_str().unwrap()).collect();
        assert!(!tenants.is_empty() && tenants.iter().all(|tenant| *tenant == "aurora"), "{tenants:?}");
    }
    let of_others: String = sqlx::query_scalar(
        "select r.id::text from runs r join tenants t on t.id = r.tenant_id where t.handle = 'borealis' limit 1",
    )
    .fetch_one(&console.world.database.admin)
    .await
    .unwrap();
    assert_eq!(sam.get(&format!("/runs/{of_others}")).await.0, 404);
    assert_eq!(sam.get(&format!("/live?run={of_others}")).await.0, 404);
    assert_eq!(sam.act(&format!("/runs/{of_others}/retry"), &[("reason", "x")]).await.0, 403);
}

#[tokio::test]
async fn what_people_and_shops_write_never_becomes_markup() {
    let console = console().await;
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    console.world.tradeup_ok(&["pause", "--tenant", "aurora", "--reason", hostile]);
    let vera = console.as_user("vera").await;
    for path in ["/", "/shops/aurora", "/audit", &format!("/runs?key={}", encoded(hostile))] {
        let page = vera.get(path).await.1;
        assert!(page.contains("alert(1)"), "{path} shows it");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_live_page_is_told_when_its_run_ends() {
    let console = console().await;
    let world = &console.world;
    world.tradeup_ok(&["probe", "--service", "credits", "--steps", "4", "--step-ms", "500", "--no-wait"]);
    let olga = console.as_user("olga").await;
    let run = olga.json("/runs?task=probe-credits").await["runs"][0]["id"].as_str().unwrap().to_owned();
    let (port, cookie) = (olga.port, olga.cookie.clone());
    let path = format!("/live?run={run}");
    let listening = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let (mut heard, mut piece) = (String::new(), [0; 4096]);
        while !heard.contains("data: succeeded") {
            let read = stream.read(&mut piece).await.unwrap();
            assert!(read > 0, "it was cut off: {heard}");
            heard.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        heard
    });
    let heard = tokio::time::timeout(SOON, listening).await.expect("the end is told").unwrap();
    assert!(heard.contains("event: changed"), "{heard}");
    assert_eq!(olga.json(&format!("/runs/{run}")).await["state"], "succeeded");
}

#[tokio::test]
async fn a_program_acts_by_its_token_as_far_as_its_user_may() {
    let console = console().await;
    let world = &console.world;
    world.tradeup_ok(&["probe", "--service", "credits", "--steps", "60", "--step-ms", "1000", "--no-wait"]);
    let ask = |method: &'static str, path: String, token: String, body: &'static str| {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {token}")),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let port = console.port;
        async move { send(port, method, &format!("/api/v1{path}"), &headers, body.as_bytes()).await }
    };
    let added = world.tradeup_json(&["user", "add-token", "olga", "--for", "nightly"]);
    let token = added["token"].as_str().unwrap().to_owned();
    let (status, answer) = ask("GET", "/runs?task=probe-credits".to_owned(), token.clone(), "").await;
    assert_eq!(status, 200, "{answer}");
    let run = answer.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let cancel = format!("/runs/{run}/cancel");
    let (status, answer) = ask("POST", cancel.clone(), token.clone(), "{}").await;
    assert!(status == 422 && answer.contains("reason"), "{answer}");
    let viewer = world.tradeup_json(&["user", "add-token", "vera", "--for", "looking"])["token"].clone();
    let why = "{\"reason\":\"drill is over\"}";
    assert_eq!(ask("POST", cancel.clone(), viewer.as_str().unwrap().to_owned(), why).await.0, 403);
    let (status, answer) = ask("POST", cancel.clone(), token.clone(), why).await;
    assert!(status == 200 && answer.contains("\"cancelled\":1"), "{answer}");
    assert_eq!(ask("POST", cancel.clone(), token.clone(), why).await.0, 409, "it has ended");

    world.tradeup_ok(&["user", "revoke-token", added["id"].as_str().unwrap()]);
    assert_eq!(ask("GET", "/runs".to_owned(), token, "").await.0, 401);
    assert_eq!(ask("GET", "/runs".to_owned(), format!("tuu_{}", "0".repeat(64)), "").await.0, 401);
    let audit = world
        .number("select count(*) from audit_log where actor = 'olga' and reason = 'drill is over'")
        .await;
    assert_eq!(audit, 1);
}
