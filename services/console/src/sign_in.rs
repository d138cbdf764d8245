//! Signing in and out.

use std::net::SocketAddr;
use std::time::Duration;

use askama::Template;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::json;
use tradeup_access::{PasswordHash, SessionToken};
use tradeup_store::audit::{self, Actor};
use tradeup_store::users::{self, Known};
use tradeup_store::{Tx, sessions};

use crate::Console;
use crate::access::{By, LASTS, Who};
use crate::cookies::Cookie;
use crate::failure::{Failure, Query};
use crate::oidc::Provider;
use crate::pages::filters;

/// Failures in a row that cost nothing; then each locks twice as long, up to the longest.
const FREE: i32 = 5;
/// The same for an address: behind a proxy it is everybody's.
const FREE_OF_ADDRESS: i32 = 100;
/// Longer than any name.
const NAME_MAX: usize = 100;
const FIRST_LOCK: Duration = Duration::from_secs(5);
const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    next: &'a str,
    name: &'a str,
    wrong: Option<&'a str>,
    /// By whom people may sign in besides.
    provider: Option<&'a str>,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Given {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Where to go then: within the console alone.
pub(crate) fn within(next: &str) -> &str {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control());
    if is_ours && !next.starts_with("/sign-") { next } else { "/" }
}

/// The page to sign in on: at first, or with what was wrong.
fn page(
    console: &Console,
    status: StatusCode,
    next: &str,
    name: &str,
    wrong: Option<&str>,
) -> Result<Response, Failure> {
    let provider = console.oidc.as_deref().map(Provider::name);
    let page = Page { next: within(next), name, wrong, provider };
    Ok((status, Html(page.render()?)).into_response())
}

/// The page once more: nobody is signed in, for this reason.
pub(crate) fn refused(
    console: &Console,
    status: StatusCode,
    next: &str,
    why: &str,
) -> Result<Response, Failure> {
    page(console, status, next, "", Some(why))
}

async fn show(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Result<Response, Failure> {
    page(&console, StatusCode::OK, &wanted.next, "", None)
}

async fn sign_in(
    State(console): State<Console>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Result<Response, Failure> {
    let next = within(&given.next);
    let name: String = given.name.trim().to_lowercase().chars().take(NAME_MAX).collect();
    let refuse = |status: StatusCode, why: &str| page(&console, status, next, &name, Some(why));
    // Another site's form can't sign its visitors in as somebody it knows.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(Failure::Forged);
    }
    let mut who = vec![format!("name:{name}")];
    who.extend(peer.map(|Extension(ConnectInfo(peer))| format!("address:{}", peer.ip())));
    let pool = console.worker.pool();
    if let Some(wait) = sessions::locked(pool, &who).await? {
        let why = format!("Too many failed attempts. Try again in {} s.", wait.as_secs() + 1);
        return refuse(StatusCode::TOO_MANY_REQUESTS, &why);
    }
    let found = users::password(pool, &name).await?;
    let password = given.password;
    let checked = tokio::task::spawn_blocking(move || match found {
        Some((id, hash)) => PasswordHash::stored(hash).is_of(&password).then_some(id),
        None => {
            PasswordHash::spend_time(&password);
            None
        }
    });
    let Some(user) = checked.await.map_err(|_panic| Failure::Internal)? else {
        let (names, addresses) = who.split_at(1);
        sessions::failed(pool, names, FREE, FIRST_LOCK, LONGEST_LOCK).await?;
        sessions::failed(pool, addresses, FREE_OF_ADDRESS, FIRST_LOCK, LONGEST_LOCK).await?;
        return refuse(StatusCode::UNAUTHORIZED, "Name or password is wrong.");
    };
    let mut tx = Tx::of_engine(pool).await?;
    sessions::forgive(&mut tx, &who).await?;
    begin(&console, tx, &headers, &Known { id: user, name: name.clone() }, How::Password, next).await
}

/// How somebody has shown who they are.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Password,
    Oidc,
}

/// Begins a session of somebody who has shown who they are, in the transaction that says so, and sends them on.
pub(crate) async fn begin(
    console: &Console,
    mut tx: Tx,
    headers: &HeaderMap,
    user: &Known,
    how: How,
    next: &str,
) -> Result<Response, Failure> {
    // Whoever's session this browser was in has signed out by it.
    if let Some(before) = console.cookies.shown(headers, Cookie::Session).and_then(SessionToken::shown) {
        sessions::end(&mut tx, &before.hash()).await?;
    }
    let token = SessionToken::new().ok_or(Failure::Internal)?;
    sessions::begin(&mut tx, &token.hash(), user.id, LASTS).await?;
    let actor = Actor { name: user.name.clone(), reason: None };
    let how = match how {
        How::Password => "password",
        How::Oidc => "oidc",
    };
    audit::record(&mut tx, &actor, "session.begin", &json!({ "user": user.name, "how": how })).await?;
    tx.commit().await?;
    let cookie = console.cookies.set(Cookie::Session, token.as_str(), LASTS);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(within(next))).into_response())
}

#[derive(Deserialize)]
struct Out {
    form: String,
}

async fn sign_out(
    State(console): State<Console>,
    who: Who,
    Form(out): Form<Out>,
) -> Result<Response, Failure> {
    let By::Session(session) = &who.by else { return Err(Failure::Forged) };
    if !session.sent(&out.form) {
        return Err(Failure::Forged);
    }
    let mut tx = Tx::of_engine(console.worker.pool()).await?;
    sessions::end(&mut tx, &session.hash()).await?;
    tx.commit().await?;
    let cookie = console.cookies.set(Cookie::Session, "", Duration::ZERO);
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/sign-in", get(show).post(sign_in)).route("/sign-out", post(sign_out))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, to) in [
            ("/runs?task=a", "/runs?task=a"),
            ("https://evil.example", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            // Browsers take tabs out of addresses.
            ("/\t/evil.example", "/"),
            ("/sign-out", "/"),
            ("", "/"),
        ] {
            assert_eq!(within(next), to, "{next:?}");
        }
    }
}
