//! Orders and customers: planted as bodies of webhooks, listed as the Admin API lists them (reference §12.4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::graph;
use super::graphql::{Call, Ran};
use super::selection::{Field, project};
use super::shop::Shop;

/// The most points that one call may ask for (reference §7.1).
pub(crate) const COST_MAX: u32 = 1_000;

/// The bodies by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    /// Bodies of `orders/updated`.
    pub orders: BTreeMap<String, Value>,
    /// Bodies of `customers/update`.
    pub customers: BTreeMap<String, Value>,
}

impl Bodies {
    /// Keeps the body of a webhook about an order in place of what was known of it; false if it is none.
    pub fn plant_order(&mut self, body: &[u8]) -> bool {
        plant(&mut self.orders, body)
    }

    /// Keeps the body of a webhook about a customer, likewise.
    pub fn plant_customer(&mut self, body: &[u8]) -> bool {
        plant(&mut self.customers, body)
    }

    /// The nodes of a root field that a search finds, the longest unchanged first. A search that is not
    /// understood finds everything.
    pub(crate) fn found(&self, root: &str, search: &str) -> Vec<(DateTime<Utc>, Value)> {
        let (bodies, node): (_, fn(&Value) -> Value) = match root {
            "orders" => (&self.orders, graph::order),
            _ => (&self.customers, graph::customer),
        };
        let changed = bodies.values().map(|body| (graph::updated_at(body).unwrap_or_default(), body));
        let fits = |at: DateTime<Utc>| search.split(" AND ").all(|term| fits(term, at));
        let mut found: Vec<_> =
            changed.filter(|(at, _)| fits(*at)).map(|(at, body)| (at, node(body))).collect();
        found.sort_by_key(|(at, node)| (*at, node["id"].to_string()));
        found
    }
}

fn plant(bodies: &mut BTreeMap<String, Value>, body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    match body.get("id") {
        Some(Value::Number(id)) => bodies.insert(id.to_string(), body.clone()),
        Some(Value::String(id)) => bodies.insert(id.clone(), body.clone()),
        _ => return false,
    };
    true
}

/// `updated_at:>='2026-11-20T00:00:00Z'`.
fn fits(term: &str, at: DateTime<Utc>) -> bool {
    let Some(("updated_at", range)) = term.trim().split_once(':') else { return true };
    let operator: String = range.chars().take_while(|c| matches!(c, '<' | '>' | '=')).collect();
    let instant = range.get(operator.len()..).unwrap_or_default().trim_matches('\'');
    let Ok(limit) = instant.parse::<DateTime<Utc>>() else { return true };
    match operator.as_str() {
        ">=" => at >= limit,
        ">" => at > limit,
        "<=" => at <= limit,
        "<" => at < limit,
        _ => at == limit,
    }
}

/// Answers one of the root fields of listing.
pub(crate) fn list(shop: &Shop, call: &Call) -> Ran {
    let Some(root) = call.selected.first() else { return undefined("", call.root) };
    let argument = |name: &str| root.argument(name, &call.variables).and_then(Value::as_str);
    let id = argument("id").unwrap_or_default();
    let number = id.rsplit('/').next().unwrap_or_default();
    let value = match call.root {
        "order" => shop.bodies.orders.get(number).map(graph::order),
        "refund" => refund(shop, id),
        "orders" if argument("sortKey") != Some("UPDATED_AT") => return undefined("sortKey", call.root),
        _ => Some(page(shop, call, root)),
    };
    match value.map(|value| project(&value, &root.fields, &call.variables)) {
        None => Ran::Value(Value::Null, 1),
        Some(Ok(value)) => {
            let nodes = value.get("nodes").and_then(Value::as_array).map_or(1, Vec::len);
            // What was found is cheaper than what was asked for; by how much was not seen.
            let used = root.cost(&call.variables).min(2 + 20 * u32::try_from(nodes).unwrap_or(u32::MAX / 20));
            Ran::Value(value, used)
        }
        Some(Err(field)) => undefined(&field, call.root),
    }
}

/// A page, whose cursor names the last one on it: what is changed meanwhile moves to the end.
fn page(shop: &Shop, call: &Call, root: &Field) -> Value {
    let search = root.argument("query", &call.variables).and_then(Value::as_str).unwrap_or_default();
    let place = |at: &DateTime<Utc>, node: &Value| format!("{}|{}", at.timestamp(), node["id"]);
    let mut found = shop.bodies.found(call.root, search);
    if let Some(after) = root.argument("after", &call.variables).and_then(Value::as_str) {
        let (at, id) = after.split_once('|').unwrap_or_default();
        let at: i64 = at.parse().unwrap_or_default();
        found.retain(|(changed, node)| (changed.timestamp(), node["id"].to_string().as_str()) > (at, id));
    }
    let first = root.first(&call.variables).unwrap_or(0).min(250);
    let more = found.len() > first;
    found.truncate(first);
    let end = found.last().map(|(at, node)| place(at, node));
    let nodes: Vec<Value> = found.into_iter().map(|(_, node)| node).collect();
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": more, "endCursor": end } })
}

fn refund(shop: &Shop, id: &str) -> Option<Value> {
    let orders = shop.bodies.orders.values().map(graph::order);
    orders
        .filter_map(|order| order.get("refunds")?.as_array().cloned())
        .flatten()
        .find(|node| node["id"] == id)
}

/// A document that does not fit: nothing ran.
pub(crate) fn undefined(field: &str, root: &str) -> Ran {
    Ran::Invalid(json!({
        "message": format!("Field '{field}' doesn't exist below '{root}'"),
        "extensions": { "code": "undefinedField", "fieldName": field },
    }))
}
