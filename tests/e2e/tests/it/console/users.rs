//! Users and tokens, said by an admin in the console: with the rules of the command, and nothing secret shown twice.

use serde_json::{Value, json};

use super::{Browser, Console, PASSWORD, console, header};
use crate::http::send;

/// What a page shows this once.
fn shown(page: &str) -> String {
    let banner = page.split("role=\"status\"").nth(1).unwrap_or_else(|| panic!("nothing is shown: {page}"));
    banner.split("<code>").nth(1).unwrap().split("</code>").next().unwrap().to_owned()
}

/// One request of a program.
async fn ask(
    console: &Console,
    token: &str,
    (method, path): (&str, &str),
    key: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let mut headers = vec![
        ("Authorization".to_owned(), format!("Bearer {token}")),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(key.map(|key| ("Idempotency-Key".to_owned(), key.to_owned())));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let path = format!("/api/v1{path}");
    let (status, answer) = send(console.port, method, &path, &headers, body.as_bytes()).await;
    let text = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A form that is refused: why.
async fn refused(browser: &Browser, path: &str, fields: &[(&str, &str)], status: u16) -> String {
    let (answered, page) = browser.act(path, fields).await;
    assert_eq!(answered, status, "{fields:?}: {page}");
    page
}

#[tokio::test]
async fn an_admin_adds_a_user_whose_password_is_shown_once() {
    let console = console().await;
    let adam = console.as_user("adam").await;
    let ann = [("name", "ann"), ("role", "operator"), ("reason", "starts today")];
    let (status, page) = adam.act("/settings/users", &ann).await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(header(&page, "cache-control"), Some("no-store"));
    assert_eq!(header(&page, "location"), None);
    let password = shown(&page);
    assert_eq!(console.attempt("ann", &password).await.0, 303);
    for path in ["/settings", "/audit"] {
        let page = adam.get(path).await.1;
        assert!(page.contains("ann") && !page.contains(&password), "{path}: {page}");
    }
    let audit = adam.get("/audit").await.1;
    assert!(audit.contains("users.add") && audit.contains("starts today"), "{audit}");

    // By OpenID Connect there is nothing to show.
    let bob =
        [("name", "bob@example.com"), ("role", "viewer"), ("oidc", "yes"), ("reason", "has an account")];
    let (status, answer) = adam.act("/settings/users", &bob).await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/settings")), "{answer}");

    for (fields, status, why) in [
        ([("name", "Ann Bee"), ("role", "viewer"), ("tenant", ""), ("reason", "x")], 422, "name: "),
        ([("name", "bea"), ("role", "root"), ("tenant", ""), ("reason", "x")], 422, "role: "),
        ([("name", "bea"), ("role", ""), ("tenant", ""), ("reason", "x")], 422, "role: "),
        (
            [("name", "bea"), ("role", "shop"), ("tenant", ""), ("reason", "x")],
            422,
            "tenant: the role shop needs",
        ),
        (
            [("name", "bea"), ("role", "shop"), ("tenant", "nowhere"), ("reason", "x")],
            422,
            "tenant: there is no shop",
        ),
        ([("name", "bea"), ("role", "viewer"), ("tenant", "aurora"), ("reason", "x")], 422, "shop alone"),
        ([("name", "bea"), ("role", "viewer"), ("tenant", ""), ("reason", " ")], 422, "reason: "),
        ([("name", "vera"), ("role", "viewer"), ("tenant", ""), ("reason", "x")], 409, "already"),
    ] {
        let page = refused(&adam, "/settings/users", &fields, status).await;
        assert!(page.contains(why), "{fields:?}: {page}");
    }
    let no_address = [("name", "bea"), ("role", "viewer"), ("oidc", "yes"), ("reason", "x")];
    let page = refused(&adam, "/settings/users", &no_address, 422).await;
    assert!(page.contains("is no e-mail address"), "{page}");
    let olga = console.as_user("olga").await;
    refused(&olga, "/settings/users", &ann, 403).await;
    refused(&olga, "/settings/users/vera", &[("state", "disabled"), ("reason", "x")], 403).await;
    refused(&olga, "/settings/tokens", &[("user", "adam"), ("for", "me"), ("reason", "x")], 403).await;
    for path in ["/api/v1/users", "/api/v1/user-tokens"] {
        assert_eq!(olga.get(path).await.0, 403, "{path}");
    }
    assert_eq!(console.world.number("select count(*) from users").await, 6);
}

#[tokio::test]
async fn whoever_is_changed_has_to_sign_in_again_as_what_they_are_now() {
    let console = console().await;
    let adam = console.as_user("adam").await;
    let vera = console.as_user("vera").await;
    let page = "/settings/users/vera";
    let (status, answer) = adam.act(page, &[("role", "operator"), ("reason", "knows it now")]).await;
    assert_eq!(status, 303, "{answer}");
    assert_eq!(vera.get("/runs").await.0, 303);
    let (status, answer) = adam.act(page, &[("new_password", "yes"), ("reason", "forgot it")]).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(console.attempt("vera", PASSWORD).await.0, 401);
    assert_eq!(console.attempt("vera", &shown(&answer)).await.0, 303);

    let olga = console.as_user("olga").await;
    let gone = [("state", "disabled"), ("reason", "has left")];
    assert_eq!(adam.act("/settings/users/olga", &gone).await.0, 303);
    assert_eq!(olga.get("/runs").await.0, 303);
    assert_eq!(console.attempt("olga", PASSWORD).await.0, 401);
    assert_eq!(adam.act("/settings/users/olga", &[("state", "active"), ("reason", "is back")]).await.0, 303);
    assert_eq!(console.attempt("olga", PASSWORD).await.0, 303);

    for (fields, why) in [
        ([("role", ""), ("reason", "x")], "say what changes"),
        ([("state", "gone"), ("reason", "x")], "state: "),
        ([("oidc", "yes"), ("reason", "x")], "is no e-mail address"),
        ([("tenant", "aurora"), ("reason", "x")], "shop alone"),
        ([("state", "disabled"), ("reason", "")], "reason: "),
    ] {
        let page = refused(&adam, page, &fields, 422).await;
        assert!(page.contains(why), "{fields:?}: {page}");
    }
    refused(&adam, "/settings/users/nobody", &gone, 404).await;
    let audit = adam.get("/audit").await.1;
    assert!(audit.contains("users.change") && audit.contains("has left"), "{audit}");
}

#[tokio::test]
async fn the_last_admin_locks_nobody_out() {
    let console = console().await;
    let adam = console.as_user("adam").await;
    for lower in [("state", "disabled"), ("role", "viewer")] {
        let page = refused(&adam, "/settings/users/adam", &[lower, ("reason", "tired of it")], 409).await;
        assert!(page.contains("adam is the last admin"), "{page}");
    }
    let by_command = console.world.tradeup(&["user", "set", "adam", "--role", "operator"]);
    assert!(by_command.code != 0 && by_command.stderr.contains("the last admin"), "{}", by_command.stderr);
    assert_eq!(adam.get("/settings").await.0, 200, "nothing was done");

    let ada = [("name", "ada"), ("role", "admin"), ("reason", "takes over")];
    let (status, page) = adam.act("/settings/users", &ada).await;
    assert_eq!(status, 200, "{page}");
    let gone = [("state", "disabled"), ("reason", "tired of it")];
    assert_eq!(adam.act("/settings/users/adam", &gone).await.0, 303);
    assert_eq!(adam.get("/settings").await.0, 303, "the session is over");
    let by_command = console.world.tradeup(&["user", "set", "ada", "--disable"]);
    assert!(by_command.code != 0 && by_command.stderr.contains("the last admin"), "{}", by_command.stderr);
}

#[tokio::test]
async fn a_token_is_shown_once_and_taken_until_it_is_revoked() {
    let console = console().await;
    let adam = console.as_user("adam").await;
    let made = [("user", "olga"), ("for", "nightly-report"), ("days", "7"), ("reason", "reports")];
    let (status, page) = adam.act("/settings/tokens", &made).await;
    assert_eq!(status, 200, "{page}");
    let token = shown(&page);
    let runs = ("GET", "/runs");
    assert_eq!(ask(&console, &token, runs, None, &Value::Null).await.0, 200);
    for path in ["/settings", "/audit", "/api/v1/user-tokens"] {
        let page = adam.get(path).await.1;
        assert!(page.contains("nightly-report") && !page.contains(&token), "{path}: {page}");
    }
    for (fields, why) in [
        ([("user", "nobody"), ("for", "x"), ("days", ""), ("reason", "x")], "user: there is no user"),
        ([("user", "olga"), ("for", " "), ("days", ""), ("reason", "x")], "for: "),
        ([("user", "olga"), ("for", "x"), ("days", "367"), ("reason", "x")], "days: "),
        ([("user", "olga"), ("for", "x"), ("days", "soon"), ("reason", "x")], "days: "),
        ([("user", "olga"), ("for", "x"), ("days", ""), ("reason", "")], "reason: "),
    ] {
        let page = refused(&adam, "/settings/tokens", &fields, 422).await;
        assert!(page.contains(why), "{fields:?}: {page}");
    }
    let id = adam.json("/user-tokens").await[0]["id"].as_str().unwrap().to_owned();
    let revoke = format!("/settings/tokens/{id}/revoke");
    refused(&adam, &revoke, &[("reason", "")], 422).await;
    assert_eq!(adam.act(&revoke, &[("reason", "lost")]).await.0, 303);
    assert_eq!(ask(&console, &token, runs, None, &Value::Null).await.0, 401);
    refused(&adam, &revoke, &[("reason", "lost")], 409).await;
    refused(&adam, "/settings/tokens/nonsense/revoke", &[("reason", "lost")], 404).await;
    let audit = adam.get("/audit").await.1;
    assert!(audit.contains("user_tokens.add") && audit.contains("user_tokens.revoke"), "{audit}");
    assert!(audit.contains("lost") && !audit.contains(&token), "{audit}");
}

/// What is kept for a program that sends the same again is without what is shown once.
#[tokio::test]
async fn a_program_is_told_a_secret_in_the_first_answer_alone() {
    let console = console().await;
    let made = console.world.tradeup_json(&["user", "add-token", "adam", "--for", "tests"]);
    let token = made["token"].as_str().unwrap();
    let asked = json!({ "name": "ann", "role": "shop", "tenant": "aurora", "reason": "starts today" });
    let (status, first) = ask(&console, token, ("POST", "/users"), Some("k1"), &asked).await;
    assert_eq!((status, &first["user"], &first["role"]), (200, &"ann".into(), &"shop".into()), "{first}");
    assert_eq!(console.attempt("ann", first["password"].as_str().unwrap()).await.0, 303);
    let (status, again) = ask(&console, token, ("POST", "/users"), Some("k1"), &asked).await;
    assert_eq!((status, &again["user"], &again["password"]), (200, &"ann".into(), &Value::Null));

    let (_, users) = ask(&console, token, ("GET", "/users"), None, &Value::Null).await;
    let ann = users.as_array().unwrap().iter().find(|user| user["name"] == "ann").unwrap();
    assert_eq!((&ann["tenant"], &ann["signs_in_by"]), (&"aurora".into(), &"password".into()), "{ann}");
    assert!(!users.to_string().contains("argon2"), "{users}");

    let asked = json!({ "user": "ann", "for": "their-shop", "days": 3, "reason": "their own report" });
    let (status, first) = ask(&console, token, ("POST", "/user-tokens"), Some("k2"), &asked).await;
    assert_eq!(status, 200, "{first}");
    let theirs = first["token"].as_str().unwrap();
    assert_eq!(ask(&console, theirs, ("GET", "/shops/aurora"), None, &Value::Null).await.0, 200);
    let (_, again) = ask(&console, token, ("POST", "/user-tokens"), Some("k2"), &asked).await;
    assert_eq!((&again["id"], &again["token"]), (&first["id"], &Value::Null));

    let gone = json!({ "state": "disabled", "reason": "has left" });
    let (status, changed) = ask(&console, token, ("POST", "/users/ann"), None, &gone).await;
    assert_eq!((status, &changed["user"]), (200, &"ann".into()), "{changed}");
    assert_eq!(ask(&console, theirs, ("GET", "/shops/aurora"), None, &Value::Null).await.0, 401);
}
