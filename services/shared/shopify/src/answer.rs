//! From what came back over HTTP to a result or an error: the place where it is decided whether a
//! mutation can have taken effect.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::error::ShopifyError;
use crate::operation::Operation;
use crate::privacy::scrub;

/// What came back, unread.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    /// `X-Request-Id`.
    pub(crate) request_id: Option<String>,
    /// `Retry-After`, in seconds, as text.
    pub(crate) retry_after: Option<String>,
    /// `X-Shopify-API-Version`.
    pub(crate) version: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// `extensions.cost`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    pub(crate) requested_query_cost: f64,
    pub(crate) actual_query_cost: Option<f64>,
    pub(crate) throttle_status: ThrottleStatus,
}

/// The state of the shop's bucket when the answer was made, in points and points a second.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    pub(crate) maximum_available: f64,
    pub(crate) currently_available: f64,
    pub(crate) restore_rate: f64,
}

/// What an answer says: the root field's value (null included), or why there is none.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) result: Result<Value, Failure>,
    pub(crate) cost: Option<Cost>,
}

/// A failure, with throttling apart from the rest as the client answers it by itself.
#[derive(Debug)]
pub(crate) enum Failure {
    /// `THROTTLED`: nothing ran.
    Throttled,
    /// Anything else.
    Error(ShopifyError),
}

/// The longest wait that a `Retry-After` may ask for.
const RETRY_AFTER_MAX_S: f64 = 3600.0;

/// Reads an answer to `operation`.
pub(crate) fn read(operation: Operation, raw: &RawAnswer) -> Reading {
    let failed = |error| Reading { result: Err(Failure::Error(error)), cost: None };
    let body: Option<Value> = serde_json::from_slice(&raw.body).ok();
    if raw.status != 200 {
        return failed(of_status(operation, raw, body.as_ref()));
    }
    let Some(body) = body else {
        return failed(lost(operation, raw, "status 200 with a body that is no JSON, or only a part of one"));
    };
    let cost = body.pointer("/extensions/cost").and_then(|cost| Cost::deserialize(cost).ok());
    Reading { result: root_value(operation, raw, body), cost }
}

/// No clear answer: an unknown outcome if money may have moved, else simply no answer.
pub(crate) fn no_clear_answer(
    operation: Operation,
    reason: String,
    request_id: Option<String>,
) -> ShopifyError {
    if operation.moves_money() {
        ShopifyError::OutcomeUnknown { reason, request_id }
    } else {
        ShopifyError::Unanswered { reason }
    }
}

fn lost(operation: Operation, raw: &RawAnswer, reason: impl Into<String>) -> ShopifyError {
    no_clear_answer(operation, reason.into(), raw.request_id.clone())
}

/// Statuses other than 200 (Shopify reference §7.2). Only those that say by themselves that nothing ran
/// are trusted to.
fn of_status(operation: Operation, raw: &RawAnswer, body: Option<&Value>) -> ShopifyError {
    match raw.status {
        301 | 302 | 303 | 307 | 308 | 404 => ShopifyError::Gone,
        400 => ShopifyError::InvalidRequest { code: "400".to_owned(), message: error_text(body) },
        401 => ShopifyError::Unauthorized,
        402 => ShopifyError::Frozen,
        403 => ShopifyError::Forbidden { message: error_text(body) },
        423 => ShopifyError::Locked,
        429 => ShopifyError::TooManyRequests { retry_after: retry_after(raw.retry_after.as_deref()) },
        430 => ShopifyError::Blocked,
        status => lost(operation, raw, format!("status {status}")),
    }
}

/// Seconds, whole or not: Shopify sends "2.0".
pub(crate) fn retry_after(text: Option<&str>) -> Option<Duration> {
    let seconds = text?.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    Duration::try_from_secs_f64(seconds.min(RETRY_AFTER_MAX_S)).ok()
}

/// `{"errors": "text"}` and `{"errors": [{"message": "text"}]}` alike.
fn error_text(body: Option<&Value>) -> String {
    let errors = body.and_then(|body| body.get("errors"));
    let text = match errors {
        Some(Value::String(text)) => text,
        Some(Value::Array(list)) => list.first().map(message_of).unwrap_or_default(),
        _ => "",
    };
    if text.is_empty() { "no reason given".to_owned() } else { scrub(text) }
}

fn message_of(error: &Value) -> &str {
    error.get("message").and_then(Value::as_str).unwrap_or_default()
}

fn root_value(operation: Operation, raw: &RawAnswer, mut body: Value) -> Result<Value, Failure> {
    match body.get("errors") {
        None | Some(Value::Null) => {}
        Some(Value::Array(errors)) if errors.is_empty() => {}
        Some(Value::Array(errors)) => {
            // What a mutation answers beside its errors is what it has done: that decides.
            let done = operation.moves_money()
                && body.pointer(&format!("/data/{}", operation.root())).is_some_and(|root| !root.is_null());
            if !done {
                return Err(of_errors(operation, raw, errors));
            }
        }
        // Shopify's front refuses with a plain text, before GraphQL; with status 200 that was not seen.
        Some(_) => {
            return Err(Failure::Error(lost(operation, raw, error_text(Some(&body)))));
        }
    }
    match body.get_mut("data").and_then(|data| data.get_mut(operation.root())) {
        Some(root) => Ok(root.take()),
        None => Err(Failure::Error(lost(operation, raw, "an answer without its result"))),
    }
}

fn path_length(error: &Value) -> usize {
    error.get("path").and_then(Value::as_array).map_or(0, Vec::len)
}

/// GraphQL errors (§7.2). The first whose code is known decides; for a mutation, a code that is not
/// known to stop before anything runs leaves the outcome unknown.
fn of_errors(operation: Operation, raw: &RawAnswer, errors: &[Value]) -> Failure {
    let Some(first) = errors.iter().find(|error| !code_of(error).is_empty()).or(errors.first()) else {
        return Failure::Error(lost(operation, raw, "an empty list of errors"));
    };
    let (code, message) = (code_of(first), scrub(message_of(first)));
    // The booking may have been made when the error is of something below the root.
    if operation.moves_money() && errors.iter().any(|error| path_length(error) > 1) {
        return Failure::Error(lost(operation, raw, format!("error inside the result: {code} {message}")));
    }
    Failure::Error(match code {
        "THROTTLED" => return Failure::Throttled,
        "ACCESS_DENIED" => {
            let required = first.pointer("/extensions/requiredAccess").and_then(Value::as_str);
            ShopifyError::AccessDenied { required: scrub(required.unwrap_or(&message)) }
        }
        "SHOP_INACTIVE" => ShopifyError::Frozen,
        _ if stops_before_running(code) => ShopifyError::InvalidRequest { code: code.to_owned(), message },
        _ => lost(operation, raw, format!("error {} {message}", scrub(code))),
    })
}

/// Codes with which nothing has run: of Shopify (§7.2), and those with which the GraphQL library that
/// Shopify uses refuses a document before running it (graphql-ruby, static validation).
fn stops_before_running(code: &str) -> bool {
    matches!(
        code,
        "INVALID_VARIABLE"
            | "CURRENCY_CODE_INVALID"
            | "BAD_REQUEST"
            | "NOT_FOUND"
            | "MAX_COST_EXCEEDED"
            | "undefinedField"
            | "undefinedType"
            | "argumentNotAccepted"
            | "argumentLiteralsIncompatible"
            | "missingRequiredArguments"
            | "variableMismatch"
            | "variableNotDefined"
            | "variableNotUsed"
            | "selectionMismatch"
    )
}

fn code_of(error: &Value) -> &str {
    error.pointer("/extensions/code").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: &Value) -> RawAnswer {
        RawAnswer {
            status,
            request_id: None,
            retry_after: None,
            version: None,
            body: body.to_string().into_bytes(),
        }
    }

    fn error(operation: Operation, raw: &RawAnswer) -> ShopifyError {
        match read(operation, raw).result {
            Err(Failure::Error(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_statuses_that_say_so_mean_that_nothing_ran() {
        for status in [201_u16, 204, 408, 409, 422, 500, 502, 503, 504, 520, 524, 599] {
            let raw = answer(status, &json!({"errors": "x"}));
            assert!(!error(Operation::Credit, &raw).certainly_not_applied(), "{status}");
            assert!(matches!(error(Operation::Shop, &raw), ShopifyError::Unanswered { .. }), "{status}");
        }
        for status in [301_u16, 400, 401, 402, 403, 404, 423, 429, 430] {
            let raw = answer(status, &json!({"errors": [{"message": "x"}]}));
            assert!(error(Operation::Credit, &raw).certainly_not_applied(), "{status}");
        }
    }

    #[test]
    fn text_and_list_of_errors_are_both_read() {
        let text = answer(403, &json!({"errors": "no for a@b.example"}));
        let expected = ShopifyError::Forbidden { message: "no for [removed]".to_owned() };
        assert_eq!(error(Operation::Debit, &text), expected);
        let list = answer(403, &json!({"errors": [{"message": "no for a@b.example"}]}));
        assert_eq!(error(Operation::Debit, &list), expected);
    }

    #[test]
    fn an_error_below_the_root_of_a_mutation_never_says_that_nothing_ran() {
        let below = json!({
            "errors": [{"message": "Access denied for account field.", "extensions": {"code": "ACCESS_DENIED"},
                "path": ["storeCreditAccountCredit", "storeCreditAccountTransaction", "account"]}],
            "data": {"storeCreditAccountCredit": null},
        });
        assert!(!error(Operation::Credit, &answer(200, &below)).certainly_not_applied());
        let mut partly = below;
        partly["data"]["storeCreditAccountCredit"] =
            json!({"storeCreditAccountTransaction": {"account": null}});
        assert!(read(Operation::Credit, &answer(200, &partly)).result.is_ok());
        // Errors of any kind beside a booking don't take it back.
        partly["errors"] = json!([{"message": "x", "extensions": {"code": "INVALID_VARIABLE"}}]);
        assert!(read(Operation::Credit, &answer(200, &partly)).result.is_ok());
    }

    #[test]
    fn half_a_reading_is_none() {
        let partly = |code: &str| {
            json!({
                "errors": [{"message": "m", "extensions": {"code": code}, "path": ["customer", "storeCreditAccounts"]}],
                "data": {"customer": {"id": "gid://shopify/Customer/1", "storeCreditAccounts": null}},
            })
        };
        let denied = error(Operation::Accounts, &answer(200, &partly("ACCESS_DENIED")));
        assert!(matches!(denied, ShopifyError::AccessDenied { .. }), "{denied}");
        let failed = error(Operation::Accounts, &answer(200, &partly("INTERNAL_SERVER_ERROR")));
        assert!(matches!(failed, ShopifyError::Unanswered { .. }), "{failed}");
    }

    #[test]
    fn unknown_codes_leave_a_mutation_unknown() {
        for code in ["INTERNAL_SERVER_ERROR", "TIMEOUT", "SOMETHING_NEW", ""] {
            let body = json!({"errors": [{"message": "Internal error", "extensions": {"code": code}}]});
            assert!(!error(Operation::Debit, &answer(200, &body)).certainly_not_applied(), "{code}");
        }
        for body in [json!({}), json!({"data": null}), json!({"data": {}}), json!([]), json!({"errors": "x"})]
        {
            assert!(!error(Operation::Debit, &answer(200, &body)).certainly_not_applied(), "{body}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_bounded() {
        assert_eq!(retry_after(Some("2.0")), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(Some("1e12")), Some(Duration::from_secs(3600)));
        for odd in [None, Some("-1"), Some("soon"), Some("NaN")] {
            assert_eq!(retry_after(odd), None);
        }
    }
}
