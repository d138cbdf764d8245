//! What is wrong with a request, in the API's words as far as they are known (reference 1.2 to 1.5, 1.12, 1.13, 9).

mod blocks;
mod fields;
mod messages;
mod pairing;
mod schema;
mod tools;

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::profile::Profile;

/// Why a request is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) kind: Cow<'static, str>,
    pub(super) message: String,
}

/// Nothing, or why not.
pub(super) type Checked = Result<(), Refusal>;

/// Bodies are no larger, in bytes.
pub(super) const BODY_MAX: usize = 32 * 1024 * 1024;

impl Refusal {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind: Cow::Borrowed(kind), message: message.into() }
    }
}

/// 400 with this text.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "invalid_request_error", message)
}

/// Fails with 400 and this text unless `is_right`.
fn require(is_right: bool, message: impl FnOnce() -> String) -> Checked {
    if is_right { Ok(()) } else { Err(invalid(message())) }
}

/// Whether fields are all among those that are known.
fn only(fields: &Map<String, Value>, known: &[&str], path: &str) -> Checked {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) if path.is_empty() => Err(invalid(format!("{name}: Extra inputs are not permitted"))),
        Some(name) => Err(invalid(format!("{path}.{name}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

/// What the headers must say before a body is looked at. `key`: the only one that is good, if there is but one.
pub(super) fn headers(headers: &HeaderMap, key: Option<&str>) -> Checked {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let unauthorized = |message: &str| Refusal::new(401, "authentication_error", message);
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let shown = match (text("x-api-key"), bearer) {
        (Some(_), Some(_)) => {
            return Err(unauthorized("only one of x-api-key and authorization may be given"));
        }
        (Some(shown), None) | (None, Some(shown)) => shown,
        (None, None) => return Err(unauthorized("x-api-key header is required")),
    };
    if shown.trim().is_empty() || key.is_some_and(|key| key != shown) {
        return Err(unauthorized("invalid x-api-key"));
    }
    match text("anthropic-version") {
        Some("2023-06-01" | "2023-01-01") => {}
        Some(other) => return Err(invalid(format!("anthropic-version: \"{other}\" is not a valid version"))),
        None => return Err(invalid("anthropic-version: header is required")),
    }
    let known = ["interleaved-thinking-2025-05-14", "structured-outputs-2025-11-13"];
    for value in headers.get_all("anthropic-beta") {
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            require(known.contains(&name), || {
                format!("Unexpected value(s) `{name}` for the `anthropic-beta` header")
            })?;
        }
    }
    Ok(())
}

/// The same for what comes with a body.
pub(super) fn content_type(headers: &HeaderMap) -> Checked {
    let shown = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = shown.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    require(is_json, || "Content-Type must be application/json".to_owned())
}

/// A body as an object.
pub(super) fn body(bytes: &[u8]) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|error| invalid(format!("The request body is not valid JSON: {error}")))?;
    require(body.is_object(), || "Input should be a valid dictionary".to_owned())?;
    Ok(body)
}

/// The model that is asked for.
pub(super) fn model(body: &Value) -> Result<&str, Refusal> {
    match body.get("model") {
        None => Err(invalid("model: Field required")),
        Some(Value::String(model)) if !model.is_empty() => Ok(model),
        Some(_) => Err(invalid("model: Input should be a valid string")),
    }
}

/// Whether an assistant's content was answered by this server, so that there may be things in it that nobody else knows.
type Known<'a> = dyn Fn(&Value) -> bool + 'a;

/// All that a body can break by itself. `counting`: it is to be counted, and not to be answered.
pub(super) fn check(body: &Value, profile: &Profile, counting: bool, known: &Known<'_>) -> Checked {
    let empty = Map::new();
    let body = body.as_object().unwrap_or(&empty);
    fields::check(body, profile, counting)?;
    tools::check(body, profile)?;
    messages::check(body, profile, known)?;
    pairing::check(body)?;
    blocks::markers(body)
}
