//! Payloads as people read and edit them: protobuf's JSON form, by the name of the message.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

use crate::{DESCRIPTORS, Message as _};

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// Why a payload can't be shown or read as JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// No message of this name.
    #[error("there is no message {0}")]
    UnknownMessage(String),
    /// The bytes are no such message.
    #[error("no {message}: {reason}")]
    Decode {
        /// Full name of the message.
        message: String,
        /// What is wrong.
        reason: String,
    },
    /// The JSON is no such message.
    #[error("{reason}; the fields of {message} are {fields}")]
    Read {
        /// Full name of the message.
        message: String,
        /// What is wrong, with line and column.
        reason: String,
        /// The fields that there are.
        fields: String,
    },
}

pub(crate) fn descriptor(message: &str) -> Result<MessageDescriptor, JsonError> {
    let found = POOL.as_ref().and_then(|pool| pool.get_message_by_name(message));
    found.ok_or_else(|| JsonError::UnknownMessage(message.to_owned()))
}

/// An encoded `message` (full name, like `tradeup.v1.MonthlyCredits`) as JSON, fields named as in the
/// `.proto` file.
///
/// # Errors
/// [`JsonError`].
pub fn from_bytes(message: &str, bytes: &[u8]) -> Result<Value, JsonError> {
    let fail = |reason: String| JsonError::Decode { message: message.to_owned(), reason };
    let decoded =
        DynamicMessage::decode(descriptor(message)?, bytes).map_err(|error| fail(error.to_string()))?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    decoded
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| fail(error.to_string()))
}

/// JSON as an encoded `message`. Unknown fields are refused.
///
/// # Errors
/// [`JsonError`].
pub fn to_bytes(message: &str, json: &str) -> Result<Vec<u8>, JsonError> {
    let descriptor = descriptor(message)?;
    let fields = descriptor.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(", ");
    let fail =
        |reason: String| JsonError::Read { message: message.to_owned(), reason, fields: fields.clone() };
    let mut reader = serde_json::Deserializer::from_str(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let read = DynamicMessage::deserialize_with_options(descriptor, &mut reader, &options)
        .map_err(|error| fail(error.to_string()))?;
    reader.end().map_err(|error| fail(error.to_string()))?;
    Ok(read.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    const MESSAGE: &str = "tradeup.v1.MonthlyCredits";

    #[test]
    fn a_payload_survives_being_shown_and_read() {
        let at = prost_types::Timestamp { seconds: 1_793_512_800, nanos: 0 };
        let input =
            v1::MonthlyCredits { period: "2026-11".to_owned(), as_of: Some(at), ..Default::default() };
        let json = from_bytes(MESSAGE, &input.encode_to_vec()).unwrap();
        assert_eq!(json["period"], "2026-11");
        assert_eq!(json["as_of"], "2026-11-01T06:00:00Z");
        assert_eq!(to_bytes(MESSAGE, &json.to_string()).unwrap(), input.encode_to_vec());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = to_bytes(MESSAGE, r#"{"periode": "2026-11"}"#).unwrap_err().to_string();
        assert!(
            error.contains("periode") && error.contains("period, as_of, issued_at, spread_ms"),
            "{error}"
        );
        assert!(to_bytes(MESSAGE, "{} {}").is_err());
        assert_eq!(to_bytes("x.Y", "{}"), Err(JsonError::UnknownMessage("x.Y".to_owned())));
    }
}
