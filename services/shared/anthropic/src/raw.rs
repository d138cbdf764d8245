//! JSON that is passed on as it came: fields in their order, values by their own text.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.set(&name, value.get().to_owned());
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    /// The text of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Gives a field another text, in its place.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(field, _)| field == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// What a field says, if it is a string; nothing otherwise.
    pub(crate) fn words(&self, name: &str) -> String {
        self.get(name).and_then(said).unwrap_or_default()
    }

    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The object, with every string in it one that can be sent.
    pub(crate) fn write(&self) -> String {
        let mut text = String::from("{");
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            // As `Value` writes its strings.
            text.push_str(&serde_json::Value::from(name.as_str()).to_string());
            text.push(':');
            text.push_str(value);
        }
        text.push('}');
        mended(&text)
    }
}

/// What the text of a string says.
pub(crate) fn said(text: &str) -> Option<String> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&mended(text)).ok())
}

/// The text of a string without its quotes, if it is one: such texts can be joined, also where a pair of escapes was cut
/// in two.
pub(crate) fn inside(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// JSON in which each escaped half of a pair that stands alone is the replacement character: nobody takes it back
/// otherwise.
pub(crate) fn mended(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (length, replacement) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, None),
            (Some(0xD800..=0xDFFF), _) => (6, Some("\\ufffd")),
            (Some(_), _) => (6, None),
            // A backslash, and what it stands before.
            (None, _) => (1 + escape.chars().nth(1).map_or(0, char::len_utf8), None),
        };
        let (taken, after) = escape.split_at(length);
        mended.push_str(replacement.unwrap_or(taken));
        rest = after;
    }
    mended.push_str(rest);
    mended
}

/// The number that an escape like `\u00e9` begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_object_is_written_as_it_came() {
        let text = r#"{"z":1e3,"a":{"y": 12345678901234567890123,"b":[ ]},"ü\"":"\u00e9\/"}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(fields.write(), text);
        fields.set("a", "null".to_owned());
        fields.set("new", "0".to_owned());
        assert_eq!(fields.write(), r#"{"z":1e3,"a":null,"ü\"":"\u00e9\/","new":0}"#);
        assert_eq!((fields.words("ü\""), fields.words("z")), ("é/".to_owned(), String::new()));
    }

    #[test]
    fn halves_of_pairs_that_stand_alone_are_replaced() {
        for (text, expected) in [
            (r#""\ud83e\udd80""#, r#""\ud83e\udd80""#),
            (r#""\ud83e""#, r#""\ufffd""#),
            (r#""\udd80\ud83e""#, r#""\ufffd\ufffd""#),
            (r#""\ud83e\ud83e\udd80""#, r#""\ufffd\ud83e\udd80""#),
            (r#""\\ud83e \\\uD83E x""#, r#""\\ud83e \\\ufffd x""#),
            (r#"{"\ud83ea":"\u00e9"}"#, r#"{"\ufffda":"\u00e9"}"#),
        ] {
            assert_eq!(mended(text), expected);
            assert!(serde_json::from_str::<Value>(expected).is_ok(), "{expected}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_json_stays_as_it_is(text in any::<String>(), units in prop::collection::vec(any::<u16>(), 0..8)) {
            let sound = Value::from(text).to_string();
            prop_assert_eq!(mended(&sound), sound);
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let said = said(&format!("\"{escapes}\"")).unwrap();
            prop_assert_eq!(said, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_text_is_taken(text in r#"[\\ud8eDCé"{ ]{0,40}"#) {
            let _either = mended(&text);
        }
    }
}
