//! The samples and what the index says of them.

use std::path::PathBuf;

use serde_json::Value;
use tradeup_shopify::webhook::{
    BulkFinished, Customer, CustomerRedact, DataRequest, Merged, Order, Refs, Refund, ScopesChanged,
    ShopRedact, TagsChanged, Transaction, Uninstalled, WebhookError,
};

/// A sample: what is sent, and what is to be read from it.
pub(crate) struct Sample {
    pub(crate) file: String,
    pub(crate) topic: String,
    pub(crate) headers: Value,
    pub(crate) expect: Value,
    pub(crate) body: Vec<u8>,
}

impl Sample {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_object().unwrap();
        headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str().unwrap())
    }

    /// What the index expects, if it is a number.
    pub(crate) fn expected(&self, name: &str) -> Option<i64> {
        self.expect[name].as_i64()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fakes/samples/webhooks")
}

pub(crate) fn index() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("index.json")).unwrap()).unwrap()
}

pub(crate) fn all() -> Vec<Sample> {
    let index = index();
    let samples: Vec<Sample> = index["webhooks"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(samples.len(), 50);
    samples
}

fn of(entry: &Value) -> Sample {
    let text = |name: &str| entry[name].as_str().unwrap().to_owned();
    Sample {
        file: text("file"),
        topic: text("topic"),
        headers: entry["headers"].clone(),
        expect: entry["expect"].clone(),
        body: body(&text("file")),
    }
}

/// The exact bytes of a sample.
pub(crate) fn body(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

pub(crate) fn order(file: &str) -> Order {
    Order::decode(&body(file)).unwrap()
}

pub(crate) fn refund(file: &str) -> Refund {
    Refund::decode(&body(file)).unwrap()
}

/// Reads a body with the decoder of its topic. What was read, as it is shown, or `None` for a topic
/// that has no decoder of its own.
pub(crate) fn decode(topic: &str, body: &[u8]) -> Result<Option<String>, WebhookError> {
    fn shown<T: std::fmt::Debug>(read: Result<T, WebhookError>) -> Result<Option<String>, WebhookError> {
        read.map(|read| Some(format!("{read:?}")))
    }
    match topic {
        "orders/create" | "orders/updated" | "orders/paid" | "orders/cancelled" => shown(Order::decode(body)),
        "refunds/create" => shown(Refund::decode(body)),
        "order_transactions/create" => shown(Transaction::decode(body)),
        "customers/create" | "customers/update" => shown(Customer::decode(body)),
        "customer.tags_added" => shown(TagsChanged::decode(body)),
        "customers/merge" => shown(Merged::decode(body)),
        "app/uninstalled" => shown(Uninstalled::decode(body)),
        "app/scopes_update" => shown(ScopesChanged::decode(body)),
        "bulk_operations/finish" => shown(BulkFinished::decode(body)),
        "customers/data_request" => shown(DataRequest::decode(body)),
        "customers/redact" => shown(CustomerRedact::decode(body)),
        "shop/redact" => shown(ShopRedact::decode(body)),
        "orders/edited" | "customers/purchasing_summary" | "products/update" => {
            Refs::read(topic, body).map(|_refs| None)
        }
        other => panic!("{other} has no decoder"),
    }
}
