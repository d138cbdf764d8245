//! Arguments that statements are planned for.

use crate::least_privilege::Query;

/// A value of each type: ids and times of the last weeks, the large shop where a number may be one.
fn value(kind: &str, text: &str, n: usize) -> String {
    // What is told to be a state is one, so that its share of the rows is known.
    let is = |form: String| text.contains(&form);
    match kind {
        "Int8" | "Int4" => "42",
        "Int2" => "4",
        "Text" if is(format!("state = ${n}")) => "'dead'",
        "Text" if is(format!("like ${n}")) => "'month%'",
        "Text" if is(format!("currency = ${n}")) => "'USD'",
        "Text" if is(format!("time zone ${n}")) || text.contains("time zone") => "'UTC'",
        "Text" => "'what is asked for'",
        "Bool" => "false",
        "Bytea" => "'\\x00'",
        "ByteaArray" => "array['\\x00'::bytea]",
        "Float8" => "0.5",
        "Jsonb" => "'{}'",
        "Date" => "current_date",
        "Interval" => "interval '1 day'",
        "Timestamptz" => "now() - interval '1 hour'",
        "Uuid" => return id(200),
        "UuidArray" => {
            let ids: Vec<String> = (0..50).map(id).collect();
            return format!("array[{}]::uuid[]", ids.join(", "));
        }
        "TextArray" => "array['one', 'another', 'a third']",
        "Int8Array" => "array[41, 42, 43]",
        "Int4Array" => "array[1, 2, 3]",
        "TimestamptzArray" => "array[now(), now()]",
        "DateArray" => "array[current_date]",
        "JsonbArray" => "array['{}'::jsonb]",
        other => panic!("plans/arguments.rs knows no value of {other}"),
    }
    .to_owned()
}

/// The id of what was made so many days ago.
fn id(days: u32) -> String {
    format!(
        "(lpad(to_hex((extract(epoch from now() - interval '{days} days') * 1000)::bigint), 12, '0') \
         || '70008000000000000000')::uuid"
    )
}

/// Something for each.
pub(crate) fn all(query: &Query) -> Vec<String> {
    query.parameters.iter().zip(1..).map(|(kind, n)| value(kind, &query.text, n)).collect()
}

/// What the code asks for together: where a statement is given one parameter, another is given this. Of lists of runs.
const TOGETHER: [(&str, usize, usize, &str); 6] = [
    // A task's runs are looked for with those that have parents.
    ("-- Runs, newest first", 3, 6, "true"),
    ("-- How many runs match", 1, 4, "true"),
    // Times of creation are in the ids, too.
    ("-- Runs, newest first", 11, 14, ""),
    ("-- Runs, newest first", 12, 15, ""),
    ("-- How many runs match", 7, 10, ""),
    ("-- How many runs match", 9, 11, ""),
];

/// Something for each; and where what is looked for may be left open, nothing of that, and one thing of it at a time.
pub(crate) fn variants(query: &Query) -> Vec<Vec<String>> {
    let all = all(query);
    let open: Vec<usize> = (0..all.len()).filter(|at| may_be_open(&query.text, at + 1)).collect();
    let mut variants = vec![all.clone()];
    if open.is_empty() {
        return variants;
    }
    let mut none = all.clone();
    for at in &open {
        "null".clone_into(&mut none[*at]);
    }
    for at in &open {
        let mut one = none.clone();
        one[*at].clone_from(&all[*at]);
        for (part, given, also, value) in TOGETHER {
            if given == at + 1 && query.text.starts_with(part) {
                one[also - 1] = if value.is_empty() { id(0) } else { value.to_owned() };
            }
        }
        variants.push(one);
    }
    variants.push(none);
    variants
}

/// Whether the statement says `$n is null or`.
fn may_be_open(text: &str, n: usize) -> bool {
    let parameter = format!("${n}");
    text.match_indices(&parameter).any(|(at, _)| {
        let rest = &text[at + parameter.len()..];
        let rest = rest.strip_prefix("::").map_or(rest, |typed| {
            typed.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '[' || c == ']')
        });
        rest.starts_with(" is null or")
    })
}

/// To be read in a failure.
pub(crate) fn short(arguments: &[String]) -> String {
    let given = arguments.iter().zip(1..).filter(|(argument, _)| *argument != "null");
    let given: Vec<String> = given.map(|(_, n)| format!("${n}")).collect();
    given.join(", ") + " given"
}
