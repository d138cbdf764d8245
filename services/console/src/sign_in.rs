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
use tradeup_store::{Tx, sessions, users};

use crate::Console;
use crate::access::{By, COOKIE_NAME, LASTS, Who};
use crate::failure::{Failure, Query};
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
    wrong: Option<String>,
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
fn within(next: &str) -> &str {
    let is_ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_ours && !next.starts_with("/sign-") { next } else { "/" }
}

async fn page(Query(wanted): Query<Wanted>) -> Result<Response, Failure> {
    let page = Page { next: within(&wanted.next), name: "", wrong: None };
    Ok(Html(page.render()?).into_response())
}

async fn sign_in(
    State(console): State<Console>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Result<Response, Failure> {
    let next = within(&given.next);
    let name: String = given.name.trim().to_lowercase().chars().take(NAME_MAX).collect();
    let refuse = |status: StatusCode, why: String| -> Result<Response, Failure> {
        let page = Page { next, name: &name, wrong: Some(why) };
        Ok((status, Html(page.render()?)).into_response())
    };
    // Another site's form can't sign its visitors in as somebody it knows.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(Failure::Forged);
    }
    let mut who = vec![format!("name:{name}")];
    who.extend(peer.map(|Extension(ConnectInfo(peer))| format!("address:{}", peer.ip())));
    let pool = console.worker.pool();
    if let Some(wait) = sessions::locked(pool, &who).await? {
        let why = format!("Too many failed attempts. Try again in {} s.", wait.as_secs() + 1);
        return refuse(StatusCode::TOO_MANY_REQUESTS, why);
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
        return refuse(StatusCode::UNAUTHORIZED, "Name or password is wrong.".to_owned());
    };
    let token = SessionToken::new().ok_or(Failure::Internal)?;
    let mut tx = Tx::of_engine(pool).await?;
    sessions::begin(&mut tx, &token.hash(), user, LASTS).await?;
    sessions::forgive(&mut tx, &who).await?;
    let actor = Actor { name: name.clone(), reason: None };
    audit::record(&mut tx, &actor, "session.begin", &json!({ "user": name })).await?;
    tx.commit().await?;
    let cookie = cookie(&console, token.as_str(), LASTS);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
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
    Ok(([(SET_COOKIE, cookie(&console, "", Duration::ZERO))], Redirect::to("/sign-in")).into_response())
}

fn cookie(console: &Console, value: &str, lasts: Duration) -> String {
    let secure = if console.secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", lasts.as_secs())
}

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/sign-in", get(page).post(sign_in)).route("/sign-out", post(sign_out))
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
            ("/sign-out", "/"),
            ("", "/"),
        ] {
            assert_eq!(within(next), to, "{next:?}");
        }
    }
}
