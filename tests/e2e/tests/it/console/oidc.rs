//! People sign in by OpenID Connect, as users that are there: what works.

use std::time::Duration;

use serde_json::Value;
use tradeup_fakes::collector::{FakeCollector, Span};
use tradeup_fakes::oidc::{FakeProvider, Flaw, Person};
use tradeup_harness::{Process, Shop, World, eventually};

use super::{Browser, PASSWORD, add_user, encoded, header};
use crate::http::{port, send};
use crate::traces::assert_says_nothing_of_anybody;

/// Where people reach the console.
pub(crate) const SITE: &str = "https://jobs.example";
/// The session's cookie there: of that very host, by https alone.
pub(super) const SESSION: &str = "__Host-tradeup_session";
/// The one that binds a sign-in to its browser.
const SIGN_IN: &str = "__Host-tradeup_sign_in";
/// Longer than a console waits for a provider.
const SOON: Duration = Duration::from_secs(30);

/// A console that knows a provider.
pub(super) struct SignOn {
    pub(super) provider: FakeProvider,
    pub(super) console: Process,
    pub(super) world: World,
    pub(super) port: u16,
}

/// Where somebody is sent back to, and what their browser shows there.
pub(super) struct Back {
    pub(super) path: String,
    pub(super) cookie: String,
}

/// A provider that is as it should be from the start, or not, a console that knows it, and olga, an operator there.
pub(super) async fn sign_on(flaw: Option<Flaw>) -> SignOn {
    sign_on_with(flaw, &[]).await
}

/// The same with more settings.
async fn sign_on_with(flaw: Option<Flaw>, more: &[(&str, String)]) -> SignOn {
    let redirect = format!("{SITE}/sign-in/oidc/callback");
    // A secret that has to be written otherwise where it is sent.
    let provider = FakeProvider::start("jobs console", "s3cret/+:%&", &redirect).await.unwrap();
    provider.set(flaw);
    provider.sign_in(Person::new("olga-1", "Olga@Acme.example"));
    let mut world = World::new().await;
    for (name, value) in [
        ("TRADEUP_CONSOLE", "127.0.0.1:0"),
        ("TRADEUP_CONSOLE_URL", SITE),
        ("TRADEUP_OIDC_ISSUER", provider.issuer()),
        ("TRADEUP_OIDC_CLIENT_ID", "jobs console"),
        ("TRADEUP_OIDC_CLIENT_SECRET", "s3cret/+:%&"),
        ("TRADEUP_OIDC_NAME", "Acme & Sons"),
    ] {
        world.environment.insert(name.to_owned(), value.to_owned());
    }
    for (name, value) in more {
        world.environment.insert((*name).to_owned(), value.clone());
    }
    world.tradeup_ok(&["user", "add", "olga@acme.example", "--role", "operator", "--oidc"]);
    let console = world.start("console").await;
    let port = port(&console).await;
    SignOn { provider, console, world, port }
}

/// The first cookie of this name that an answer sets, as a browser shows it.
pub(super) fn cookie_of(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    let cookies = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"));
    let mut cookies = cookies.filter_map(|(_, value)| value.split(';').next());
    cookies.find(|cookie| cookie.starts_with(&format!("{name}="))).map(str::to_owned)
}

/// From a console on this port to the provider, where somebody is signed in already, and on the way back.
async fn there(provider: &FakeProvider, port: u16, next: &str) -> Back {
    let nobody = Browser { port, cookie: String::new() };
    let (status, answer) = nobody.get(&format!("/sign-in/oidc?next={}", encoded(next))).await;
    assert_eq!(status, 303, "{answer}");
    let cookie = cookie_of(&answer, SIGN_IN).unwrap();
    let to = header(&answer, "location").unwrap();
    let asked = to.strip_prefix(provider.issuer()).unwrap();
    let (status, answer) = send(provider.port(), "GET", asked, &[], b"").await;
    assert_eq!(status, 302, "{answer}");
    let back = header(&answer, "location").unwrap();
    Back { path: back.strip_prefix(SITE).unwrap().to_owned(), cookie }
}

/// The whole way at a console on this port, which is reached at [`SITE`]; what it answers at last.
pub(crate) async fn sign_in_at(provider: &FakeProvider, port: u16) -> (u16, String) {
    let back = there(provider, port, "/runs").await;
    Browser { port, cookie: back.cookie }.get(&back.path).await
}

impl SignOn {
    /// A browser of nobody's.
    pub(super) fn nobody(&self) -> Browser {
        Browser { port: self.port, cookie: String::new() }
    }

    /// To the provider, where somebody is signed in already, and on the way back.
    pub(super) async fn there(&self, next: &str) -> Back {
        there(&self.provider, self.port, next).await
    }

    /// Back at the console on a port.
    pub(super) async fn back(&self, port: u16, back: &Back) -> (u16, String) {
        Browser { port, cookie: back.cookie.clone() }.get(&back.path).await
    }

    /// All of it; what the console answers at last.
    pub(super) async fn attempt(&self, next: &str) -> (u16, String) {
        let back = self.there(next).await;
        self.back(self.port, &back).await
    }

    /// All of it, and it works.
    pub(super) async fn signed_in(&self) -> Browser {
        let (status, answer) = self.attempt("/runs").await;
        assert_eq!(status, 303, "{answer}");
        Browser { port: self.port, cookie: cookie_of(&answer, SESSION).unwrap() }
    }

    pub(super) async fn sessions(&self) -> i64 {
        self.world.number("select count(*) from sessions").await
    }
}

#[tokio::test]
async fn somebody_signs_in_from_the_page_and_acts() {
    let mut on = sign_on(None).await;
    on.world.add_shop(&Shop::new("aurora", 5, 7));
    let page = on.nobody().get("/sign-in?next=%2Fruns%3Ftask%3Da%26state%3Ddead").await.1;
    assert!(page.contains("Sign in with Acme &#38; Sons"), "{page}");
    let link = page.split("href=\"/sign-in/oidc?next=").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(link, "%2Fruns%3Ftask%3Da%26state%3Ddead");

    let (status, answer) = on.attempt("/runs?task=a&state=dead").await;
    assert_eq!(status, 303, "{answer}");
    assert_eq!(header(&answer, "location"), Some("/runs?task=a&state=dead"));
    let set: Vec<&str> = answer.lines().filter(|line| line.starts_with("set-cookie: ")).collect();
    // The one that binds the sign-in to this browser ends by itself: another tab may be at the provider still.
    assert_eq!(set.len(), 1, "{answer}");
    for cookie in &set {
        assert!(
            ["HttpOnly", "SameSite=Lax", "; Secure", "Path=/;"].iter().all(|word| cookie.contains(word)),
            "{cookie}"
        );
    }

    let cookie = cookie_of(&answer, SESSION).unwrap();
    // By its plain name it could have been set by a neighbour below the same domain.
    let plain = cookie.trim_start_matches("__Host-").to_owned();
    let (status, answer) = Browser { port: on.port, cookie: plain }.get("/runs").await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/sign-in?next=%2Fruns")), "{answer}");
    let olga = Browser { port: on.port, cookie };
    assert_eq!(olga.act("/shops/aurora/pause", &[("reason", "stocktaking")]).await.0, 303);
    let by_olga =
        "select count(*) from audit_log where actor = 'olga@acme.example' and reason = 'stocktaking'";
    assert_eq!(on.world.number(by_olga).await, 1);
    let how = "select count(*) from audit_log where act = 'session.begin' and subject->>'how' = 'oidc'";
    assert_eq!(on.world.number(how).await, 1);
    // What nobody has to read in a log.
    let log = on.console.log();
    assert!(!log.contains("acme.example") && !log.contains("s3cret") && !log.contains("olga-1"), "{log}");
}

#[tokio::test]
async fn the_first_sign_in_links_and_then_the_subject_decides() {
    let on = sign_on(None).await;
    let ways = |list: &Value| list[0]["signs_in_by"].as_str().unwrap().to_owned();
    assert_eq!(ways(&on.world.tradeup_json(&["user", "list"])), "OpenID Connect, not linked yet");
    let olga = on.signed_in().await;
    assert_eq!(ways(&on.world.tradeup_json(&["user", "list"])), "OpenID Connect");

    // She is called otherwise, and somebody else has her address.
    on.provider.sign_in(Person::new("olga-1", "olga.new@acme.example"));
    on.signed_in().await;
    on.provider.sign_in(Person { email: None, ..Person::new("olga-1", "") });
    on.signed_in().await;
    on.provider.sign_in(Person::new("other-2", "olga@acme.example"));
    assert_eq!(on.attempt("/").await.0, 403);

    add_user(&on.world, &["adam", "--role", "admin"]);
    let body = format!("name=adam&password={}&next=%2Fsettings", encoded(PASSWORD));
    let (_, answer) = on.nobody().post_raw("/sign-in", &body).await;
    let adam = Browser { port: on.port, cookie: cookie_of(&answer, SESSION).unwrap() };
    let settings = adam.get("/settings").await.1;
    assert!(
        settings.contains("<td>OpenID Connect</td>") && settings.contains("<td>password</td>"),
        "{settings}"
    );

    assert_eq!(olga.get("/runs").await.0, 200);
    on.world.tradeup_ok(&["user", "set", "olga@acme.example", "--no-oidc"]);
    assert_eq!(olga.get("/runs").await.0, 303, "it ends sessions");
    on.provider.sign_in(Person::new("olga-1", "olga@acme.example"));
    assert_eq!(on.attempt("/").await.0, 403, "and forgets who she was");
    on.world.tradeup_ok(&["user", "set", "olga@acme.example", "--oidc"]);
    on.provider.sign_in(Person::new("olga-9", "olga@acme.example"));
    on.signed_in().await;
    assert_eq!(on.world.number("select count(*) from audit_log where act = 'users.link'").await, 2);
}

#[tokio::test]
async fn an_address_that_the_user_info_endpoint_alone_tells_counts() {
    let on = sign_on(None).await;
    let thin = |is_verified| Person {
        email_verified: is_verified,
        is_thin: true,
        ..Person::new("olga-1", "olga@acme.example")
    };
    on.provider.sign_in(thin(None));
    assert_eq!(on.attempt("/").await.0, 403);
    on.provider.sign_in(thin(Some(true)));
    on.signed_in().await;
}

#[tokio::test]
async fn keys_change_and_discovery_is_remembered() {
    let on = sign_on(None).await;
    on.signed_in().await;
    on.signed_in().await;
    assert_eq!(on.provider.looks(), 1);
    on.provider.rotate().unwrap();
    on.signed_in().await;
    on.signed_in().await;
    assert_eq!(on.provider.looks(), 2);
}

#[tokio::test]
async fn one_console_begins_and_another_finishes() {
    let on = sign_on(None).await;
    let other = on.world.start("console").await;
    let other = port(&other).await;
    let back = on.there("/runs").await;
    let (status, answer) = on.back(other, &back).await;
    assert_eq!(status, 303, "{answer}");
    let olga = Browser { port: on.port, cookie: cookie_of(&answer, SESSION).unwrap() };
    assert_eq!(olga.get("/runs").await.0, 200);
}

#[tokio::test]
async fn a_provider_that_is_down_says_so_and_passwords_still_work() {
    let on = sign_on(Some(Flaw::Down)).await;
    add_user(&on.world, &["vera", "--role", "viewer"]);
    for flaw in [Flaw::Down, Flaw::Garbage, Flaw::Slow] {
        on.provider.set(Some(flaw));
        let asked = on.nobody();
        let answered = tokio::time::timeout(SOON, asked.get("/sign-in/oidc?next=%2Fruns")).await;
        let (status, answer) = answered.expect("nobody waits for ever");
        assert_eq!(status, 503, "{flaw:?}: {answer}");
        assert!(answer.contains("does not work at the moment"), "{answer}");
        assert!(answer.contains("name=\"next\" value=\"/runs\""), "{answer}");
        let body = format!("name=vera&password={}&next=%2Fruns", encoded(PASSWORD));
        assert_eq!(on.nobody().post_raw("/sign-in", &body).await.0, 303, "{flaw:?}");
    }
    on.provider.set(None);
    let back = on.there("/runs").await;
    on.provider.set(Some(Flaw::Down));
    assert_eq!(on.back(on.port, &back).await.0, 503);
    on.provider.set(None);
    on.signed_in().await;
}

#[tokio::test]
async fn what_the_provider_is_asked_is_traced_and_says_nothing_of_anybody() {
    let collector = FakeCollector::start().await.unwrap();
    let on = sign_on_with(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await;
    on.signed_in().await;
    let calls = |spans: Vec<Span>| -> Vec<Span> {
        spans.into_iter().filter(|span| span.service == "console" && span.name.ends_with(" oidc")).collect()
    };
    let spans = eventually("its discovery document, its keys and the code are asked for", SOON, || async {
        let spans = calls(collector.spans());
        let has = |name: &str, times| spans.iter().filter(|span| span.name == name).count() >= times;
        (has("GET oidc", 2) && has("POST oidc", 1)).then(|| spans.clone())
    })
    .await;
    for span in &spans {
        assert_eq!(
            (span.kind, span.is_error),
            (3, false),
            "a call to somebody, and it was answered: {span:#?}"
        );
        assert_eq!(
            span.attributes.get("http.response.status_code").map(String::as_str),
            Some("200"),
            "{span:#?}"
        );
    }
    assert_says_nothing_of_anybody(&spans, &["olga", "Olga", "s3cret", "acme", "127.0.0.1"]);
}
