//! What people did, as it is read by people: to what, and what it was before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tradeup_store::audit::{self, ActFilter, ActView};
use tradeup_store::{Pool, TenantId, Tx, tenants};
use uuid::Uuid;

use super::when::When;
use crate::failure::Failure;

/// Acts of a page.
const ACTS: i64 = 100;
/// Of a list, so many are named.
const NAMED_MAX: usize = 3;

/// One thing that an act says of its subject.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// What it was before, of what was changed.
    pub(crate) before: Option<String>,
    pub(crate) text: String,
    /// The page about it.
    pub(crate) page: Option<String>,
}

/// An act.
#[derive(Debug)]
pub(crate) struct Acted {
    pub(crate) at: When,
    pub(crate) actor: String,
    pub(crate) act: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) reason: Option<String>,
}

/// A page of acts, newest first.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(crate) acts: Vec<Acted>,
    /// What the next page begins behind.
    pub(crate) next: Option<Uuid>,
}

impl Acts {
    pub(crate) async fn read(pool: &Pool, filter: &ActFilter) -> Result<Self, Failure> {
        let found = audit::list(pool, filter, ACTS).await?;
        let is_full = i64::try_from(found.len()) == Ok(ACTS);
        let next = found.last().filter(|_| is_full).map(|act| act.id);
        let mut handles = BTreeMap::new();
        let mut tx = Tx::of_engine(pool).await?;
        let numbers: BTreeSet<i64> =
            found.iter().filter_map(|act| act.subject.get("tenant_id").and_then(Value::as_i64)).collect();
        for number in numbers {
            if let Some(tenant) = tenants::by_id(&mut tx, TenantId(number)).await? {
                handles.insert(number, tenant.handle);
            }
        }
        tx.rollback().await?;
        let acts = found.into_iter().map(|act| Acted::of(act, &handles)).collect();
        Ok(Self { acts, next })
    }
}

impl Acted {
    fn of(act: ActView, handles: &BTreeMap<i64, String>) -> Self {
        Self {
            at: When(act.at),
            actor: act.actor,
            parts: parts(&act.subject, handles),
            act: act.act,
            reason: act.reason,
        }
    }
}

/// What is said of a subject; nothing of what is not set.
fn parts(subject: &Value, handles: &BTreeMap<i64, String>) -> Vec<Part> {
    let Value::Object(fields) = subject else {
        let text = text(subject);
        return vec![Part { name: String::new(), before: None, text, page: None }];
    };
    let mut parts = Vec::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let part = |name: &str, text: String, page: Option<String>| Part {
            name: name.replace('_', " "),
            before: None,
            text,
            page,
        };
        match (name.as_str(), value) {
            ("before", Value::Object(_)) if fields.get("after").is_some_and(Value::is_object) => {}
            ("after", Value::Object(after)) if fields.get("before").is_some_and(Value::is_object) => {
                let before = fields.get("before").and_then(Value::as_object);
                parts.extend(before.into_iter().flat_map(|before| changes(before, after)));
            }
            ("tenant_id", _) => {
                let handle = value.as_i64().and_then(|number| handles.get(&number));
                let text = handle.cloned().unwrap_or_else(|| text(value));
                parts.push(part("shop", text, handle.map(|handle| format!("/shops/{handle}"))));
            }
            (_, Value::String(said)) => {
                let (shown, page) = match name.as_str() {
                    "tenant" => ("shop", Some(format!("/shops/{said}"))),
                    "run" | "run_id" => ("run", Some(format!("/runs/{said}"))),
                    "task" => ("task", Some(format!("/tasks/{said}"))),
                    "schedule" => ("schedule", Some(format!("/schedules/{said}"))),
                    "bulk_act" => ("bulk act", Some(format!("/bulk-acts/{said}"))),
                    other => (other, None),
                };
                // Only what can stand in an address.
                let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
                parts.push(part(shown, said.clone(), page.filter(|_| said.chars().all(is_plain))));
            }
            _ => parts.push(part(name, text(value), None)),
        }
    }
    parts
}

/// Fields that differ.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Part> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |fields: &Map<String, Value>, name: &str| fields.get(name).cloned().unwrap_or_default();
    let differing = names.into_iter().filter(|name| of(before, name) != of(after, name));
    differing
        .map(|name| Part {
            name: name.replace('_', " "),
            before: Some(text(&of(before, name))),
            text: text(&of(after, name)),
            page: None,
        })
        .collect()
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(all) => {
            let named: Vec<String> = all.iter().take(NAMED_MAX).map(text).collect();
            match all.len().saturating_sub(NAMED_MAX) {
                _ if all.is_empty() => "none".to_owned(),
                0 => named.join(", "),
                more => format!("{} and {more} more", named.join(", ")),
            }
        }
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            let said: Vec<String> =
                said.map(|(name, value)| format!("{} {}", name.replace('_', " "), text(value))).collect();
            said.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(subject: &Value) -> Vec<String> {
        let handles = BTreeMap::from([(1, "aurora".to_owned())]);
        let said = |part: Part| {
            let before = part.before.map(|before| format!("{before} > ")).unwrap_or_default();
            let page = part.page.map(|page| format!(" ({page})")).unwrap_or_default();
            format!("{}: {before}{}{page}", part.name, part.text)
        };
        parts(subject, &handles).into_iter().map(said).collect()
    }

    #[test]
    fn what_was_changed_is_told_with_what_it_was() {
        let changed = json!({ "tenant_id": 1, "task": null, "before": { "cron": "0 6 * * *", "zone": "UTC" },
            "after": { "cron": "0 7 * * *", "zone": "UTC", "spread": null } });
        assert_eq!(told(&changed), ["cron: 0 6 * * * > 0 7 * * *", "shop: aurora (/shops/aurora)"]);
        let set = json!({ "limit": { "a_minute": 5, "at_once": null }, "on": true, "tenant_id": 9 });
        assert_eq!(told(&set), ["limit: a minute 5", "on: yes", "shop: 9"]);
    }

    #[test]
    fn lists_are_cut_and_only_plain_names_lead_anywhere() {
        let many = json!({ "dead_letters": ["a", "b", "c", "d", "e"], "run": "0197-aa", "task": "a/../b" });
        assert_eq!(
            told(&many),
            ["dead letters: a, b, c and 2 more", "run: 0197-aa (/runs/0197-aa)", "task: a/../b"]
        );
        assert_eq!(told(&json!("all")), [": all"]);
        assert_eq!(told(&json!({ "runs": [] })), ["runs: none"]);
    }
}
