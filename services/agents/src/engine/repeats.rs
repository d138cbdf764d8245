//! Whether an agent goes round in circles: the same call with the same arguments that brings the same result.

use std::fmt::Write as _;

use serde_json::Value;
use tradeup_store::agent_runs::{CallRow, FactRow};

/// So often the same may be asked and answered; the next time it is refused.
const SAME_MAX: usize = 2;

/// What is to be done about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is made.
    Fresh,
    /// It is refused with these words.
    Refused(String),
    /// It was refused before, and the agent has read that: there is no end to it.
    Circles,
}

/// What a call asks, whatever the order of its arguments.
pub(super) fn signature(call: &CallRow) -> String {
    let input = call.input.as_deref().unwrap_or_default();
    let input = serde_json::from_str::<Value>(input).map_or_else(|_none| input.to_owned(), |v| canonical(&v));
    format!("{} {input}", call.name)
}

/// Judges a call by those that the same agent made before, in order: earlier turns' and those before it in its turn.
pub(super) fn judge(call: &CallRow, earlier: &[&CallRow], facts: &[FactRow]) -> Verdict {
    let wanted = signature(call);
    let mut same: Vec<&CallRow> = Vec::new();
    let mut refused_in = None;
    for before in earlier.iter().filter(|before| signature(before) == wanted) {
        if same.len() >= SAME_MAX {
            refused_in.get_or_insert(before.seq);
            continue;
        }
        if same.last().is_some_and(|last| fingerprint(last) != fingerprint(before)) {
            same.clear();
        }
        same.push(before);
    }
    match refused_in {
        _ if same.len() < SAME_MAX => Verdict::Fresh,
        Some(seq) if seq < call.seq => Verdict::Circles,
        _ => Verdict::Refused(words(&same, facts)),
    }
}

fn words(same: &[&CallRow], facts: &[FactRow]) -> String {
    let brought = |call: &&CallRow| {
        let ids =
            facts.iter().filter(|fact| fact.agent == call.agent && fact.tool_use_id == call.tool_use_id);
        let ids: Vec<i32> = ids.map(|fact| fact.id).collect();
        Some((*ids.first()?, *ids.last()?))
    };
    let mut text = format!(
        "You have asked this {SAME_MAX} times with the same arguments and got the same answer; it will not change"
    );
    let facts: Vec<(i32, i32)> = same.iter().filter_map(brought).collect();
    if let Some((first, last)) = facts.last() {
        // Writing to a string does not fail.
        let _written = write!(text, ". It is in the facts F{first} to F{last}");
    }
    text.push_str(". Go on with what you have.");
    text
}

/// A result without the ids of its facts, which differ each time, and with them the order in which they are written.
fn fingerprint(call: &CallRow) -> (bool, String) {
    let content = call.content.as_deref().unwrap_or_default();
    let read = serde_json::from_str::<Value>(content);
    (
        call.is_error,
        without_ids(&read.map_or_else(|_none| content.to_owned(), |told| sorted(&told, without_id))),
    )
}

/// A text in which each `F12` is an `F`.
fn without_ids(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut within_word = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        plain.push(char);
        if char == 'F' && !within_word {
            while chars.next_if(char::is_ascii_digit).is_some() {}
        }
        within_word = char.is_alphanumeric() || char == '_';
    }
    plain
}

/// A key, but that of a fact without its number.
fn without_id(key: &str) -> &str {
    let is_id = key.strip_prefix('F').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if is_id { "F" } else { key }
}

/// JSON with sorted keys.
pub(super) fn canonical(value: &Value) -> String {
    sorted(value, |key| key)
}

fn sorted(value: &Value, named: fn(&str) -> &str) -> String {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(named(key)), sorted(value, named)))
                .collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| sorted(item, named)).collect();
            format!("[{}]", items.join(","))
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(content: &str) -> CallRow {
        CallRow {
            agent: "orchestrator".to_owned(),
            seq: 1,
            position: 0,
            tool_use_id: "toolu_1".to_owned(),
            name: "get_tenant_overview".to_owned(),
            input: Some("{}".to_owned()),
            state: "done".to_owned(),
            content: Some(content.to_owned()),
            is_error: false,
        }
    }

    #[test]
    fn the_same_result_is_known_whatever_its_facts_are_called() {
        let told = |first: u32| {
            let (a, b) = (format!("F{first}"), format!("F{}", first + 1));
            call(&serde_json::json!({ "figures": { a: { "value": "1" }, b: { "value": "2" } } }).to_string())
        };
        // Their keys are sorted the other way from F9 to F10 on.
        assert_eq!(fingerprint(&told(1)), fingerprint(&told(9)));
        assert_ne!(fingerprint(&told(1)), fingerprint(&call(r#"{"figures":{"F1":{"value":"1"}}}"#)));
        assert_eq!(fingerprint(&call("see F3 to F12")), fingerprint(&call("see F40 to F51")));
    }
}
