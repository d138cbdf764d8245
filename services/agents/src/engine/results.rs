//! What tools answer, as models read it: each figure under the id that it was minted with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tradeup_domain::figure::Figure;
use tradeup_store::insights::{Answer, Row, Section};
use uuid::Uuid;

/// Ids of facts are not longer than this one and those after it: what a row takes is reckoned before its figures have theirs.
const ID: usize = 1_000_000;
/// The same of a member.
const ALIAS: &str = "m_9999999";

/// An answer of which so much is left that its text has at most `bytes`: the longest sections lose their last rows. How
/// many rows there were is still said.
pub(super) fn fitted(mut answer: Answer, bytes: usize) -> Answer {
    let length = |row: &Row| {
        let ids = (0..row.figures.len()).map(|at| format!("F{}", ID + at)).collect::<Vec<_>>();
        row_json(row, &mut ids.iter(), |_member| Some(ALIAS)).to_string().len() + 1
    };
    let mut lengths: Vec<Vec<usize>> =
        answer.sections.iter().map(|section| section.rows.iter().map(length).collect()).collect();
    let rows: usize = lengths.iter().flatten().sum();
    let without_rows = Answer {
        sections: answer
            .sections
            .iter()
            .map(|section| Section { rows: Vec::new(), ..section.clone() })
            .collect(),
        ..answer.clone()
    };
    let mut left = rows + told(&without_rows, &[], &BTreeMap::new()).len();
    while left > bytes {
        let longest = lengths.iter_mut().enumerate().max_by_key(|(_, rows)| rows.iter().sum::<usize>());
        let Some((at, lengths)) = longest else { break };
        let Some(row) = lengths.pop() else { break };
        left -= row;
        if let Some(section) = answer.sections.get_mut(at) {
            section.rows.pop();
        }
    }
    answer
}

/// All figures, in the order in which they get their ids.
pub(super) fn figures(answer: &Answer) -> Vec<Figure> {
    rows(answer).flat_map(|row| row.figures.iter().cloned()).collect()
}

/// All members, each once, in order.
pub(super) fn members(answer: &Answer) -> Vec<Uuid> {
    let mut members = Vec::new();
    for member in rows(answer).filter_map(|row| row.member) {
        if !members.contains(&member) {
            members.push(member);
        }
    }
    members
}

/// The answer as a model reads it.
pub(super) fn told(answer: &Answer, ids: &[String], aliases: &BTreeMap<Uuid, String>) -> String {
    let mut ids = ids.iter();
    let sections: Vec<Value> = answer
        .sections
        .iter()
        .map(|section| {
            let alias = |member: Uuid| aliases.get(&member).map(String::as_str);
            let rows: Vec<Value> = section.rows.iter().map(|row| row_json(row, &mut ids, alias)).collect();
            let truncated = i64::try_from(rows.len()).is_ok_and(|rows| rows < section.rows_in_all);
            json!({
                "name": section.name,
                "rows": rows,
                "rows_in_all": section.rows_in_all,
                "truncated": truncated,
            })
        })
        .collect();
    let mut told = json!({ "as_of": answer.as_of, "currency": answer.currency, "sections": sections });
    if let Some(note) = &answer.note {
        told["note"] = json!(note);
    }
    told.to_string()
}

/// A figure, without its id.
pub(crate) fn plain(figure: &Figure) -> Value {
    let mut told = json!({
        "name": figure.name,
        "value": figure.value.to_string(),
        "unit": figure.unit.as_str(),
        "shown": figure.shown(),
    });
    for (field, value) in [("currency", &figure.currency), ("window", &figure.window), ("tier", &figure.tier)]
    {
        if let Some(value) = value {
            told[field] = json!(value);
        }
    }
    told
}

fn rows(answer: &Answer) -> impl Iterator<Item = &Row> {
    answer.sections.iter().flat_map(|section| &section.rows)
}

fn row_json<'a>(
    row: &Row,
    ids: &mut impl Iterator<Item = &'a String>,
    alias: impl Fn(Uuid) -> Option<&'a str>,
) -> Value {
    let labels: Map<String, Value> =
        row.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    // `zip` would take an id too many from the iterator if it asked that first.
    let figures: Map<String, Value> =
        row.figures.iter().zip(ids).map(|(figure, id)| (id.clone(), plain(figure))).collect();
    let mut told = json!({ "labels": labels, "figures": figures });
    if let Some(alias) = row.member.and_then(alias) {
        told["member"] = json!(alias);
    }
    told
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn answer(rows: usize, label: &str) -> Answer {
        let row = |at: usize| Row {
            labels: vec![("tier", format!("{label}{at}"))],
            member: Some(Uuid::from_u128(u128::try_from(at % 3).unwrap())),
            figures: vec![Figure::count("members", 7), Figure::minor("spent", 1_250, "USD").over("90d")],
        };
        let section = |name, rows: usize| Section {
            name,
            rows: (0..rows).map(row).collect(),
            rows_in_all: i64::try_from(rows).unwrap() + 1,
        };
        Answer {
            currency: "USD".to_owned(),
            as_of: DateTime::UNIX_EPOCH,
            sections: vec![section("tiers", rows), section("few", 2)],
            note: Some("A note.".to_owned()),
        }
    }

    fn ids(answer: &Answer) -> Vec<String> {
        (1..=figures(answer).len()).map(|id| format!("F{id}")).collect()
    }

    #[test]
    fn each_figure_stands_under_its_id() {
        let answer = answer(2, "gold");
        let aliases = members(&answer).into_iter().zip(["m_2".to_owned(), "m_1".to_owned()]).collect();
        let told: Value = serde_json::from_str(&told(&answer, &ids(&answer), &aliases)).unwrap();
        let row = &told["sections"][0]["rows"][1];
        assert_eq!((&row["labels"]["tier"], &row["member"]), (&json!("gold1"), &json!("m_1")));
        assert_eq!(
            row["figures"]["F4"],
            json!({ "name": "spent", "value": "1250", "unit": "minor", "currency": "USD", "window": "90d", "shown": "12.50 USD" })
        );
        assert_eq!((&told["sections"][0]["truncated"], &told["note"]), (&json!(true), &json!("A note.")));
        assert_eq!(told["sections"][1]["rows"][1]["figures"]["F8"]["value"], "1250");
    }

    proptest! {
        #[test]
        fn what_is_told_has_the_length_that_it_may_have(rows in 0_usize..200, bytes in 1_500_usize..30_000, label in ".{0,80}") {
            let answer = fitted(answer(rows, &label), bytes);
            let aliases: BTreeMap<Uuid, String> = members(&answer).into_iter().map(|member| (member, "m_123".to_owned())).collect();
            let text = told(&answer, &ids(&answer), &aliases);
            prop_assert!(text.len() <= bytes, "{} of {bytes}", text.len());
            let told: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&told["sections"][0]["rows_in_all"], &json!(rows + 1));
        }
    }
}
