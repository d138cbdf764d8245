//! What a process was given, shown: as a table for people, as JSON, and without values as a description.

use serde_json::{Value, json};

use super::layers::Setting;

/// As a table: what is set, to what, in which unit, and where that was said. Secrets are only said to be set.
#[must_use]
pub fn table(settings: &[Setting]) -> String {
    let rows: Vec<[String; 4]> = settings
        .iter()
        .map(|setting| {
            let value = match (setting.known.secret, setting.is_set()) {
                (true, true) => "(set)",
                _ => setting.value().unwrap_or("-"),
            };
            let origin = if setting.value().is_none() && !setting.is_set() {
                "-".to_owned()
            } else {
                setting.origin.to_string()
            };
            [setting.known.key.clone(), value.to_owned(), setting.known.unit.clone(), origin]
        })
        .collect();
    let headings = ["KEY", "VALUE", "UNIT", "ORIGIN"].map(str::to_owned);
    let width = |column: usize| {
        std::iter::once(&headings).chain(&rows).map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths = [0, 1, 2].map(width);
    let mut text = String::new();
    for [key, value, unit, origin] in std::iter::once(&headings).chain(&rows) {
        let [first, second, third] = widths;
        text.push_str(&format!("{key:first$}  {value:second$}  {unit:third$}  {origin}\n"));
    }
    text
}

/// As JSON, with the same restraint.
#[must_use]
pub fn value(settings: &[Setting]) -> Value {
    settings
        .iter()
        .map(|setting| {
            json!({ "key": setting.known.key, "variable": setting.known.variable, "value": setting.value(),
                "set": setting.is_set(), "secret": setting.known.secret, "unit": setting.known.unit,
                "origin": setting.origin.to_string() })
        })
        .collect()
}
