//! What the provider answers.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::key::{Key, encoded, unsigned};
use super::server::{Flaw, Grant, Person, Shared};

/// An ID token is good for so long, in seconds.
const LASTS: i64 = 300;

type Fields = BTreeMap<String, String>;

/// What goes wrong with all that is asked.
pub(super) async fn wire(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let flaw = shared.inside().flaw;
    match flaw {
        Some(Flaw::Down) => (StatusCode::SERVICE_UNAVAILABLE, "down").into_response(),
        Some(Flaw::Slow) => std::future::pending().await,
        Some(Flaw::Garbage) => ([(CONTENT_TYPE, "application/json")], "<html>welcome</html>").into_response(),
        _ => next.run(request).await,
    }
}

pub(super) async fn discovery(State(shared): State<Shared>) -> Json<Value> {
    shared.looked();
    let issuer = &shared.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "scopes_supported": ["openid", "email"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "email", "email_verified"],
        "something_of_its_own": { "since": 2019 },
    }))
}

pub(super) async fn keys(State(shared): State<Shared>) -> Json<Value> {
    // One of a kind that nobody knows is passed over.
    let strange = json!({ "kty": "LATTICE", "kid": "strange", "use": "sig" });
    Json(json!({ "keys": [strange, shared.inside().key.public()] }))
}

/// Sends whoever is signed in back to the client with a code.
pub(super) async fn authorize(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let field = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let client = &shared.client;
    // Nobody is sent to where no client is.
    if field("client_id") != client.id || field("redirect_uri") != client.redirect {
        return (StatusCode::BAD_REQUEST, "no such client, or it is elsewhere").into_response();
    }
    let scopes: Vec<&str> = field("scope").split(' ').collect();
    let is_whole = field("response_type") == "code"
        && scopes.contains(&"openid")
        && scopes.contains(&"email")
        && field("code_challenge_method") == "S256"
        && field("code_challenge").len() == 43
        && !field("state").is_empty()
        && !field("nonce").is_empty();
    let mut inside = shared.inside();
    let mut back = vec![("state", field("state").to_owned()), ("iss", shared.issuer.clone())];
    if inside.flaw == Some(Flaw::Denied) {
        back.push(("error", "access_denied".to_owned()));
        back.push(("error_description", "<b>The user said no</b>".to_owned()));
    } else if is_whole {
        let code = Uuid::new_v4().simple().to_string();
        let grant = Grant {
            person: inside.person.clone(),
            nonce: field("nonce").to_owned(),
            challenge: field("code_challenge").to_owned(),
        };
        inside.grants.insert(code.clone(), grant);
        back.push(("code", code));
    } else {
        back.push(("error", "invalid_request".to_owned()));
    }
    let query = serde_urlencoded::to_string(back).unwrap_or_default();
    (StatusCode::FOUND, [(LOCATION, format!("{}?{query}", client.redirect))]).into_response()
}

/// Gives tokens for a code, once.
pub(super) async fn token(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let fields: Fields = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let client = &shared.client;
    if credentials(&headers, &fields) != Some((client.id.clone(), client.secret.clone())) {
        let refusal = Json(json!({ "error": "invalid_client" }));
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic")], refusal).into_response();
    }
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if field("grant_type") != "authorization_code" {
        return refused("unsupported_grant_type");
    }
    let mut inside = shared.inside();
    let grant = inside.grants.remove(field("code"));
    let Some(grant) = grant.filter(|grant| {
        field("redirect_uri") == client.redirect
            && encoded(Sha256::digest(field("code_verifier").as_bytes())) == grant.challenge
    }) else {
        return refused("invalid_grant");
    };
    let access_token = Uuid::new_v4().simple().to_string();
    inside.tokens.insert(access_token.clone(), grant.person.clone());
    let Ok(id_token) = id_token(&shared, inside.flaw, &inside.key, &grant) else {
        return refused("server_error");
    };
    let answer = json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": LASTS,
        "id_token": id_token });
    ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

fn id_token(shared: &Shared, flaw: Option<Flaw>, key: &Key, grant: &Grant) -> anyhow::Result<String> {
    let now = shared.clock.now().timestamp();
    let mut claims = json!({
        "iss": shared.issuer,
        "sub": grant.person.subject,
        "aud": shared.client.id,
        "iat": now,
        "exp": now + LASTS,
        "nonce": grant.nonce,
    });
    if !grant.person.is_thin {
        add_address(&mut claims, &grant.person);
    }
    match flaw {
        Some(Flaw::Nonce) => claims["nonce"] = json!("another"),
        Some(Flaw::Audience) => claims["aud"] = json!(["another"]),
        Some(Flaw::Issuer) => claims["iss"] = json!("https://another.example"),
        Some(Flaw::Expired) => claims["exp"] = json!(now - 1),
        _ => {}
    }
    match flaw {
        Some(Flaw::UnknownKey) => Key::new()?.token(&claims),
        Some(Flaw::Signature) => key.impostor()?.token(&claims),
        Some(Flaw::Unsigned) => Ok(unsigned(&claims)),
        _ => key.token(&claims),
    }
}

/// Says who an access token is of.
pub(super) async fn user_info(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let person = shared.inside().tokens.get(token).cloned();
    let Some(person) = person else {
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")])
            .into_response();
    };
    let mut claims = json!({ "sub": person.subject });
    add_address(&mut claims, &person);
    Json(claims).into_response()
}

fn add_address(claims: &mut Value, person: &Person) {
    if let Some(email) = &person.email {
        claims["email"] = json!(email);
    }
    if let Some(is_verified) = person.email_verified {
        claims["email_verified"] = json!(is_verified);
    }
}

/// The client's id and secret: by Basic, each written as in a form (RFC 6749, 2.3.1), or among the fields.
fn credentials(headers: &HeaderMap, fields: &Fields) -> Option<(String, String)> {
    let Some(shown) = headers.get(AUTHORIZATION) else {
        return fields.get("client_id").cloned().zip(fields.get("client_secret").cloned());
    };
    let shown = shown.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(shown).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let as_in_a_form = |text: &str| {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("it={text}")).ok()?;
        pairs.into_iter().next().map(|(_, value)| value)
    };
    as_in_a_form(id).zip(as_in_a_form(secret))
}
