//! Tools, and which of them the model is to call.

use serde_json::{Map, Value};

use super::{Checked, blocks, invalid, only, require, schema};
use crate::anthropic::profile::Profile;

/// The most tools of a request whose schemas bind the model: 13 were too many for one model (alphaXiv/agents#49).
const STRICT_MAX: usize = 12;
/// The most properties over all binding schemas that need not be there.
const OPTIONAL_MAX: usize = 24;
/// The most places over all binding schemas with several types.
const UNIONS_MAX: usize = 16;

const FIELDS: [&str; 8] = [
    "cache_control",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

pub(super) fn check(body: &Map<String, Value>, profile: &Profile) -> Checked {
    let none = Vec::new();
    let tools = match body.get("tools") {
        None => &none,
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(invalid("tools: Input should be a valid list")),
    };
    let (mut names, mut bound) = (Vec::new(), 0);
    let (mut optional, mut unions) = (0, 0);
    for (at, tool) in tools.iter().enumerate() {
        let path = format!("tools.{at}.custom");
        let Some(fields) = tool.as_object() else {
            return Err(invalid(format!("{path}: Input should be a valid dictionary")));
        };
        let name = one(fields, &path)?;
        require(!names.contains(&name), || "tools: Tool names must be unique.".to_owned())?;
        names.push(name);
        if fields.get("strict") == Some(&Value::Bool(true)) {
            let weight = schema::strict(&tool["input_schema"], &format!("{path}.input_schema"))?;
            bound += 1;
            optional += weight.optional;
            unions += weight.unions;
        }
    }
    require(bound <= STRICT_MAX && optional <= OPTIONAL_MAX && unions <= UNIONS_MAX, || {
        "The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas \
         or reduce the number of strict tools."
            .to_owned()
    })?;
    choice(body, &names, profile)
}

/// Checks a tool, and says its name.
fn one<'a>(fields: &'a Map<String, Value>, path: &str) -> Result<&'a str, super::Refusal> {
    let kind = fields.get("type").map_or(Some("custom"), Value::as_str);
    require(kind == Some("custom"), || {
        format!("{path}.type: this stand-in has no tools that the server runs")
    })?;
    only(fields, &FIELDS, path)?;
    let Some(name) = fields.get("name").and_then(Value::as_str) else {
        return Err(invalid(format!("{path}.name: Field required")));
    };
    // Some say 128: whoever stays below the smaller number is right in either case.
    require(is_name(name, 64), || {
        format!("{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    })?;
    if let Some(description) = fields.get("description") {
        require(description.is_string(), || format!("{path}.description: Input should be a valid string"))?;
    }
    for flag in ["strict", "eager_input_streaming"] {
        require(fields.get(flag).is_none_or(Value::is_boolean), || {
            format!("{path}.{flag}: Input should be a valid boolean")
        })?;
    }
    let Some(input_schema) = fields.get("input_schema") else {
        return Err(invalid(format!("{path}.input_schema: Field required")));
    };
    schema::plain(input_schema, &format!("{path}.input_schema"))?;
    if let Some(marker) = fields.get("cache_control") {
        blocks::marker(marker, &format!("{path}.cache_control"))?;
    }
    Ok(name)
}

/// `[a-zA-Z0-9_-]{1,max}`
pub(super) fn is_name(name: &str, max: usize) -> bool {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= max && name.bytes().all(is_right)
}

fn choice(body: &Map<String, Value>, names: &[&str], profile: &Profile) -> Checked {
    let Some(value) = body.get("tool_choice") else { return Ok(()) };
    let Some(fields) = value.as_object() else {
        return Err(invalid("tool_choice: Input should be a valid dictionary"));
    };
    require(!names.is_empty(), || "tool_choice: may only be specified while providing tools".to_owned())?;
    let forces = match fields.get("type").and_then(Value::as_str) {
        Some("none") => {
            only(fields, &["type"], "tool_choice.none")?;
            false
        }
        Some("auto") => {
            only(fields, &["type", "disable_parallel_tool_use"], "tool_choice.auto")?;
            false
        }
        Some("any") => {
            only(fields, &["type", "disable_parallel_tool_use"], "tool_choice.any")?;
            true
        }
        Some("tool") => {
            only(fields, &["type", "name", "disable_parallel_tool_use"], "tool_choice.tool")?;
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
            require(names.contains(&name), || format!("Tool '{name}' not found in provided tools"))?;
            true
        }
        _ => return Err(invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")),
    };
    require(fields.get("disable_parallel_tool_use").is_none_or(Value::is_boolean), || {
        "tool_choice.disable_parallel_tool_use: Input should be a valid boolean".to_owned()
    })?;
    require(!(forces && profile.is_modern), || {
        format!("tool_choice: forcing the use of a tool is not supported by {}", profile.id)
    })?;
    let thinks = body.get("thinking").is_some_and(|thinking| thinking["type"] == "enabled");
    require(!(forces && thinks), || {
        "Thinking may not be enabled when tool_choice forces tool use.".to_owned()
    })
}
