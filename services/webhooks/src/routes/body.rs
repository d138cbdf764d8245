//! Reading bodies. An error names the field and the fix, and repeats no value: bodies hold personal data.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::error::Category;
use tradeup_domain::GrantError;
use tradeup_domain::spend::SpendError;
use tradeup_proto::subject::SubjectError;
use tradeup_proto::{ConvertError, Message, Name, v1};

/// Longest name of an unknown field that is repeated, in characters.
const NAME_MAX: usize = 60;

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BodyError(String);

impl BodyError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<ConvertError> for BodyError {
    fn from(error: ConvertError) -> Self {
        Self(error.to_string())
    }
}

impl From<GrantError> for BodyError {
    fn from(error: GrantError) -> Self {
        Self(error.to_string())
    }
}

impl From<SpendError> for BodyError {
    fn from(error: SpendError) -> Self {
        Self(error.to_string())
    }
}

impl From<SubjectError> for BodyError {
    fn from(error: SubjectError) -> Self {
        Self(error.to_string())
    }
}

/// An amount of a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object like {\"amount_minor\": 500, \"currency\": \"USD\"}")]
pub(crate) struct Amount {
    #[serde(deserialize_with = "whole_number")]
    amount_minor: i64,
    currency: String,
}

impl From<Amount> for v1::Money {
    fn from(amount: Amount) -> Self {
        Self { amount_minor: amount.amount_minor, currency: amount.currency }
    }
}

/// A whole number of minor units, with words of our own for what is expected.
pub(super) fn whole_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    whole(deserializer, "a whole number of minor units, 500 for 5.00 USD")
}

/// A whole number of days or points.
pub(super) fn small_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let number = whole(deserializer, "a whole number")?;
    // Too large or too small either way.
    Ok(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
}

/// A whole number of seconds, if there is one.
pub(crate) fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    whole(deserializer, "a whole number of seconds, 3600 for an hour").map(Some)
}

fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D, what: &'static str) -> Result<i64, D::Error> {
    struct Visitor(&'static str);
    impl serde::de::Visitor<'_> for Visitor {
        type Value = i64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
        fn visit_i64<E>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }
        fn visit_u64<E>(self, value: u64) -> Result<i64, E> {
            // Too large either way.
            Ok(i64::try_from(value).unwrap_or(i64::MAX))
        }
    }
    deserializer.deserialize_i64(Visitor(what))
}

/// Reads an instant; the error says what to give instead.
pub(super) fn instant(field: &str, text: &str, or: &str) -> Result<DateTime<Utc>, BodyError> {
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_given| {
        BodyError::new(format!("field {field} is no instant; write it like 2027-03-01T00:00:00Z, {or}"))
    })
}

/// Reads a JSON body.
pub(crate) fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    reader.end().map_err(|error| explain(".", &error))?;
    Ok(read)
}

/// Reads a protobuf body.
pub(crate) fn protobuf<T: Message + Default + Name>(body: &[u8]) -> Result<T, BodyError> {
    // What the decoder says names fields and wire types, no values.
    T::decode(body).map_err(|error| {
        BodyError(format!(
            "the body is no {}: {error}; or is it JSON, and its Content-Type wrong?",
            T::full_name()
        ))
    })
}

/// An error of the reader without the value that it stumbled over.
fn explain(path: &str, error: &serde_json::Error) -> BodyError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.classify() != Category::Data {
        return BodyError(format!(
            "the body is no JSON, see {place}; or is it protobuf, and its Content-Type missing?"
        ));
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _place)| text);
    let quoted = |text: &str| -> String {
        text.split('`').nth(1).unwrap_or_default().chars().take(NAME_MAX).collect()
    };
    let parent = path.rsplit_once('.').map(|(parent, _)| format!("{parent}.")).unwrap_or_default();
    let within = if path == "." { String::new() } else { format!("{path}.") };
    BodyError(if text.starts_with("missing field") {
        format!("field {within}{} is missing", quoted(text))
    } else if text.starts_with("unknown field") {
        let known = text.split_once(", expected ").map_or("", |(_, known)| known);
        format!(
            "field {parent}{} is unknown; there are {}",
            quoted(text),
            known.trim_start_matches("one of ")
        )
    } else if text.starts_with("duplicate field") {
        format!("field {within}{} is there twice; give it once", quoted(text))
    } else {
        // "invalid type: <the value>, expected <what we say>"
        let expected = text.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected);
        let field = if path == "." { "the body".to_owned() } else { format!("field {path}") };
        format!("{field} is wrong; give {expected} ({place})")
    })
}
