//! What the fields of a message are, for forms that are made from it.

use prost_reflect::{FieldDescriptor, Kind};

use crate::json::{JsonError, descriptor};

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// An instant, like 2026-11-01T06:00:00Z.
    Instant,
    /// One of these.
    Choice(Vec<String>),
    /// Whatever else there is, as JSON.
    Json,
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the `.proto` file.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// What the `.proto` file says of it.
    pub about: String,
}

fn kind(field: &FieldDescriptor) -> FieldKind {
    if field.is_list() || field.is_map() {
        return FieldKind::Json;
    }
    match field.kind() {
        Kind::String => FieldKind::Text,
        Kind::Bool => FieldKind::Flag,
        Kind::Enum(choices) => {
            FieldKind::Choice(choices.values().map(|value| value.name().to_owned()).collect())
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => FieldKind::Instant,
        Kind::Message(_) | Kind::Bytes => FieldKind::Json,
        _ => FieldKind::Number,
    }
}

fn about(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let found = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .and_then(|info| info.location.iter().find(|location| location.path == field.path()));
    let comment = found.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    let mut about = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    if let (FieldKind::Json, Kind::Message(message)) = (kind(field), field.kind()) {
        let names = message.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(", ");
        about = format!("{about} Its fields: {names}.").trim_start().to_owned();
    }
    about
}

/// The fields of a message by its full name, in their order.
///
/// # Errors
/// [`JsonError::UnknownMessage`].
pub fn fields(message: &str) -> Result<Vec<Field>, JsonError> {
    let message = descriptor(message)?;
    let fields = message.fields().map(|field| Field {
        name: field.name().to_owned(),
        kind: kind(&field),
        about: about(&field),
    });
    Ok(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobKind;

    #[test]
    fn a_form_knows_what_each_field_holds_and_what_it_is_for() {
        let fields = fields("tradeup.v1.MonthlyCredits").unwrap();
        let of = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!(of("period").kind, FieldKind::Text);
        assert_eq!(of("as_of").kind, FieldKind::Instant);
        assert_eq!(of("spread_ms").kind, FieldKind::Number);
        assert!(!of("period").about.is_empty(), "{fields:?}");
    }

    #[test]
    fn every_task_has_a_message() {
        for kind in JobKind::ALL {
            fields(kind.input).unwrap();
        }
    }
}
