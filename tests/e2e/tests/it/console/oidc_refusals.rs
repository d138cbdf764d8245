//! People sign in by OpenID Connect, as users that are there: who and what is refused.

use std::time::Duration;

use tradeup_fakes::oidc::{Flaw, Person};
use tradeup_harness::World;

use super::oidc::{Back, SESSION, cookie_of, sign_on};
use super::{Browser, add_user, header};

/// A console that can't start ends within this.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn who_may_not_is_refused_and_nobody_learns_why() {
    let on = sign_on(None).await;
    add_user(&on.world, &["pat@acme.example", "--role", "admin"]);
    on.world.tradeup_ok(&["user", "add", "dora@acme.example", "--role", "admin", "--oidc"]);
    on.world.tradeup_ok(&["user", "set", "dora@acme.example", "--disable"]);
    on.world.tradeup_ok(&["user", "add", "kim@acme.example", "--role", "admin", "--oidc"]);
    let olga = Person::new("olga-1", "olga@acme.example");
    for (person, why) in [
        (Person::new("nobody-1", "nobody@acme.example"), "there is no such user"),
        (Person::new("dora-1", "dora@acme.example"), "she is disabled"),
        (Person::new("pat-1", "pat@acme.example"), "pat has a password alone"),
        (Person { email_verified: Some(false), ..olga.clone() }, "the address is not verified"),
        (Person { email_verified: None, ..olga.clone() }, "nobody says that it is"),
        (Person { email: None, ..olga.clone() }, "there is none"),
        // A Kelvin sign is a k in small letters, and yet another letter.
        (Person::new("kelvin-1", "\u{212a}im@acme.example"), "an address that only looks like kim's"),
    ] {
        on.provider.sign_in(person);
        let (status, answer) = on.attempt("/runs").await;
        assert_eq!(status, 403, "{why}: {answer}");
        assert!(
            answer.contains("Your account may not sign in here. Ask an administrator."),
            "{why}: {answer}"
        );
        assert!(cookie_of(&answer, SESSION).is_none(), "{why}");
    }
    assert_eq!(on.sessions().await, 0);
    assert_eq!(on.world.number("select count(*) from users").await, 4, "a provider makes no users");
    assert_eq!(on.world.number("select count(*) from users where oidc_subject is not null").await, 0);

    // Somebody who was let in before, and is disabled.
    on.provider.sign_in(olga);
    let browser = on.signed_in().await;
    on.world.tradeup_ok(&["user", "set", "olga@acme.example", "--disable"]);
    assert_eq!(browser.get("/runs").await.0, 303);
    assert_eq!(on.attempt("/").await.0, 403);
    // Nor as somebody else, whose address is now hers.
    on.world.tradeup_ok(&["user", "add", "olga.new@acme.example", "--role", "viewer", "--oidc"]);
    on.provider.sign_in(Person::new("olga-1", "olga.new@acme.example"));
    assert_eq!(on.attempt("/").await.0, 403);
}

#[tokio::test]
async fn a_token_that_does_not_hold_signs_nobody_in() {
    let on = sign_on(None).await;
    for flaw in [
        Flaw::Nonce,
        Flaw::Audience,
        Flaw::Issuer,
        Flaw::Expired,
        Flaw::UnknownKey,
        Flaw::Signature,
        Flaw::Unsigned,
    ] {
        on.provider.set(Some(flaw));
        let (status, answer) = on.attempt("/runs").await;
        assert_eq!(status, 401, "{flaw:?}: {answer}");
        assert!(answer.contains("did not come about"), "{flaw:?}: {answer}");
        assert!(cookie_of(&answer, SESSION).is_none(), "{flaw:?}");
    }
    assert_eq!(on.sessions().await, 0);
    let log = on.console.log();
    assert!(log.contains("it is of another sign-in") && log.contains("it has expired"), "{log}");
    assert!(!log.to_lowercase().contains("acme.example"), "{log}");
    on.provider.set(None);
    on.signed_in().await;
}

#[tokio::test]
async fn a_sign_in_is_finished_once_in_time_and_in_the_browser_that_began_it() {
    let on = sign_on(None).await;
    let refused = |(status, answer): (u16, String), why: &str| {
        assert_eq!(status, 400, "{why}: {answer}");
        assert!(answer.contains("This sign-in is over"), "{why}: {answer}");
        assert!(cookie_of(&answer, SESSION).is_none(), "{why}");
    };
    let back = on.there("/runs").await;
    refused(on.nobody().get(&back.path).await, "a browser that shows nothing");
    let others = on.there("/runs").await;
    let elsewhere = Back { path: back.path.clone(), cookie: others.cookie.clone() };
    refused(on.back(on.port, &elsewhere).await, "another browser");
    assert_eq!(on.back(on.port, &back).await.0, 303, "that did not use it up");
    refused(on.back(on.port, &back).await, "a second time");
    let forged = Back { path: "/sign-in/oidc/callback?code=a&state=b".to_owned(), cookie: back.cookie };
    refused(on.back(on.port, &forged).await, "a state that nobody was given");
    let said = Back { path: "/sign-in/oidc/callback?error=Call+0900".to_owned(), cookie: forged.cookie };
    let (status, answer) = on.back(on.port, &said).await;
    assert!(!answer.contains("0900"), "what a stranger's address says is not shown");
    refused((status, answer), "an error that nobody asked for");

    let late = "update sign_in_attempts set expires_at = clock_timestamp() - interval '1 second'";
    sqlx::query(late).execute(&on.world.database.admin).await.unwrap();
    refused(on.back(on.port, &others).await, "too late");
    assert_eq!(on.sessions().await, 1);

    // What nobody finishes in time goes when the next begins.
    on.there("/runs").await;
    sqlx::query(late).execute(&on.world.database.admin).await.unwrap();
    on.signed_in().await;
    assert_eq!(on.world.number("select count(*) from sign_in_attempts").await, 0);
}

#[tokio::test]
async fn what_a_provider_says_is_shown_as_words() {
    let on = sign_on(Some(Flaw::Denied)).await;
    let (status, answer) = on.attempt("/runs").await;
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("access_denied (&#60;b&#62;The user said no"), "{answer}");
    assert!(answer.contains("Sign in with Acme"), "they may try again: {answer}");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_afterwards() {
    let on = sign_on(None).await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "/sign-out", ""] {
        let (status, answer) = on.attempt(next).await;
        assert_eq!((status, header(&answer, "location")), (303, Some("/")), "{next:?}");
    }
    let long = format!("/runs?key={}", "x".repeat(4_000));
    assert_eq!(header(&on.attempt(&long).await.1, "location"), Some("/"));
}

#[tokio::test]
async fn without_a_provider_there_is_none_and_half_of_one_is_refused() {
    let mut world = World::new().await;
    let mut set = |name: &str, value: &str| world.environment.insert(name.to_owned(), value.to_owned());
    set("TRADEUP_CONSOLE", "127.0.0.1:0");
    set("TRADEUP_OIDC_NAME", "Acme");
    let console = world.start("console").await;
    let nobody = Browser { port: crate::http::port(&console).await, cookie: String::new() };
    assert!(!nobody.get("/sign-in").await.1.contains("Sign in with"));
    assert_eq!(nobody.get("/sign-in/oidc").await.0, 404);
    assert_eq!(nobody.get("/sign-in/oidc/callback?code=a&state=b").await.0, 404);

    world.environment.insert("TRADEUP_OIDC_ISSUER".to_owned(), "https://login.example".to_owned());
    let ended = world.spawn("console").ended(ENDS_WITHIN).await;
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.contains("TRADEUP_OIDC_CLIENT_ID is not set"), "{}", ended.stderr);

    let named = world.tradeup(&["user", "add", "olga", "--role", "viewer", "--oidc"]);
    assert_ne!(named.code, 0);
    assert!(named.stderr.contains("is no e-mail address"), "{}", named.stderr);
}
