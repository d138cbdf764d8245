//! Renewing a shop's tokens.
//!
//! Tokens for work without a merchant live an hour; a refresh token gives a new pair and both halves change
//! (Shopify reference §8). Whoever calls must see to it that one process at a time renews a shop's tokens,
//! must store both halves in one commit before the new access token is used, and must keep the pair before.

use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tradeup_domain::{Class, Classify, ErrorCode};

use crate::answer::retry_after;
use crate::client::{Client, PostError};
use crate::ids::ShopDomain;

/// How long an access token lives when the answer does not say. Such answers occur, and never mean that it
/// lives for ever (§8).
pub const EXPIRES_IN_DEFAULT: Duration = Duration::from_secs(3600);

/// The app's own name and secret at Shopify.
#[derive(Clone, Debug)]
pub struct AppCredentials {
    /// Public.
    pub client_id: String,
    /// Secret.
    pub client_secret: SecretString,
}

/// A new pair of tokens. Lifetimes count from when the answer came.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// For calls.
    pub access_token: SecretString,
    /// How long it is good for.
    pub expires_in: Duration,
    /// For the next renewal.
    pub refresh_token: SecretString,
    /// How long that is good for, when the answer says so (90 days).
    pub refresh_expires_in: Option<Duration>,
    /// The access scopes that the shop has granted.
    pub scopes: Vec<String>,
}

/// Shopify's answer to a first request for tokens, by whichever way the app was installed. Without a refresh
/// token it is one of those that are not renewed.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenGrant {
    /// For calls.
    pub access_token: SecretString,
    /// How long it is good for.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<Duration>,
    /// For the next renewal.
    pub refresh_token: Option<SecretString>,
    /// How long that is good for.
    #[serde(default, rename = "refresh_token_expires_in", deserialize_with = "seconds")]
    pub refresh_expires_in: Option<Duration>,
    /// The access scopes that the shop has granted, with commas between them.
    #[serde(default)]
    pub scope: String,
}

/// A text is no answer of Shopify's to a request for tokens. It does not show the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not Shopify's answer to a request for tokens: JSON with access_token and, if it is renewed, refresh_token"
)]
pub struct NoTokenGrant;

impl TokenGrant {
    /// Reads the answer.
    ///
    /// # Errors
    /// [`NoTokenGrant`].
    pub fn parse(text: &SecretString) -> Result<Self, NoTokenGrant> {
        serde_json::from_str(text.expose_secret()).map_err(|_may_hold_a_token| NoTokenGrant)
    }
}

fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
}

/// Why there are no new tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// No clear answer. The tokens may have been rotated; the same refresh token may be used again until
    /// a new one has been (§8).
    #[error("tokens not renewed: {reason}; the same refresh token may be tried again")]
    TryAgain {
        /// What failed.
        reason: String,
        /// How long Shopify asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// The refresh token is not taken any more. The merchant has to open the app; it is not uninstalled.
    #[error("the refresh token is not accepted ({code}); the merchant has to open the app once")]
    NeedsReauthorization {
        /// `invalid_request` or `invalid_grant`.
        code: String,
    },
    /// Anything else: wrong app credentials, no such shop.
    #[error("tokens can't be renewed: status {status}, {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's code, if there was one.
        code: String,
    },
}

impl Classify for RefreshError {
    fn class(&self) -> Class {
        match self {
            Self::TryAgain { retry_after, .. } => Class::Transient { retry_after: *retry_after },
            Self::NeedsReauthorization { .. } | Self::Refused { .. } => Class::Permanent,
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::TryAgain { .. } => ErrorCode::ShopUnreachable,
            Self::NeedsReauthorization { .. } => ErrorCode::ReauthorizationNeeded,
            Self::Refused { .. } => ErrorCode::ShopUnauthorized,
        }
    }
}

impl Client {
    /// Exchanges a refresh token for a new pair.
    ///
    /// # Errors
    /// [`RefreshError`], which says whether the same refresh token may be tried again.
    pub async fn refresh(
        &self,
        shop: &ShopDomain,
        app: &AppCredentials,
        refresh_token: &SecretString,
    ) -> Result<TokenPair, RefreshError> {
        let body = json!({
            "client_id": app.client_id,
            "client_secret": app.client_secret.expose_secret(),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.expose_secret(),
        });
        let address = self.address(shop, "/admin/oauth/access_token");
        let answer = self.post(shop, "refresh", address, HeaderMap::new(), &body).await;
        let raw = answer.map_err(|error| match error {
            PostError::Invalid => RefreshError::Refused { status: 0, code: error.reason().to_owned() },
            PostError::NotSent(reason) | PostError::NoAnswer(reason) => {
                RefreshError::TryAgain { reason: reason.to_owned(), retry_after: None }
            }
        })?;
        let wait = retry_after(raw.retry_after.as_deref());
        pair(raw.status, wait, &raw.body)
    }
}

fn pair(status: u16, wait: Option<Duration>, body: &[u8]) -> Result<TokenPair, RefreshError> {
    let again = |reason: String| RefreshError::TryAgain { reason, retry_after: wait };
    match status {
        200 => {
            // The parser's own text may hold a part of a token.
            let half = || again("an answer without both tokens".to_owned());
            let grant: TokenGrant = serde_json::from_slice(body).map_err(|_may_hold_a_token| half())?;
            Ok(TokenPair {
                access_token: grant.access_token,
                expires_in: grant.expires_in.unwrap_or(EXPIRES_IN_DEFAULT),
                refresh_token: grant.refresh_token.ok_or_else(half)?,
                refresh_expires_in: grant.refresh_expires_in,
                scopes: grant.scope.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            })
        }
        429 | 430 | 500.. => Err(again(format!("status {status}"))),
        _ => {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let code: String =
                body.get("error").and_then(Value::as_str).unwrap_or("no code").chars().take(40).collect();
            match (status, code.as_str()) {
                (400 | 401, "invalid_request" | "invalid_grant") => {
                    Err(RefreshError::NeedsReauthorization { code })
                }
                _ => Err(RefreshError::Refused { status, code }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_never_shows_its_tokens() {
        let body = br#"{"access_token":"shpat_a","refresh_token":"shprt_b","scope":"read_orders,x"}"#;
        let pair = pair(200, None, body).unwrap();
        assert_eq!(pair.expires_in, EXPIRES_IN_DEFAULT);
        assert_eq!(pair.scopes, ["read_orders", "x"]);
        assert_eq!(pair.access_token.expose_secret(), "shpat_a");
        let app = AppCredentials { client_id: "id".to_owned(), client_secret: "hush".into() };
        let shown = format!("{pair:?} {app:?}");
        assert!(!shown.contains("shpat") && !shown.contains("shprt") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn half_an_answer_is_tried_again_and_not_shown() {
        for body in
            [&b"{\"access_token\":\"shpat_a\",\"refresh_tok"[..], b"{\"access_token\":\"shpat_a\"}", b""]
        {
            let error = pair(200, None, body).unwrap_err();
            assert!(matches!(error, RefreshError::TryAgain { .. }));
            assert!(!format!("{error} {error:?}").contains("shpat"));
        }
    }

    #[test]
    fn only_the_two_codes_need_the_merchant() {
        let refused = pair(401, None, br#"{"error":"invalid_client"}"#).unwrap_err();
        assert_eq!(refused, RefreshError::Refused { status: 401, code: "invalid_client".to_owned() });
        assert!(matches!(pair(404, None, b"no").unwrap_err(), RefreshError::Refused { status: 404, .. }));
        assert!(matches!(pair(503, None, b"no").unwrap_err(), RefreshError::TryAgain { .. }));
    }
}
