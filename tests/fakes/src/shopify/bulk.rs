//! Bulk operations: started, looked at, and their files (reference §7.4).

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::graphql::{Call, Ran};
use super::listing::undefined;
use super::selection::{self, CONNECTION, Field, project};
use super::server::Shared;
use super::shop::Shop;

/// How an operation ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkEnd {
    /// With a file.
    #[default]
    Completed,
    /// With a code.
    Failed,
    /// With the code of a scope that lacks.
    Denied,
    /// Somebody stopped it.
    Canceled,
    /// With a file that is gone.
    Expired,
}

/// How operations go from now on.
#[derive(Clone, Debug)]
pub struct BulkPlan {
    /// How often one is seen to run before it has ended.
    pub polls: u32,
    /// How it ends.
    pub end: BulkEnd,
    /// After so many lines the connection breaks when a file is read.
    pub breaks_after: Option<usize>,
    /// How many may run at once: five since 2026-01.
    pub places: usize,
}

impl Default for BulkPlan {
    fn default() -> Self {
        Self { polls: 2, end: BulkEnd::Completed, breaks_after: None, places: 5 }
    }
}

/// An operation. What it finds is read when it starts.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    number: u64,
    polls: u32,
    end: BulkEnd,
    lines: Vec<String>,
    /// Part of its file's address, which nobody can guess.
    signature: String,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/_files/{shop}/{signature}", get(file))
}

impl Operation {
    fn gid(&self) -> String {
        format!("gid://shopify/BulkOperation/{}", self.number)
    }

    fn runs(&self) -> bool {
        self.polls > 0
    }
}

/// `bulkOperationRunQuery`.
pub(crate) fn start(shop: &mut Shop, call: &Call) -> Ran {
    let refused = |message: &str, code: &str| {
        let error = json!({ "field": ["query"], "message": message, "code": code });
        Ran::Value(json!({ "bulkOperation": null, "userErrors": [error] }), 10)
    };
    if let Some(running) = shop.bulk.iter().filter(|known| known.runs()).nth(shop.bulk_plan.places - 1) {
        let message = format!(
            "A bulk query operation for this app and shop is already in progress: {}.",
            running.gid()
        );
        return refused(&message, "OPERATION_IN_PROGRESS");
    }
    // Without groups, lines stand anywhere after their order.
    let grouped = call.selected.first().and_then(|root| root.argument("groupObjects", &call.variables));
    if grouped != Some(&json!("true")) {
        return undefined("groupObjects", call.root);
    }
    let query = selection::parse(call.text("query"));
    let Some([root]) = query.as_deref() else {
        return refused("Invalid bulk query: syntax error", "INVALID");
    };
    let Some(nodes) = root.nodes().filter(|_| matches!(root.name.as_str(), "orders" | "customers")) else {
        return refused("Bulk queries must contain at least one connection.", "INVALID");
    };
    if nodes.iter().any(|field| field.nodes().is_none() && has_connection(field)) {
        let message =
            "Queries that contain a connection field within a list field are not currently supported.";
        return refused(message, "INVALID");
    }
    let lines = match lines(shop, root, nodes) {
        Ok(lines) => lines,
        Err(field) => return undefined(&field, call.root),
    };
    let scope = if root.name == "orders" { "read_orders" } else { "read_customers" };
    let operation = Operation {
        number: 4_400_000_000_001 + u64::try_from(shop.bulk.len()).unwrap_or(0),
        polls: shop.bulk_plan.polls,
        end: if shop.scopes.contains(scope) { shop.bulk_plan.end } else { BulkEnd::Denied },
        lines,
        signature: Uuid::new_v4().to_string(),
    };
    let started = json!({ "id": operation.gid(), "status": "CREATED" });
    shop.bulk.push(operation);
    Ran::Value(json!({ "bulkOperation": started, "userErrors": [] }), 10)
}

fn has_connection(field: &Field) -> bool {
    field.fields.iter().any(|below| below.nodes().is_some() || has_connection(below))
}

/// The file: each node on a line of its own, those of its connections on lines after it.
fn lines(shop: &Shop, root: &Field, fields: &[Field]) -> Result<Vec<String>, String> {
    let none = json!({});
    let search = root.argument("query", &none).and_then(Value::as_str).unwrap_or_default();
    let (connections, plain): (Vec<Field>, Vec<Field>) =
        fields.iter().cloned().partition(|field| field.nodes().is_some());
    let mut lines = Vec::new();
    for (_, node) in shop.bodies.found(&root.name, search) {
        lines.push(project(&node, &plain, &none)?.to_string());
        for connection in &connections {
            let below = node.pointer(&format!("/{}/{CONNECTION}", connection.name)).and_then(Value::as_array);
            for child in below.ok_or_else(|| connection.name.clone())? {
                let mut line = project(child, connection.nodes().unwrap_or_default(), &none)?;
                line["__parentId"] = node["id"].clone();
                lines.push(line.to_string());
            }
        }
    }
    Ok(lines)
}

/// `bulkOperation`: each look brings it nearer to its end.
pub(crate) fn look(shop: &mut Shop, call: &Call) -> Ran {
    let files = format!("{}/_files/{}", shop.files, shop.domain);
    let Some(operation) = shop.bulk.iter_mut().find(|known| known.gid() == call.text("id")) else {
        return Ran::Value(Value::Null, 1);
    };
    let (running, end) = (operation.runs(), operation.end);
    operation.polls = operation.polls.saturating_sub(1);
    let file = || json!(format!("{files}/{}", operation.signature));
    let value = json!({
        "id": operation.gid(),
        "status": match end {
            _ if running => "RUNNING",
            BulkEnd::Completed => "COMPLETED",
            BulkEnd::Failed | BulkEnd::Denied => "FAILED",
            BulkEnd::Canceled => "CANCELED",
            BulkEnd::Expired => "EXPIRED",
        },
        "errorCode": match end {
            BulkEnd::Failed if !running => json!("INTERNAL_SERVER_ERROR"),
            BulkEnd::Denied if !running => json!("ACCESS_DENIED"),
            _ => Value::Null,
        },
        "objectCount": operation.lines.len().to_string(),
        // Nothing found, no file.
        "url": match end {
            BulkEnd::Completed if !running && !operation.lines.is_empty() => file(),
            _ => Value::Null,
        },
        "partialDataUrl": if !running && end == BulkEnd::Failed { file() } else { Value::Null },
    });
    Ran::Value(value, 1)
}

/// The file of an operation. It lies with somebody else than the shop, where no token has any business.
async fn file(
    State(shared): State<Shared>,
    Path((shop, signature)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    if headers.contains_key("x-shopify-access-token") || headers.contains_key("authorization") {
        return (StatusCode::BAD_REQUEST, "a token was sent to where the files are").into_response();
    }
    let found = shared.with_shop(&shop, |shop| {
        let operation = shop.bulk.iter().find(|known| known.signature == signature)?;
        Some((operation.lines.clone(), shop.bulk_plan.breaks_after))
    });
    let Some((lines, breaks_after)) = found.flatten() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let Some(sent) = breaks_after.and_then(|after| lines.get(..after)) else {
        return text(&lines).into_response();
    };
    // A moment later, so that what comes before it is sent.
    let broken = async {
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    let parts = futures::stream::iter([Ok(text(sent))]).chain(futures::stream::once(broken));
    Body::from_stream(parts).into_response()
}
