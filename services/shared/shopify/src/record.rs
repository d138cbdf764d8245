//! A switch for seeing what goes over the wire: every exchange as a line of JSON in a folder.
//!
//! What is written is chosen by what may be, not by what may not: texts stand only under keys known to
//! hold no personal data, all others are replaced. Request headers are not written at all, so no token.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ids::ShopDomain;
use crate::privacy::scrub;

/// Keys whose texts are written. Names, addresses, phones, tags and tokens are under others.
const SHOWN: [&str; 25] = [
    "id",
    "amount",
    "currencyCode",
    "code",
    "__typename",
    "event",
    "createdAt",
    "expiresAt",
    "state",
    "query",
    "after",
    "endCursor",
    "field",
    "path",
    "ianaTimezone",
    "requiredAccess",
    "message",
    "explanation",
    "errors",
    "grant_type",
    "error",
    "scope",
    "operation",
    "shop",
    "failed",
];

/// Where exchanges are recorded: a file for each shop, `<shop>.jsonl`.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    files: Mutex<HashMap<ShopDomain, File>>,
}

/// One exchange, before anything is taken out of it.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) shop: &'a ShopDomain,
    pub(crate) operation: &'a str,
    pub(crate) request: &'a Value,
    pub(crate) duration: Duration,
    pub(crate) outcome: Outcome<'a>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// With an answer.
    Answer {
        status: u16,
        /// The headers of interest.
        headers: Vec<(&'static str, String)>,
        body: &'a [u8],
    },
    /// With none, and why in our words.
    Failed(&'a str),
}

impl Recorder {
    /// Records into `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, files: Mutex::new(HashMap::new()) })
    }

    /// Writes one line. A recording that fails is told in the log and never fails the call.
    pub(crate) fn record(&self, exchange: &Exchange<'_>) {
        let line = line(exchange);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.write(&mut files, exchange.shop, &line) {
            tracing::warn!(%error, "exchange with the shop not recorded");
        }
    }

    /// In one write, so that several processes can record into one file.
    fn write(&self, files: &mut HashMap<ShopDomain, File>, shop: &ShopDomain, line: &str) -> io::Result<()> {
        if !files.contains_key(shop) {
            let path = self.folder.join(format!("{shop}.jsonl"));
            files.insert(shop.clone(), OpenOptions::new().create(true).append(true).open(path)?);
        }
        files.get_mut(shop).map_or(Ok(()), |file| file.write_all(line.as_bytes()))
    }
}

fn line(exchange: &Exchange<'_>) -> String {
    let mut record = json!({
        "shop": exchange.shop,
        "operation": exchange.operation,
        "request": shown("", exchange.request),
        "duration_ms": u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX),
    });
    match &exchange.outcome {
        Outcome::Answer { status, headers, body } => {
            record["status"] = json!(status);
            record["headers"] = headers.iter().map(|(name, value)| (*name, scrub(value))).collect();
            record["response"] = match serde_json::from_slice::<Value>(body) {
                Ok(body) => shown("", &body),
                // Not ours to judge what stands in it.
                Err(_) => json!({ "not_json": true, "bytes": body.len() }),
            };
        }
        Outcome::Failed(reason) => record["failed"] = json!(reason),
    }
    format!("{record}\n")
}

/// `value` as it stands under `key`, with only what may be shown.
fn shown(key: &str, value: &Value) -> Value {
    match value {
        // The document is ours, and longer than what is kept of others' texts.
        Value::String(text) if key == "query" && !text.contains('@') => json!(text),
        Value::String(text) if SHOWN.contains(&key) => json!(scrub(text)),
        Value::String(_) => json!("[removed]"),
        Value::Array(items) => items.iter().map(|item| shown(key, item)).collect(),
        Value::Object(fields) => {
            // Echoes of what was sent may be of any form.
            let fields = fields.iter().filter(|(name, _)| name.as_str() != "value");
            Value::Object(fields.map(|(name, field)| (name.clone(), shown(name, field))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_addresses_and_names_are_never_in_a_line() {
        let shop = "alma-shop.myshopify.com".parse().unwrap();
        let request = json!({
            "query": "query { x }",
            "variables": {"identifier": {"emailAddress": "alma.reyes@example.com"}, "first": 50},
            "client_secret": "hush", "refresh_token": "shprt_1", "grant_type": "refresh_token",
        });
        let body = json!({
            "data": {"customerByIdentifier": {
                "id": "gid://shopify/Customer/1", "displayName": "Alma Reyes", "tags": ["Alma Reyes"],
                "defaultEmailAddress": {"emailAddress": "alma.reyes@example.com"},
                "note": "call Alma", "numberOfOrders": "5",
            }},
            "errors": [{"message": "bad value alma.reyes@example.com",
                "extensions": {"value": {"id": "Alma Reyes"}, "code": "INVALID_VARIABLE"}}],
            "access_token": "shpat_1", "refresh_token": "other-token",
        })
        .to_string();
        let line = line(&Exchange {
            shop: &shop,
            operation: "customer",
            request: &request,
            duration: Duration::from_millis(12),
            outcome: Outcome::Answer {
                status: 200,
                headers: vec![("x-request-id", "r-1".to_owned())],
                body: body.as_bytes(),
            },
        });
        for secret in ["reyes", "Alma", "hush", "shprt", "shpat", "other-token", "@"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            read.pointer("/response/data/customerByIdentifier/id").unwrap(),
            "gid://shopify/Customer/1"
        );
        assert_eq!(read.pointer("/response/errors/0/extensions/code").unwrap(), "INVALID_VARIABLE");
        assert_eq!(read.pointer("/headers/x-request-id").unwrap(), "r-1");
        assert_eq!(read["duration_ms"], 12);
    }
}
