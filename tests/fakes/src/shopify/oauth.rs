//! Renewing tokens: both halves rotate, the old refresh token is good until the new one is used
//! (reference §8, §12.8).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shop::Shop;

/// How long an access token lives, in seconds.
const ACCESS_S: i64 = 3_600;
/// How long a refresh token lives, in seconds.
const REFRESH_S: i64 = 7_776_000;
/// How long the one before may be tried again.
const RETRY_DAYS: i64 = 30;

/// Status and body of the answer to a renewal.
pub(crate) fn refresh(shop: &mut Shop, body: &Value, now: DateTime<Utc>) -> (u16, Value) {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if shop.client_secret.is_empty()
        || text("client_id") != shop.client_id
        || text("client_secret") != shop.client_secret
    {
        return refused(401, "invalid_client", "The client is not known");
    }
    if text("grant_type") != "refresh_token" {
        return refused(400, "unsupported_grant_type", "Only refresh_token is known here");
    }
    let given = text("refresh_token");
    let before = shop.previous_refresh.clone().filter(|(token, until)| token == given && *until > now);
    let retried = match before {
        _ if !given.is_empty() && given == shop.refresh_token => None,
        Some(before) => Some(before),
        None => {
            return refused(401, "invalid_request", "This request requires an active refresh_token");
        }
    };
    // Tried again, the one before stays what it was, and what the lost answer gave is void.
    let until = now + TimeDelta::days(RETRY_DAYS);
    shop.previous_refresh = Some(retried.unwrap_or_else(|| (given.to_owned(), until)));
    shop.token = format!("shpat_{}", Uuid::new_v4().simple());
    shop.token_expires_at = Some(now + TimeDelta::seconds(ACCESS_S));
    shop.refresh_token = format!("shprt_{}", Uuid::new_v4().simple());
    let scopes: Vec<&str> = shop.scopes.iter().map(String::as_str).collect();
    let pair = json!({
        "access_token": shop.token,
        "expires_in": ACCESS_S,
        "refresh_token": shop.refresh_token,
        "refresh_token_expires_in": REFRESH_S,
        "scope": scopes.join(","),
    });
    (200, pair)
}

fn refused(status: u16, error: &str, description: &str) -> (u16, Value) {
    (status, json!({ "error": error, "error_description": description }))
}
