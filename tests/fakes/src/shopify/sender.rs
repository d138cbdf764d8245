//! Webhooks as Shopify sends them: the exact bytes, signed, with their headers.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

/// A webhook to be sent.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Names and values of its headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The signature of a body with a secret.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature(secret: &str, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

impl Webhook {
    /// One of a topic, for a shop, with ids of its own.
    #[must_use]
    pub fn new(secret: &str, shop: &str, topic: &str, body: &[u8]) -> Self {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("Content-Type", "application/json"),
            header("X-Shopify-Topic", topic),
            header("X-Shopify-Hmac-Sha256", &signature(secret, body)),
            header("X-Shopify-Shop-Domain", shop),
            header("X-Shopify-API-Version", "2026-10"),
            header("X-Shopify-Webhook-Id", &Uuid::new_v4().to_string()),
            header("X-Shopify-Event-Id", &Uuid::new_v4().to_string()),
        ];
        Self { headers, body: body.to_vec() }
    }

    /// The same with another value of a header; without it, if that is empty.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// A webhook of the samples, with what is to be read from it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Name of its file.
    pub file: String,
    /// Its topic.
    pub topic: String,
    /// Headers and body, signed with the samples' secret.
    pub webhook: Webhook,
    /// What is to be read from it.
    pub expect: Value,
}

/// The samples, and the secret and the shop that they are of.
///
/// # Panics
/// When they can't be read.
#[must_use]
pub fn samples() -> (Vec<Sample>, String, String) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples/webhooks");
    let read = |name: &str| {
        let path = folder.join(name);
        #[expect(clippy::panic, reason = "tests fail loudly")]
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let index: Value = serde_json::from_slice(&read("index.json")).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sample = |entry: &Value| {
        let headers = entry["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        Sample {
            file: text(&entry["file"]),
            topic: text(&entry["topic"]),
            webhook: Webhook { headers, body: read(&text(&entry["file"])) },
            expect: entry["expect"].clone(),
        }
    };
    let samples = index["webhooks"].as_array().into_iter().flatten().map(sample).collect();
    (samples, text(&index["sample_client_secret"]), text(&index["shop_domain"]))
}
