//! Arguments as models give them. What is left out has its usual value; what a tool does not take is refused in one line,
//! so that the model can ask again.

use serde_json::{Map, Value, json};
use tradeup_store::insights::Window;

/// Rows of members that are listed at most, and where nothing is said.
const LIMIT: (i64, i64) = (50, 20);
/// The longest value that is repeated to the model, in characters.
const QUOTED_MAX: usize = 40;

/// Why arguments can't be taken: one line for the model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadArguments(pub(super) String);

/// Arguments that are of a tool's form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a>(Option<&'a Map<String, Value>>);

impl<'a> Arguments<'a> {
    /// Arguments for a form: none that it does not have, each of its type, and of its values where it has some.
    pub(super) fn of(value: &'a Value, schema: &Value) -> Result<Self, BadArguments> {
        let Some(arguments) = value.as_object() else {
            return match value {
                Value::Null => Ok(Self(None)),
                _ => Err(BadArguments("Arguments are an object, like {\"window\":\"90d\"}.".to_owned())),
            };
        };
        for (name, value) in arguments {
            match schema.get("properties").and_then(|properties| properties.get(name)) {
                Some(form) => fits(name, value, form)?,
                // A window is what every question has; the tool's answer may cover all of them.
                None if name == "window" => {}
                None => {
                    let taken: Vec<&str> = schema
                        .get("properties")
                        .and_then(Value::as_object)
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.as_str())
                        .collect();
                    let taken = if taken.is_empty() { "none".to_owned() } else { taken.join(", ") };
                    let words = format!("There is no argument {}; this tool takes: {taken}.", quoted(name));
                    return Err(BadArguments(words));
                }
            }
        }
        Ok(Self(Some(arguments)))
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// A text; `None` when it says nothing or `all`.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let text = self.get(name)?.as_str()?.trim();
        (!text.is_empty() && text != "all").then_some(text)
    }

    /// Texts; none when it says nothing.
    pub(super) fn texts(self, name: &str) -> Vec<String> {
        let list = self.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A number above 0.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64).filter(|number| *number > 0)
    }

    /// The window; 90 days where nothing is said.
    pub(super) fn window(self) -> Window {
        self.text("window").and_then(Window::named).unwrap_or(Window::Days90)
    }

    /// How many members are listed.
    pub(super) fn limit(self) -> i64 {
        self.number("limit").unwrap_or(LIMIT.1).min(LIMIT.0)
    }

    /// Tiers are those of the shop.
    pub(super) fn check_tiers(self, handles: &[String]) -> Result<(), BadArguments> {
        let mut named: Vec<String> = self.texts("tiers");
        named.extend(self.text("tier").map(str::to_owned));
        let Some(unknown) = named.iter().find(|name| !handles.contains(name)) else { return Ok(()) };
        let words = format!("This shop has no tier {}; it has: {}.", quoted(unknown), handles.join(", "));
        Err(BadArguments(words))
    }
}

fn fits(name: &str, value: &Value, form: &Value) -> Result<(), BadArguments> {
    let kind = form.get("type").and_then(Value::as_str).unwrap_or_default();
    let right = match kind {
        _ if value.is_null() => true,
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "array" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        _ => false,
    };
    if !right {
        let kind = if kind == "array" { "list of strings" } else { kind };
        return Err(BadArguments(format!("{name} is of the wrong type: write one {kind}.")));
    }
    let items = form.get("items").unwrap_or(form);
    let Some(values) = items.get("enum").and_then(Value::as_array) else { return Ok(()) };
    let given: Vec<&Value> = match value {
        Value::Null => return Ok(()),
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let Some(other) = given.into_iter().find(|value| !values.contains(value)) else { return Ok(()) };
    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    let other = quoted(other.as_str().unwrap_or_default());
    Err(BadArguments(format!("{name} can't be {other}; write one of: {}.", values.join(", "))))
}

fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(QUOTED_MAX).collect::<String>())
}

/// A closed form of these arguments, all of which are asked for.
pub(super) fn form(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        properties.iter().map(|(name, form)| ((*name).to_owned(), form.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The argument `window`.
pub(super) fn window() -> (&'static str, Value) {
    let values = Window::ALL.map(Window::as_str);
    let words = "How far back from the instant of the task; windows of one length can be compared";
    ("window", json!({ "type": "string", "enum": values, "description": words }))
}

/// The argument `tier`.
pub(super) fn tier() -> (&'static str, Value) {
    let words = "The handle of one tier, none for members without a tier, or empty for all";
    ("tier", json!({ "type": "string", "description": words }))
}

/// The argument `limit`.
pub(super) fn limit() -> (&'static str, Value) {
    ("limit", json!({ "type": "integer", "description": "How many members are listed: 1 to 50" }))
}

/// Segments of recency, frequency and spend, the best first.
pub(super) const SEGMENTS: [&str; 8] =
    ["champions", "loyal", "promising", "new", "needs_attention", "at_risk", "hibernating", "lost"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    fn schema() -> Value {
        form(&[
            window(),
            tier(),
            limit(),
            ("tiers", json!({ "type": "array", "items": { "type": "string" } })),
        ])
    }

    fn bad(value: &Value) -> String {
        Arguments::of(value, &schema()).unwrap_err().0
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        for value in [json!({}), Value::Null, json!({ "window": null, "limit": 0, "tier": "" })] {
            let arguments = Arguments::of(&value, &schema()).unwrap();
            assert_eq!((arguments.window(), arguments.limit()), (Window::Days90, 20));
            assert_eq!(arguments.text("tier"), None);
        }
        let value = json!({ "window": "30d", "limit": 9_999, "tier": "gold" });
        let arguments = Arguments::of(&value, &schema()).unwrap();
        assert_eq!((arguments.window(), arguments.limit()), (Window::Days30, 50));
        assert_eq!(arguments.text("tier"), Some("gold"));
        assert!(arguments.check_tiers(&["gold".to_owned()]).is_ok());
    }

    #[test]
    fn what_can_not_be_taken_is_said_in_one_line() {
        for value in [
            json!([]),
            json!({ "window": "7y" }),
            json!({ "window": 90 }),
            json!({ "limit": "5" }),
            json!({ "tiers": ["gold", 1] }),
            json!({ "sql\nselect": "1" }),
            json!({ "tenant": "borealis" }),
        ] {
            let words = bad(&value);
            assert!(!words.contains('\n') && words.len() < 300, "{words}");
        }
        let value = json!({ "tiers": ["silver"] });
        let arguments = Arguments::of(&value, &schema()).unwrap();
        let words = arguments.check_tiers(&["gold".to_owned(), "none".to_owned()]).unwrap_err().0;
        assert_eq!(words, "This shop has no tier \"silver\"; it has: gold, none.");
    }
}
