//! Documents of rules: what a shop may write is kept as it says, or refused by field.

use bolero::{TypeGenerator, check};
use serde_json::{Map, Value, json};
use tradeup_domain::rules::RuleKind;

/// A value as a shop might write it.
#[derive(Clone, Debug, TypeGenerator)]
enum Written {
    Null,
    Yes(bool),
    Number(i64),
    Fraction(f64),
    Text(String),
    Word(u8),
    List(Vec<Written>),
    Fields(Vec<(u8, Written)>),
}

/// Fields and words that rules know.
const WORDS: [&str; 34] = [
    "rates",
    "excluded",
    "product_ids",
    "skus",
    "vendors",
    "order_tags",
    "credit_paid",
    "subtract",
    "proportional",
    "tax_included",
    "orders_from",
    "minimum_base_minor",
    "days_pending",
    "enrol_on",
    "all_of",
    "tags_any",
    "tags_none",
    "countries",
    "tier",
    "tags_place",
    "welcome",
    "amount_minor",
    "validity",
    "P3M",
    "memberships",
    "product_id",
    "sku",
    "months",
    "categories",
    "conditions",
    "bonus",
    "gold",
    "order_paid",
    "US",
];

fn value(written: &Written, depth: u8) -> Value {
    let word = |at: u8| WORDS[usize::from(at) % WORDS.len()];
    match written {
        Written::Null => Value::Null,
        Written::Yes(yes) => json!(yes),
        Written::Number(number) => json!(number),
        Written::Fraction(fraction) => json!(fraction),
        Written::Text(text) => json!(text),
        Written::Word(at) => json!(word(*at)),
        _ if depth > 6 => Value::Null,
        Written::List(list) => list.iter().map(|written| value(written, depth + 1)).collect(),
        Written::Fields(fields) => {
            let fields = fields.iter().map(|(at, written)| (word(*at).to_owned(), value(written, depth + 1)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
    }
}

#[test]
fn a_document_is_kept_or_refused_by_field() {
    check!().with_iterations(300).with_type::<Written>().for_each(|written| {
        let text = value(written, 0).to_string();
        for kind in RuleKind::ALL {
            match kind.check(&text) {
                // What it names can be asked for.
                Ok(()) => assert!(kind.tiers(&text).is_ok()),
                Err(errors) => assert!(!errors.is_empty()),
            }
        }
    });
}

#[test]
fn any_text_is_kept_or_refused() {
    check!().with_iterations(5_000).with_type::<String>().for_each(|text| {
        for kind in RuleKind::ALL {
            let _read = kind.check(text);
        }
    });
}
