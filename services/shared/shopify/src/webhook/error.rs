//! Why a webhook's body can't be taken, told without showing any of it.

use serde::Deserialize;
use serde_path_to_error::Segment;
use tradeup_domain::{Class, Classify, ErrorCode};

use super::wire::{EXPECTATIONS, OBJECT, ONCE, Obj};

/// Why a body can't be read. Each says where and what is expected there, and none repeats what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not JSON, or cut off.
    #[error("path $ of the body is no complete JSON: it breaks at line {line}, column {column}")]
    NotJson {
        /// Line, counted from 1.
        line: usize,
        /// Column in bytes.
        column: usize,
    },
    /// Something of another kind than expected, or missing although it is needed.
    #[error("path {path} of the body is not as expected; it has to be {expected}")]
    Field {
        /// Where, like `line_items[3].price`; `$` is the whole body.
        path: String,
        /// What is expected there.
        expected: &'static str,
    },
}

impl WebhookError {
    /// The body of an event is wrong at `path`.
    pub(super) fn field(path: &str, expected: &'static str) -> Self {
        Self::Field { path: path.to_owned(), expected }
    }

    /// The same, seen from outside of the object named `outer`.
    pub(super) fn within(self, outer: &str) -> Self {
        match self {
            Self::Field { path, expected } => Self::Field { path: format!("{outer}.{path}"), expected },
            not_json @ Self::NotJson { .. } => not_json,
        }
    }
}

impl Classify for WebhookError {
    fn class(&self) -> Class {
        Class::Permanent
    }

    fn code(&self) -> ErrorCode {
        ErrorCode::EventBody
    }
}

/// Reads a body that is one JSON object.
pub(super) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, WebhookError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read: Obj<T> = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = path_of(error.path());
        told(error.inner(), path)
    })?;
    json.end().map_err(|error| told(&error, "$".to_owned()))?;
    read.0.ok_or_else(|| WebhookError::field("$", OBJECT))
}

/// What is said of a parser's error. Its own text may hold values, so only what is known beforehand is
/// taken from it.
fn told(error: &serde_json::Error, path: String) -> WebhookError {
    if !error.is_data() {
        return WebhookError::NotJson { line: error.line(), column: error.column() };
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let expected = EXPECTATIONS.into_iter().find(|expected| text.ends_with(expected));
    let expected = match expected {
        Some(expected) => expected,
        None if text.starts_with("duplicate field") => ONCE,
        // The only other reader is the one of lists.
        None => super::wire::LIST,
    };
    WebhookError::Field { path, expected }
}

/// The path as text. Data errors arise only below keys that a decoder knows, so it holds no key of others.
fn path_of(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if text.is_empty() { "$".to_owned() } else { text }
}
