//! Bodies that were cut or changed are read or refused, and never shown.

use proptest::prelude::*;
use serde_json::{Value, json};
use tradeup_shopify::webhook::Refs;

use crate::samples::{self, decode};

const TOPICS: [&str; 14] = [
    "orders/paid",
    "refunds/create",
    "order_transactions/create",
    "customers/create",
    "customer.tags_added",
    "customers/merge",
    "app/uninstalled",
    "app/scopes_update",
    "bulk_operations/finish",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
    "orders/edited",
    "products/update",
];

/// What of a sample must never be in an error: its addresses, names and phone numbers.
fn personal(value: &Value, found: &mut Vec<String>) {
    const KEYS: [&str; 12] = [
        "email",
        "contact_email",
        "customer_email",
        "first_name",
        "last_name",
        "phone",
        "name",
        "address1",
        "city",
        "zip",
        "shop_owner",
        "note",
    ];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if KEYS.contains(&key.as_str()) && text.len() > 2 => {
                        found.push(text.clone());
                    }
                    _ => personal(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| personal(value, found)),
        _ => {}
    }
}

/// Reads it in every way, and looks at what is said.
fn read(topic: &str, body: &[u8], secrets: &[String], what: &str) {
    for error in [decode(topic, body).err(), Refs::read(topic, body).err()].into_iter().flatten() {
        let text = error.to_string();
        assert!(text.starts_with("path "), "{what}: {text}");
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "{what}: {text}");
        }
    }
}

#[test]
fn cut_bodies_are_refused() {
    for sample in samples::all() {
        let mut secrets = Vec::new();
        personal(&serde_json::from_slice(&sample.body).unwrap(), &mut secrets);
        for at in (0..sample.body.len() - 1).step_by(97) {
            let cut = &sample.body[..at];
            assert!(decode(&sample.topic, cut).is_err(), "{} cut at {at}", sample.file);
            read(&sample.topic, cut, &secrets, &sample.file);
        }
    }
}

/// Samples that are changed in every depth; the others hold the same objects.
const DEEP: [&str; 5] = [
    "orders-updated-partially-refunded.json",
    "refunds-create-no-line-items.json",
    "order-transactions-create-gift-card.json",
    "customers-update-legacy-2024-10.json",
    "customers-data-request.json",
];

/// Every place at the top level of a body; with `deep` also those inside objects and the first entries of
/// lists.
fn places(value: &Value, at: &str, deep: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let place = format!("{at}/{key}");
                if deep {
                    places(value, &place, deep, found);
                }
                found.push(place);
            }
        }
        Value::Array(list) => {
            for (value, index) in list.iter().zip(0_usize..1) {
                let place = format!("{at}/{index}");
                places(value, &place, deep, found);
                found.push(place);
            }
        }
        _ => {}
    }
}

#[test]
fn changed_bodies_are_read_or_refused_without_showing_them() {
    for sample in samples::all() {
        let body: Value = serde_json::from_slice(&sample.body).unwrap();
        let mut secrets = vec!["zoe.quist@example.com".to_owned(), "Quist".to_owned()];
        personal(&body, &mut secrets);
        let mut found = Vec::new();
        places(&body, "", DEEP.contains(&sample.file.as_str()), &mut found);
        for place in found {
            let what = format!("{} {place}", sample.file);
            for value in [
                Value::Null,
                json!(7),
                json!(-7.25),
                json!("zoe.quist@example.com, expected a list"),
                json!({ "Quist": "zoe.quist@example.com" }),
                json!(["zoe.quist@example.com", 1]),
                json!(true),
            ] {
                let mut changed = body.clone();
                *changed.pointer_mut(&place).unwrap() = value;
                read(&sample.topic, &serde_json::to_vec(&changed).unwrap(), &secrets, &what);
            }
            let (outer, key) = place.rsplit_once('/').unwrap();
            let mut without = body.clone();
            if let Some(object) = without.pointer_mut(outer).unwrap().as_object_mut() {
                object.remove(key);
            }
            read(&sample.topic, &serde_json::to_vec(&without).unwrap(), &secrets, &what);
        }
    }
}

#[test]
fn keys_of_others_are_not_shown_either() {
    for body in [
        r#"{"zoe.quist@example.com": {"a": }"#,
        r#"{"id": 1, "zoe.quist@example.com": [1, 2"#,
        r#"{"id": "zoe.quist@example.com"}"#,
        r#"{"id": 1, "id": "zoe.quist@example.com"}"#,
        r#""zoe.quist@example.com""#,
        r#"{"id": 1, "customer": ["zoe.quist@example.com"]}"#,
    ] {
        for topic in TOPICS {
            read(topic, body.as_bytes(), &["zoe".to_owned()], body);
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (topic, body, said) in [
        (
            "orders/paid",
            r#"{"currency":"USD","line_items":{}}"#,
            "path line_items of the body is not as expected; it has to be a list",
        ),
        (
            "orders/paid",
            r#"{"currency":"USD","line_items":[{},[]]}"#,
            "path line_items[1] of the body is not as expected; it has to be a JSON object",
        ),
        (
            "orders/paid",
            r#"{"currency":"ZZZ"}"#,
            "path currency of the body is not as expected; it has to be an ISO 4217",
        ),
        (
            "orders/paid",
            r#"{"currency":"USD","refunds":[{"created_at":"soon"}]}"#,
            "path refunds[0].created_at of the body is not as expected; it has to be an instant",
        ),
        (
            "customers/create",
            r#"{"id":1,"id":2}"#,
            "path $ of the body is not as expected; it has to be each key only once",
        ),
        (
            "customers/create",
            r#"{"phone":"1"}"#,
            "path id of the body is not as expected; it has to be an id",
        ),
        (
            "customers/create",
            r#"{"id":1,"#,
            "path $ of the body is no complete JSON: it breaks at line 1, column 8",
        ),
    ] {
        let error = decode(topic, body.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn deep_bodies_do_not_end_the_process() {
    for (open, close) in [("[", "]"), ("{\"customer\":", "}")] {
        let deep = format!("{{\"id\":1,\"customer\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
        for topic in TOPICS {
            read(topic, deep.as_bytes(), &[], topic);
        }
    }
}

proptest! {
    /// Any bytes are read or refused.
    #[test]
    fn any_bytes_are_read_or_refused(body in any::<Vec<u8>>(), text in "[\\[\\]{}\":,a-z0-9. _-]{0,60}") {
        for topic in TOPICS {
            read(topic, &body, &[], topic);
            read(topic, text.as_bytes(), &[], topic);
        }
    }

    /// A sample with one other byte is read or refused.
    #[test]
    fn one_other_byte_is_read_or_refused(
        file in prop::sample::select(vec!["orders-updated-partially-refunded.json", "refunds-create-kwd.json"]),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = samples::body(file);
        let at = at.index(body.len());
        body[at] = byte;
        let topic = if file.starts_with("orders") { "orders/updated" } else { "refunds/create" };
        read(topic, &body, &["example.com".to_owned()], file);
    }
}
