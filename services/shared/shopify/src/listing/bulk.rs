//! Bulk operations: Shopify reads everything by itself and makes a file of it (Shopify reference §7.4).

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::document::{BULK_CUSTOMER, BULK_ORDER};
use super::{NotListed, changed, node};
use crate::client::ShopClient;
use crate::error::ShopifyError;
use crate::ids::BulkId;
use crate::operation::Operation;
use crate::privacy::scrub;

/// What a bulk operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkKind {
    /// Orders.
    Orders,
    /// Customers.
    Customers,
}

/// Whether a bulk operation was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkStart {
    /// It was; look how far it is with [`ShopClient::bulk`], or wait for `bulk_operations/finish`.
    Started(BulkId),
    /// As many as the app may have are running at the shop. Try again when one has ended.
    AlreadyRunning,
}

/// How far a bulk operation is.
#[derive(Clone, Debug)]
pub enum BulkState {
    /// It runs, or is about to end.
    Running {
        /// How many objects were read so far, lines of orders among them.
        objects: u64,
    },
    /// It is done.
    Done {
        /// What was read, kept for seven days; none if nothing was found.
        file: Option<BulkFile>,
        /// How many objects were read.
        objects: u64,
    },
    /// It failed, and has to be started again.
    Failed {
        /// Shopify's code, such as `ACCESS_DENIED` or `TIMEOUT`.
        code: String,
        /// What had been read by then, where it is kept.
        partial: Option<BulkFile>,
    },
    /// Somebody stopped it.
    Canceled,
    /// What it read is not kept any more, or it is not known any more.
    Expired,
}

/// Where the file of a bulk operation is. Whoever has the address can read it, so `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct BulkFile(pub(super) SecretString);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStart {
    bulk_operation: Option<WireStarted>,
    user_errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireStarted {
    id: BulkId,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: String,
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBulk {
    status: String,
    error_code: Option<String>,
    #[serde(default)]
    object_count: Count,
    url: Option<SecretString>,
    partial_data_url: Option<SecretString>,
}

/// A count, which GraphQL writes as a text.
#[derive(Clone, Copy, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let count = String::deserialize(from)?.parse();
        count.map(Self).map_err(|_no_count| serde::de::Error::custom("a count as a text is needed"))
    }
}

impl ShopClient {
    /// Starts a bulk operation that reads all orders or customers, or those changed at `since` or later.
    ///
    /// If no answer comes it may have been started all the same; starting it again costs nothing but one of
    /// the few places there are.
    ///
    /// # Errors
    /// [`ShopifyError`], never `OutcomeUnknown`.
    pub async fn start_bulk(
        &self,
        kind: BulkKind,
        since: Option<DateTime<Utc>>,
    ) -> Result<BulkStart, ShopifyError> {
        let variables = json!({ "query": query(kind, since) });
        let answer = self.call(Operation::StartBulk, variables).await?;
        let wire: WireStart = node::parse(&answer)?;
        match (wire.bulk_operation, wire.user_errors.into_iter().next()) {
            (Some(started), None) => Ok(BulkStart::Started(started.id)),
            (_, Some(error)) => match error.code.as_deref() {
                Some("OPERATION_IN_PROGRESS" | "LIMIT_REACHED") => Ok(BulkStart::AlreadyRunning),
                code => Err(ShopifyError::InvalidRequest {
                    code: scrub(code.unwrap_or("UNNAMED")),
                    message: scrub(&error.message),
                }),
            },
            (None, None) => Err(NotListed::Shape { path: "bulkOperation".to_owned() }.into()),
        }
    }

    /// How far a bulk operation is.
    ///
    /// # Errors
    /// As [`Self::start_bulk`].
    pub async fn bulk(&self, id: &BulkId) -> Result<BulkState, ShopifyError> {
        let answer = self.call(Operation::Bulk, json!({ "id": id.as_str() })).await?;
        let wire: Option<WireBulk> = node::parse(&answer)?;
        Ok(wire.map(state).transpose()?.unwrap_or(BulkState::Expired))
    }
}

fn state(wire: WireBulk) -> Result<BulkState, NotListed> {
    let Count(objects) = wire.object_count;
    Ok(match wire.status.as_str() {
        "CREATED" | "RUNNING" | "CANCELING" => BulkState::Running { objects },
        "COMPLETED" => BulkState::Done { file: wire.url.map(BulkFile), objects },
        "FAILED" => BulkState::Failed {
            code: scrub(wire.error_code.as_deref().unwrap_or("UNNAMED")),
            partial: wire.partial_data_url.map(BulkFile),
        },
        "CANCELED" => BulkState::Canceled,
        "EXPIRED" => BulkState::Expired,
        _ => return Err(NotListed::Shape { path: "status".to_owned() }),
    })
}

/// The query that Shopify runs. Nothing in it comes from outside but the instant.
fn query(kind: BulkKind, since: Option<DateTime<Utc>>) -> String {
    let (root, node) = match kind {
        BulkKind::Orders => ("orders", BULK_ORDER),
        BulkKind::Customers => ("customers", BULK_CUSTOMER),
    };
    let search = since.map(|since| format!("(query: \"{}\")", changed(since, None))).unwrap_or_default();
    format!("{{ {root}{search} {{ edges {{ node {{ {node} }} }} }} }}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn read(bulk: &Value) -> Result<BulkState, NotListed> {
        state(node::parse(bulk)?)
    }

    #[test]
    fn the_query_keeps_to_the_rules_of_bulk() {
        let since = "2026-11-20T10:00:00Z".parse().unwrap();
        let orders = query(BulkKind::Orders, Some(since));
        assert!(orders.starts_with("{ orders(query: \"updated_at:>='2026-11-20T10:00:00Z'\") { edges"));
        // Two connections, one within the other; the refunds, which are a list, have none.
        assert_eq!(orders.matches("edges").count(), 2);
        assert!(orders.contains("refunds(first: 1) { id }") && !orders.contains("nodes"));
        assert!(query(BulkKind::Customers, None).starts_with("{ customers { edges { node { id "));
    }

    #[test]
    fn every_status_is_told() {
        let bulk = |status: &str| {
            json!({ "status": status, "errorCode": null, "objectCount": "12", "url": null,
                "partialDataUrl": null })
        };
        for running in ["CREATED", "RUNNING", "CANCELING"] {
            assert!(matches!(read(&bulk(running)), Ok(BulkState::Running { objects: 12 })), "{running}");
        }
        assert!(matches!(read(&bulk("COMPLETED")), Ok(BulkState::Done { file: None, objects: 12 })));
        assert!(matches!(read(&bulk("CANCELED")), Ok(BulkState::Canceled)));
        assert!(matches!(read(&bulk("EXPIRED")), Ok(BulkState::Expired)));
        assert!(matches!(read(&bulk("SLEEPING")), Err(NotListed::Shape { .. })));
        let mut failed = bulk("FAILED");
        failed["errorCode"] = json!("TIMEOUT");
        failed["partialDataUrl"] = json!("https://files.example/part?signature=secret");
        let state = read(&failed).unwrap();
        assert!(matches!(&state, BulkState::Failed { code, partial: Some(_) } if code == "TIMEOUT"));
        assert!(!format!("{state:?}").contains("secret"));
    }
}
