//! What endpoints are told.
//!
//! What there is to say of each event is written by the database, in the transaction of what it is about, and stands in
//! docs/endpoints.md. Money is in minor units with its currency beside it. Of a person there is the customer's id only.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A member got credit.
    CreditIssued,
    /// Credit of a member ends soon.
    CreditExpiring,
    /// Credit of a member has ended.
    CreditExpired,
    /// A plan waits for somebody to look at it.
    PlanReady,
    /// A test of the endpoint. Nothing has happened.
    Ping,
}

/// A text that is no [`EventType`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event type {given:?} is none of {}", EventType::ALL.map(EventType::as_str).join(", "))]
pub struct UnknownEventType {
    /// What was given, cut to 40 characters.
    pub given: String,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::CreditIssued, Self::CreditExpiring, Self::CreditExpired, Self::PlanReady, Self::Ping];
    /// Those that an endpoint can ask for. A ping goes to whichever is tested.
    pub const OFFERED: [Self; 4] =
        [Self::CreditIssued, Self::CreditExpiring, Self::CreditExpired, Self::PlanReady];

    /// As it is on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreditIssued => "credit.issued",
            Self::CreditExpiring => "credit.expiring",
            Self::CreditExpired => "credit.expired",
            Self::PlanReady => "plan.ready",
            Self::Ping => "ping",
        }
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|event| event.as_str() == text);
        found.ok_or_else(|| UnknownEventType { given: text.chars().take(40).collect() })
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body that tells of an event: compact JSON, the same bytes for the same event. `happened_at` is when it happened,
/// which no later try changes.
#[must_use]
pub fn body(event: &str, happened_at: DateTime<Utc>, data: &Value) -> Vec<u8> {
    let (event, timestamp) = (json!(event), json!(happened_at.to_rfc3339_opts(SecondsFormat::Millis, true)));
    format!(r#"{{"type":{event},"timestamp":{timestamp},"data":{data}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_these_bytes() {
        let at = "2026-11-28T04:30:05.123456Z".parse().unwrap();
        let data = json!({ "currency": "USD", "amount_minor": 1500, "expires_at": null });
        let bytes = br#"{"type":"credit.issued","timestamp":"2026-11-28T04:30:05.123Z","data":{"amount_minor":1500,"currency":"USD","expires_at":null}}"#;
        assert_eq!(body("credit.issued", at, &data), bytes);
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        for event in EventType::ALL {
            assert_eq!(event.as_str().parse(), Ok(event));
            // What Standard Webhooks recommend.
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            assert!(event.to_string().chars().all(allowed));
            assert_eq!(EventType::OFFERED.contains(&event), event != EventType::Ping);
        }
        let error = "credit.burnt".parse::<EventType>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "event type \"credit.burnt\" is none of credit.issued, credit.expiring, credit.expired, plan.ready, ping"
        );
    }
}
