//! What schemas may hold: a little for all, much less for those that bind the model (reference 1.12).

use serde_json::{Map, Value};

use super::{Checked, Refusal, invalid, require};

/// What is counted over all binding schemas of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Properties that need not be there.
    pub(super) optional: usize,
    /// Places with several types.
    pub(super) unions: usize,
}

/// Words that a binding schema may have. None of them bounds a number, a length or a count.
const STRICT: [&str; 18] = [
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// Checks the schema of any tool.
pub(super) fn plain(schema: &Value, path: &str) -> Checked {
    let Some(fields) = schema.as_object() else {
        return Err(invalid(format!("{path}: Input should be a valid dictionary")));
    };
    require(fields.get("type").is_some_and(|kind| kind == "object"), || {
        format!("{path}.type: Input should be 'object'")
    })?;
    shape(schema, path)
}

/// Whether it is a schema at all.
fn shape(schema: &Value, path: &str) -> Checked {
    let not = |what: &str| Err(invalid(format!("{path}: JSON schema is invalid: {what}")));
    let fields = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(fields) => fields,
        _ => return not("a schema is an object or a boolean"),
    };
    let kinds: Vec<&Value> = match fields.get("type") {
        None => Vec::new(),
        Some(Value::Array(kinds)) => kinds.iter().collect(),
        Some(kind) => vec![kind],
    };
    if !kinds.iter().all(|kind| kind.as_str().is_some_and(|kind| TYPES.contains(&kind))) {
        return not("there is no such type");
    }
    if let Some(required) = fields.get("required") {
        let mut names: Vec<&str> =
            required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let all = required.as_array().map(Vec::len);
        names.sort_unstable();
        names.dedup();
        if all != Some(names.len()) {
            return not("`required` is a list of different names");
        }
    }
    if fields.get("enum").is_some_and(|values| values.as_array().is_none_or(Vec::is_empty)) {
        return not("`enum` is a list that is not empty");
    }
    if fields.get("properties").is_some_and(|properties| !properties.is_object()) {
        return not("`properties` is an object");
    }
    below(fields).try_for_each(|(name, schema)| shape(schema, &format!("{path}.{name}")))
}

/// The schemas within one, by the words they are found under.
fn below(fields: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let maps =
        ["properties", "$defs", "definitions"].into_iter().filter_map(|word| fields.get(word)?.as_object());
    let named = maps.flatten().map(|(name, schema)| (name.clone(), schema));
    let lists = ["anyOf", "allOf", "oneOf"].into_iter().filter_map(|word| fields.get(word)?.as_array());
    let numbered = lists.flatten().enumerate().map(|(at, schema)| (at.to_string(), schema));
    let single = ["items", "additionalProperties", "not"]
        .into_iter()
        .filter_map(|word| Some((word.to_owned(), fields.get(word)?)));
    named.chain(numbered).chain(single)
}

/// Checks a schema that binds the model.
pub(super) fn strict(schema: &Value, path: &str) -> Result<Weight, Refusal> {
    let mut weight = Weight::default();
    let root = schema;
    bind(schema, path, root, &mut Vec::new(), &mut weight)?;
    Ok(weight)
}

fn bind(schema: &Value, path: &str, root: &Value, within: &mut Vec<String>, weight: &mut Weight) -> Checked {
    let Some(fields) = schema.as_object() else {
        return Err(invalid(format!("{path}: Input should be a valid dictionary")));
    };
    if let Some(word) = fields.keys().find(|word| !STRICT.contains(&word.as_str())) {
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or("this");
        return Err(invalid(format!("{path}: For '{kind}' type, property '{word}' is not supported")));
    }
    if fields.get("type").is_some_and(|kind| kind == "object") || fields.contains_key("properties") {
        require(fields.get("additionalProperties") == Some(&Value::Bool(false)), || {
            format!("{path}: For 'object' type, 'additionalProperties' must be explicitly set to false")
        })?;
    }
    if let Some(least) = fields.get("minItems") {
        require(least == 0 || least == 1, || {
            format!("{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
        })?;
    }
    if let Some(format) = fields.get("format") {
        let known = format.as_str().is_some_and(|format| FORMATS.contains(&format) || format == "uri");
        require(known, || format!("{path}: For 'string' type, the format {format} is not supported"))?;
    }
    if let Some(values) = fields.get("enum").and_then(Value::as_array) {
        require(!values.iter().any(|value| value.is_array() || value.is_object()), || {
            format!("{path}: 'enum' values must be strings, numbers, booleans or null")
        })?;
    }
    if fields.contains_key("anyOf") || fields.get("type").is_some_and(Value::is_array) {
        weight.unions += 1;
    }
    weight.optional += optional(fields);
    if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
        return follow(reference, path, root, within, weight);
    }
    for (name, schema) in below(fields) {
        // Definitions are looked at where they are used; `false` is all that can stand for the rest.
        let is_definition = ["$defs", "definitions"]
            .iter()
            .any(|word| fields.get(*word).is_some_and(|all| all.get(&name) == Some(schema)));
        if !is_definition && !schema.is_boolean() {
            bind(schema, &format!("{path}.{name}"), root, within, weight)?;
        }
    }
    Ok(())
}

fn follow(
    reference: &str,
    path: &str,
    root: &Value,
    within: &mut Vec<String>,
    weight: &mut Weight,
) -> Checked {
    require(!within.iter().any(|outer| outer == reference), || {
        format!("{path}: Circular reference detected in schema definitions: {reference}")
    })?;
    let Some(found) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else {
        return Err(invalid(format!("{path}: '$ref' {reference} cannot be resolved")));
    };
    within.push(reference.to_owned());
    bind(found, path, root, within, weight)?;
    within.pop();
    Ok(())
}

/// How many properties of an object need not be there.
fn optional(fields: &Map<String, Value>) -> usize {
    let Some(properties) = fields.get("properties").and_then(Value::as_object) else { return 0 };
    let required = fields.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|value| value == name));
    properties.keys().filter(|name| !is_required(name)).count()
}
