//! Keys that sign ID tokens (RFC 7515, RFC 7517, RFC 7518).

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use uuid::Uuid;

/// A key with its id.
pub(super) struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    /// A new one with an id of its own.
    pub(super) fn new() -> anyhow::Result<Self> {
        Self::called(Uuid::new_v4().simple().to_string())
    }

    /// Another one that goes by this one's id.
    pub(super) fn impostor(&self) -> anyhow::Result<Self> {
        Self::called(self.id.clone())
    }

    fn called(id: String) -> anyhow::Result<Self> {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document =
            EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(|error| anyhow!("no key: {error}"))?;
        let pair = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random)
            .map_err(|error| anyhow!("no key: {error}"))?;
        Ok(Self { id, pair })
    }

    /// What others check signatures with.
    pub(super) fn public(&self) -> Value {
        // One byte says how it is written; then x and y, of 32 bytes each.
        let point: &[u8] = self.pair.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": self.id, "x": x, "y": y })
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|error| anyhow!("not signed: {error}"))?;
        Ok(format!("{signed}.{}", encoded(signature)))
    }
}

/// A token with these claims that nobody has signed.
pub(super) fn unsigned(claims: &Value) -> String {
    let header = json!({ "alg": "none", "typ": "JWT" });
    format!("{}.{}.", encoded(header.to_string()), encoded(claims.to_string()))
}

/// As tokens and PKCE have it.
pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
