//! Encryption and login.

use std::path::PathBuf;

use tempfile::TempDir;
use tradeup_domain::{Class, Classify as _};
use tradeup_harness::SmtpSetup;
use tradeup_mail::{Reply, SendError, Server, Step};

use crate::post::{Letter, Post};

/// A certificate for these names, signed by itself, and its key.
fn certificate(dir: &TempDir, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let files = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    std::fs::write(&files.0, made.cert.pem()).unwrap();
    std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
    files
}

fn setup(dir: &TempDir, name: &str) -> SmtpSetup {
    let login = Some(("shop@sender.example".to_owned(), "p:w/d%".to_owned()));
    SmtpSetup { tls: Some(certificate(dir, name)), implicit_tls: false, login }
}

const LOGIN: &str = "shop%40sender.example:p%3Aw%2Fd%25";

#[tokio::test]
async fn starttls_and_login() {
    let dir = TempDir::new().unwrap();
    let setup = setup(&dir, "localhost");
    let authority = setup.tls.clone().unwrap().0;
    let post =
        Post::with(&setup, |port| format!("smtp://{LOGIN}@localhost:{port}?ca={}", authority.display()));
    post.mailer.check().await.unwrap();
    post.send(&Letter::in_language("en")).await.unwrap();
    let facts = &post.server.mails()[0].facts;
    assert_eq!((&facts["tls"], &facts["user"]), (&true.into(), &"shop@sender.example".into()));
    assert_eq!(post.server.connections(), 1);
}

#[tokio::test]
async fn tls_from_the_start() {
    let dir = TempDir::new().unwrap();
    let setup = SmtpSetup { implicit_tls: true, ..setup(&dir, "localhost") };
    let authority = setup.tls.clone().unwrap().0;
    let post =
        Post::with(&setup, |port| format!("smtps://{LOGIN}@localhost:{port}?ca={}", authority.display()));
    post.send(&Letter::in_language("en")).await.unwrap();
    assert_eq!(post.server.mails()[0].facts["tls"], true);
}

#[tokio::test]
async fn the_end_of_the_server_s_certificate_is_seen() {
    let dir = TempDir::new().unwrap();
    for (scheme, implicit_tls) in [("smtp", false), ("smtps", true)] {
        let setup = SmtpSetup { implicit_tls, ..setup(&dir, "localhost") };
        let mut url = String::new();
        let _post = Post::with(&setup, |port| {
            url = format!("{scheme}://localhost:{port}");
            url.clone()
        });
        let endpoint = Server::parse(&url.into()).unwrap().endpoint();
        assert!(endpoint.is_secured && endpoint.is_local());
        // As the library makes them that makes it for this test.
        assert_eq!(endpoint.look().unwrap().shown.to_rfc3339(), "4096-01-01T00:00:00+00:00");
    }
    let mut url = String::new();
    let _post = Post::with(&SmtpSetup::default(), |port| {
        url = format!("smtp://localhost:{port}");
        url.clone()
    });
    let clear = Server::parse(&url.into()).unwrap().endpoint().look().unwrap_err();
    assert_eq!(clear.to_string(), "it does not offer TLS");
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_settings() {
    let dir = TempDir::new().unwrap();
    let setup = setup(&dir, "localhost");
    let authority = setup.tls.clone().unwrap().0;
    let post = Post::with(&setup, |port| {
        format!("smtp://shop%40sender.example:wrong@localhost:{port}?ca={}", authority.display())
    });
    let error = post.send(&Letter::in_language("en")).await.unwrap_err();
    let reply = Some(Reply { code: 535, enhanced: Some([5, 7, 8]) });
    assert_eq!(error, SendError::Unauthorized { step: Step::LoggingIn, reply });
    assert_eq!(error.class(), Class::TRANSIENT);
    assert_eq!(post.mailer.check().await.unwrap_err(), error);

    // None at all where one is required.
    let none = Post::with(&setup, |port| format!("smtp://localhost:{port}?ca={}", authority.display()));
    let error = none.send(&Letter::in_language("en")).await.unwrap_err();
    assert!(matches!(error, SendError::Unauthorized { step: Step::Sender, .. }), "{error:?}");
}

#[tokio::test]
async fn certificates_are_checked() {
    let dir = TempDir::new().unwrap();
    let other = setup(&dir, "other.example");
    let authority = other.tls.clone().unwrap().0;
    for url in [
        // Of nobody whom this machine trusts; for another host.
        "smtp://localhost:PORT".to_owned(),
        format!("smtp://localhost:PORT?ca={}", authority.display()),
    ] {
        let post = Post::with(&other, |port| url.replace("PORT", &port.to_string()));
        let error = post.send(&Letter::in_language("en")).await.unwrap_err();
        assert!(
            matches!(&error, SendError::NotSent { step: Step::StartTls, cause } if cause.contains("certificate")),
            "{error:?}"
        );
        assert_eq!(post.server.mails().len(), 0);
    }
}

#[tokio::test]
async fn nothing_goes_in_the_clear_unless_told() {
    // A server without STARTTLS: neither the password nor the mail.
    let post = Post::with(&SmtpSetup::default(), |port| format!("smtp://user:hunter2@localhost:{port}"));
    let error = post.send(&Letter::in_language("en")).await.unwrap_err();
    assert_eq!(error, SendError::Unauthorized { step: Step::StartTls, reply: None });
    assert_eq!(post.server.mails().len(), 0);
    // No way to log in.
    let post =
        Post::with(&SmtpSetup::default(), |port| format!("smtp://user:hunter2@localhost:{port}?tls=none"));
    let error = post.send(&Letter::in_language("en")).await.unwrap_err();
    assert_eq!(error, SendError::Unauthorized { step: Step::LoggingIn, reply: None });
    // No TLS where it should be from the start.
    let post =
        Post::with(&SmtpSetup::default(), |port| format!("smtps://localhost:{port}?connect_timeout=2"));
    let error = post.send(&Letter::in_language("en")).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent { step: Step::Connecting, .. }), "{error:?}");
    assert!(!post.dir.path().join("1.eml").exists());
}
