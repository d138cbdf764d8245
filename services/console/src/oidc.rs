//! Signing in by OpenID Connect: the authorization code flow with PKCE, state and nonce, of people who are users here
//! already (decision 0018).

mod error;
mod http;
mod options;
mod provider;

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tradeup_access::SignInToken;
use tradeup_domain::api_token::TokenHash;
use tradeup_store::audit::{self, Actor};
use tradeup_store::sign_in_attempts::{self, NewAttempt};
use tradeup_store::users::{self, Known};
use tradeup_store::{StoreError, Tx};

use crate::Console;
use crate::cookies::Cookie;
use crate::failure::{Failure, Query};
use crate::sign_in::{self, How};

use error::OidcError;
pub(crate) use options::OidcOptions;
use provider::Identity;
pub(crate) use provider::Provider;

/// Where the provider sends people back to.
const CALLBACK: &str = "/sign-in/oidc/callback";
/// A sign-in at the provider may take so long.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// Longest address to go to then; whoever wanted a longer one begins at the overview.
const NEXT_LEN_MAX: usize = 512;
/// Most characters that are shown of what a provider says.
const SAID_LEN_MAX: usize = 200;

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

/// What the provider sends back (OpenID Connect Core 3.1.2.5 and 3.1.2.6, RFC 9207).
#[derive(Deserialize)]
struct Back {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Sends somebody to the provider.
async fn begin(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let provider = console.oidc.as_deref().ok_or(Failure::NotFound)?;
    let next = sign_in::within(&wanted.next);
    let next = if next.len() > NEXT_LEN_MAX { "/" } else { next };
    let asked = match provider.ask().await {
        Ok(asked) => asked,
        Err(error) => return failed(&console, provider, next, error),
    };
    // Somebody who begins in two tabs may finish in both.
    let shown = console.cookies.shown(&headers, Cookie::SignIn).and_then(SignInToken::shown);
    let browser = shown.or_else(SignInToken::new).ok_or(Failure::Internal)?;
    let attempt = NewAttempt {
        state_hash: &TokenHash::of(asked.state.secret()),
        browser_hash: &browser.hash(),
        nonce: asked.nonce.secret(),
        pkce_verifier: asked.verifier.secret(),
        next,
        lasts: LASTS,
    };
    if !sign_in_attempts::begin(console.worker.pool(), &attempt).await? {
        let why = "Too many people sign in right now. Try again in a few minutes.";
        return sign_in::refused(&console, StatusCode::TOO_MANY_REQUESTS, next, why);
    }
    let cookie = console.cookies.set(Cookie::SignIn, browser.as_str(), LASTS);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(asked.url.as_str())).into_response())
}

/// Takes somebody back from the provider.
async fn finish(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Failure> {
    let provider = console.oidc.as_deref().ok_or(Failure::NotFound)?;
    let pool = console.worker.pool();
    let browser = console.cookies.shown(&headers, Cookie::SignIn).and_then(SignInToken::shown);
    // Before anything else: what an address says is believed only if this browser has asked for it.
    let attempt = match back.state.zip(browser) {
        Some((state, browser)) => {
            sign_in_attempts::take(pool, &TokenHash::of(&state), &browser.hash()).await?
        }
        None => None,
    };
    let Some(attempt) = attempt else {
        let why = "This sign-in is over, or it was begun in another browser. Begin again.";
        return sign_in::refused(&console, StatusCode::BAD_REQUEST, "/", why);
    };
    if let Some(said) = &back.error {
        let why = provider_says(provider.name(), said, back.error_description.as_deref());
        return sign_in::refused(&console, StatusCode::UNAUTHORIZED, &attempt.next, &why);
    }
    let is_of_another = back.iss.is_some_and(|issuer| issuer != provider.issuer());
    let identified = match back.code {
        _ if is_of_another => Err(OidcError::OTHER_ISSUER),
        Some(code) => provider.identify(code, attempt.nonce, attempt.pkce_verifier).await,
        None => Err(OidcError::Misunderstood("answer: it has neither code nor error")),
    };
    let identity = match identified {
        Ok(identity) => identity,
        Err(error) => return failed(&console, provider, &attempt.next, error),
    };
    let mut tx = Tx::of_engine(pool).await?;
    let Some(user) = user_of(&mut tx, provider.issuer(), &identity).await? else {
        tracing::info!(
            has_address = identity.address.is_some(),
            "somebody whom the OpenID Connect provider vouches for may not sign in; an address counts if it is verified"
        );
        let why = "Your account may not sign in here. Ask an administrator.";
        return sign_in::refused(&console, StatusCode::FORBIDDEN, &attempt.next, why);
    };
    // The cookie ends by itself: another tab may be at the provider still, and each sign-in is taken once.
    sign_in::begin(&console, tx, &headers, &user, How::Oidc, &attempt.next).await
}

/// Who somebody is here: by whom they are at the provider, or at their first sign-in by their address.
async fn user_of(tx: &mut Tx, issuer: &str, identity: &Identity) -> Result<Option<Known>, StoreError> {
    if let Some(user) = users::by_subject(tx, issuer, &identity.subject).await? {
        return Ok(Some(user));
    }
    let Some(address) = &identity.address else { return Ok(None) };
    let Some(user) = users::link(tx, issuer, &identity.subject, address).await? else { return Ok(None) };
    let actor = Actor { name: user.name.clone(), reason: None };
    let subject = json!({ "user": user.name, "issuer": issuer });
    audit::record(tx, &actor, "users.link", &subject).await?;
    Ok(Some(user))
}

/// The page to sign in on, with why it did not come about. The log says more.
fn failed(console: &Console, provider: &Provider, next: &str, error: OidcError) -> Result<Response, Failure> {
    tracing::warn!("sign-in by OpenID Connect failed: {error}");
    let (status, why) = error.words(provider.name());
    sign_in::refused(console, status, next, &why)
}

/// What a provider says, in the characters that it may use (RFC 6749, 4.1.2.1).
fn provider_says(name: &str, error: &str, description: Option<&str>) -> String {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(SAID_LEN_MAX).collect()
    };
    let description = description.map(|text| format!(" ({})", plain(text))).unwrap_or_default();
    format!("Sign-in with {name} did not come about: {}{description}", plain(error))
}

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/sign-in/oidc", get(begin)).route(CALLBACK, get(finish))
}

#[cfg(test)]
mod tests {
    use super::{SAID_LEN_MAX, provider_says};

    #[test]
    fn what_a_provider_says_is_bounded_and_plain() {
        let said = provider_says("Acme", "access_denied", Some("no\r\n\u{202e}way"));
        assert_eq!(said, "Sign-in with Acme did not come about: access_denied (noway)");
        assert!(provider_says("Acme", &"x".repeat(9_999), None).len() < SAID_LEN_MAX + 100);
    }
}
