//! One call to the Admin API: which root field, whether it may run, what it costs (reference §12.1, §12.3).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::bucket::Cost;
use super::listing::{self, COST_MAX};
use super::selection::{self, Field};
use super::shop::{Shop, WRITE_SCOPE};
use super::{bulk, credit, read};

/// The root fields that are known, with the text by which a document is recognised.
const ROOTS: [(&str, &str); 13] = [
    ("bulkOperationRunQuery(", "bulkOperationRunQuery"),
    ("bulkOperation(", "bulkOperation"),
    ("{ orders(", "orders"),
    ("{ customers(", "customers"),
    ("{ order(", "order"),
    ("{ refund(", "refund"),
    ("storeCreditAccountCredit(", "storeCreditAccountCredit"),
    ("storeCreditAccountDebit(", "storeCreditAccountDebit"),
    ("customerByIdentifier(", "customerByIdentifier"),
    ("customer(", "customer"),
    ("storeCreditAccount(", "storeCreditAccount"),
    ("storeCreditConfiguration ", "storeCreditConfiguration"),
    ("shop {", "shop"),
];

/// A request's body.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) root: &'static str,
    pub(crate) document: String,
    pub(crate) variables: Value,
    /// What is selected, for the root fields that are cut down to it.
    pub(crate) selected: Vec<Field>,
}

/// What a root field gave.
pub(crate) enum Ran {
    /// Its value, and what it used.
    Value(Value, u32),
    /// A top-level error with the root null.
    Error(Value),
    /// A top-level error of the variables: neither data nor cost.
    Invalid(Value),
}

/// What else a call needs.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) next_account: &'a mut u64,
    pub(crate) next_transaction: &'a mut u64,
    /// Apply it twice.
    pub(crate) twice: bool,
    /// Answer as if the bucket were empty.
    pub(crate) throttle: bool,
}

impl Call {
    /// Reads a body; on failure the answer to give.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Value> {
        let bad =
            |message: &str| errors(&json!({ "message": message, "extensions": { "code": "BAD_REQUEST" } }));
        let body: Value = serde_json::from_slice(body).map_err(|_no_json| bad("Invalid JSON"))?;
        let document = body.get("query").and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = ROOTS.iter().find(|(text, _)| document.contains(text));
        let Some((_, root)) = found else {
            return Err(errors(&json!({ "message": "Field doesn't exist on type 'QueryRoot'",
                "extensions": { "code": "undefinedField", "typeName": "QueryRoot" } })));
        };
        // Assumed: how an unsupported directive is answered was not seen (reference §12.7).
        if document.contains("@idempotent") {
            return Err(bad("The @idempotent directive is not supported on this field"));
        }
        // Shopify takes amounts in the document too. Clients here must not: numbers travel as variables.
        if document.contains("amount:") {
            return Err(bad("amounts belong into variables"));
        }
        let variables = body.get("variables").cloned().unwrap_or_default();
        let selected = if lists(root) || root.starts_with("bulkOperation") {
            selection::parse(&document).ok_or_else(|| bad("the document is not understood"))?
        } else {
            Vec::new()
        };
        Ok(Self { root, document, variables, selected })
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.variables.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Points asked for before it runs, near the recorded ones (reference §7.1).
    fn asked(&self) -> u32 {
        let first = self.variables.get("first").and_then(Value::as_u64).unwrap_or(10);
        let first = u32::try_from(first.min(250)).unwrap_or(250);
        match self.root {
            "storeCreditAccountCredit" | "storeCreditAccountDebit" => 18,
            "customerByIdentifier" => 5 + 2 * first,
            "customer" => 10 + first,
            "storeCreditAccount" if self.document.contains("transactions(") => 6 + 2 * first,
            "storeCreditAccount" => 2,
            "bulkOperationRunQuery" => 10,
            root if lists(root) => self.selected.iter().map(|field| field.cost(&self.variables)).sum(),
            _ => 1,
        }
    }
}

/// Whether a root field lists orders or customers.
fn lists(root: &str) -> bool {
    matches!(root, "orders" | "customers" | "order" | "refund")
}

/// Answers a call.
pub(crate) fn answer(shop: &mut Shop, call: &Call, around: &mut Surroundings<'_>) -> Value {
    if let Some(invalid) = credit::invalid_variables(call) {
        return errors(&invalid);
    }
    let asked = call.asked();
    if asked > COST_MAX {
        return errors(&json!({ "message": "Query cost exceeds the single query max cost limit.",
            "extensions": { "code": "MAX_COST_EXCEEDED", "cost": asked, "maxCost": COST_MAX } }));
    }
    if around.throttle || !shop.bucket.has(asked, around.now) {
        shop.throttled += 1;
        let throttled = json!({ "message": "Throttled", "extensions": { "code": "THROTTLED",
            "documentation": "https://shopify.dev/api/usage/rate-limits" } });
        return json!({ "errors": [throttled], "extensions": shop.bucket.extensions(asked, None) });
    }
    if let Some(denied) = denied(shop, call) {
        let cost = Cost { asked: 10, used: 10 };
        return with_errors(shop, call.root, &denied, cost);
    }
    let ran = match call.root {
        "storeCreditAccountCredit" => credit::credit(shop, call, around),
        "storeCreditAccountDebit" => credit::debit(shop, call, around),
        "bulkOperationRunQuery" => bulk::start(shop, call),
        "bulkOperation" => bulk::look(shop, call),
        root if lists(root) => listing::list(shop, call),
        _ => read::read(shop, call, around),
    };
    match ran {
        Ran::Value(value, used) => {
            shop.bucket.take(Cost { asked, used });
            json!({ "data": { call.root: value }, "extensions": shop.bucket.extensions(asked, Some(used)) })
        }
        Ran::Error(error) => with_errors(shop, call.root, &error, Cost { asked, used: 10 }),
        Ran::Invalid(error) => errors(&error),
    }
}

fn errors(error: &Value) -> Value {
    json!({ "errors": [error] })
}

fn with_errors(shop: &mut Shop, root: &str, error: &Value, cost: Cost) -> Value {
    shop.bucket.take(cost);
    json!({
        "errors": [error],
        "data": { root: null },
        "extensions": shop.bucket.extensions(cost.asked, Some(cost.used)),
    })
}

/// The error for a scope that is missing.
fn denied(shop: &Shop, call: &Call) -> Option<Value> {
    let scope = match call.root {
        "storeCreditAccountCredit" | "storeCreditAccountDebit" => WRITE_SCOPE,
        "customerByIdentifier" | "customer" | "customers" => "read_customers",
        "orders" | "order" | "refund" => "read_orders",
        "storeCreditAccount" if call.document.contains("transactions(") => {
            "read_store_credit_account_transactions"
        }
        "storeCreditAccount" => "read_store_credit_accounts",
        _ => return None,
    };
    let required = format!("`{scope}` access scope.");
    (!shop.scopes.contains(scope)).then(|| {
        json!({
            "message": format!("Access denied for {} field. Required access: {required}", call.root),
            "locations": [{ "line": 1, "column": 88 }],
            "extensions": { "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes", "requiredAccess": required },
            "path": [call.root],
        })
    })
}
