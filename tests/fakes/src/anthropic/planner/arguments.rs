//! Arguments of calls, made from the forms that the request says the tools have: no tool is called with what it does not
//! take.

use serde_json::{Map, Value, json};

use crate::anthropic::brain::Asked;

/// The tool that tells of members whom a filter picks. Nobody is picked without a question about them, and theirs is asked
/// by the host.
pub(super) const GROUP: &str = "get_member_group";

/// What arguments are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// What is to be found out.
    pub(super) objective: &'a str,
    /// In particular.
    pub(super) questions: &'a [&'a str],
    /// The segment, if one was asked about.
    pub(super) segment: Option<&'a str>,
}

/// The arguments of a tool that is offered.
pub(super) fn of(asked: Asked<'_>, tool: &str, wish: Wish<'_>) -> Value {
    let tools = asked.0["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let form = tools.iter().find(|offered| offered["name"] == tool).map(|offered| &offered["input_schema"]);
    form.map_or_else(|| json!({}), |form| object(form, wish))
}

fn object(form: &Value, wish: Wish<'_>) -> Value {
    let required: Vec<&str> =
        form["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut arguments = Map::new();
    for (name, property) in form["properties"].as_object().into_iter().flatten() {
        // What may be left out is left out, but for the window: figures are compared over the same one.
        if required.contains(&name.as_str()) || name == "window" {
            arguments.insert(name.clone(), argument(name, property, wish));
        }
    }
    Value::Object(arguments)
}

fn argument(name: &str, form: &Value, wish: Wish<'_>) -> Value {
    if let Some(values) = form["enum"].as_array() {
        return choice(values, wish);
    }
    let types: Vec<&str> = match &form["type"] {
        Value::String(one) => vec![one],
        many => many.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    if types.contains(&"null") {
        return Value::Null;
    }
    match types.first().copied() {
        Some("array") => list(name, &form["items"], wish),
        Some("object") => object(form, wish),
        Some("integer" | "number") => json!(if name.contains("day") { 30 } else { 20 }),
        Some("boolean") => json!(true),
        _ => json!(text(name, wish)),
    }
}

/// The window of 90 days, the segment that was asked about, everything; or else the first.
fn choice(values: &[Value], wish: Wish<'_>) -> Value {
    let wanted = [Some("90d"), wish.segment, Some("all"), Some("any")];
    let wanted = wanted.into_iter().flatten().find_map(|wanted| values.iter().find(|value| *value == wanted));
    wanted
        .or_else(|| values.iter().find(|value| value.is_null()))
        .or(values.first())
        .cloned()
        .unwrap_or(Value::Null)
}

fn list(name: &str, items: &Value, wish: Wish<'_>) -> Value {
    if let Some(values) = items["enum"].as_array() {
        return Value::Array(values.clone());
    }
    if items["type"] != "string" {
        return json!([]);
    }
    if name.contains("question") || name.contains("metric") || name.contains("answer") {
        return json!(wish.questions);
    }
    if name.contains("forbid") || name.contains("topic") {
        return json!(["single members", "changes of prices"]);
    }
    json!([])
}

fn text(name: &str, wish: Wish<'_>) -> String {
    match name {
        "window" | "time_window" => "90d".to_owned(),
        "segment" => wish.segment.unwrap_or("all").to_owned(),
        "tier" => String::new(),
        name if name.contains("question") => wish.questions.join(" "),
        name if name.contains("forbid") => "single members".to_owned(),
        _ => wish.objective.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_of_the_form() {
        let request = json!({ "tools": [{ "name": "t", "input_schema": {
            "type": "object",
            "properties": {
                "window": { "type": "string", "enum": ["30d", "90d", "365d"] },
                "segment": { "type": "string", "enum": ["champions", "at_risk"] },
                "limit": { "type": "integer" },
                "tier": { "type": ["string", "null"] },
                "questions": { "type": "array", "items": { "type": "string" } },
                "other": { "type": "string" }
            },
            "required": ["segment", "limit", "tier", "questions"]
        } }] });
        let wish = Wish { objective: "o", questions: &["q"], segment: Some("at_risk") };
        assert_eq!(
            of(Asked(&request), "t", wish),
            json!({ "window": "90d", "segment": "at_risk", "limit": 20, "tier": null, "questions": ["q"] })
        );
        assert_eq!(of(Asked(&request), "unknown", wish), json!({}));
    }
}
