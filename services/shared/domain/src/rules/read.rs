//! Reading a document and collecting what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::RuleError;
use crate::cashback::BPS_MAX;
use crate::handle::Handle;
use crate::money::AMOUNT_MINOR_MAX;

/// Longest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Most entries of a list or a table of a document.
pub const ENTRIES_MAX: usize = 1_000;
/// Longest text in a document, in characters.
pub const TEXT_MAX: usize = 255;
/// Longest name of an unknown field that an error repeats, in characters.
const NAME_MAX: usize = 60;

/// Reads the shape of a document.
pub(super) fn shape<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Vec<RuleError>> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let problem = format!("is longer than {DOCUMENT_BYTES_MAX} bytes; give a shorter one");
        return Err(vec![RuleError { path: String::new(), problem }]);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let Object(read) = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| vec![explain(error.path(), error.inner())])?;
    reader.end().map_err(|error| vec![no_json(&error)])?;
    Ok(read)
}

fn no_json(error: &serde_json::Error) -> RuleError {
    let problem = format!("is no JSON, see line {}, column {}", error.line(), error.column());
    RuleError { path: String::new(), problem }
}

/// An error of the reader in our words, without the value that it stumbled over.
fn explain(path: &serde_path_to_error::Path, error: &serde_json::Error) -> RuleError {
    if error.classify() != Category::Data {
        return no_json(error);
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _place)| text);
    let here: Vec<&Segment> = path.iter().collect();
    let name: String = text.split('`').nth(1).unwrap_or_default().chars().take(NAME_MAX).collect();
    if text.starts_with("unknown field") {
        let known = text.split_once(", expected ").map_or("none", |(_, known)| known);
        let known = known.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ");
        let parent = here.get(..here.len().saturating_sub(1)).unwrap_or_default();
        return RuleError { path: joined(parent, &name), problem: format!("is unknown; there are {known}") };
    }
    if text.starts_with("missing field") {
        return RuleError { path: joined(&here, &name), problem: "is missing; give it".to_owned() };
    }
    if text.starts_with("duplicate field") {
        let problem = "is there twice; give it once".to_owned();
        return RuleError { path: joined(&here, &name), problem };
    }
    // "invalid type: <the value>, expected <a type>", "unknown variant `…`, expected one of `…`, `…`"
    let expected = text.rsplit_once(", expected ").map_or("another value", |(_, expected)| expected);
    RuleError { path: joined(&here, ""), problem: format!("is wrong; give {}", in_words(expected)) }
}

/// What the reader expects, for people.
fn in_words(expected: &str) -> String {
    match expected {
        "i64" | "i32" | "u32" | "u16" => "a whole number".to_owned(),
        "a string" | "a borrowed string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        other => other.replace('`', ""),
    }
}

/// A path with a name behind it, as a program would write it: `memberships[0].tier`.
fn joined(segments: &[&Segment], name: &str) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Map { key } => push(&mut path, key),
            Segment::Seq { index } => path.push_str(&format!("[{index}]")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if !name.is_empty() {
        push(&mut path, name);
    }
    path
}

fn push(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    // What is no character of a line would garble a log.
    let shown = key.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    path.extend(shown.take(NAME_MAX));
}

/// The path of an entry of a table.
pub(super) fn entry(table: &str, name: &str) -> String {
    let mut path = table.to_owned();
    push(&mut path, name);
    path
}

/// An object whose keys the shop chooses. A key that is there twice is refused: which one is meant?
#[derive(Debug, Serialize)]
pub(super) struct Table<T>(pub(super) BTreeMap<String, T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reads<T> {
            type Value = Table<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<T>, A::Error> {
                let mut table = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if table.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
                    }
                    table.insert(key, value);
                }
                Ok(Table(table))
            }
        }
        deserializer.deserialize_map(Reads(PhantomData))
    }
}

/// A struct that is read from an object alone: the derived reader takes a list of its fields' values, too.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reads<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Reads(PhantomData))
    }
}

/// Collects what is wrong with a document whose shape is right.
#[derive(Default)]
pub(super) struct Problems(Vec<RuleError>);

impl Problems {
    /// Something else that is wrong.
    pub(super) fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.push(RuleError { path: path.into(), problem: problem.into() });
    }

    /// The rule, if nothing was wrong.
    pub(super) fn finish<T>(self, rule: T) -> Result<T, Vec<RuleError>> {
        if self.0.is_empty() { Ok(rule) } else { Err(self.0) }
    }

    /// All that was wrong.
    pub(super) fn all(self) -> Vec<RuleError> {
        self.0
    }

    /// A share: 0 to all of it.
    pub(super) fn bps(&mut self, path: &str, given: i64) -> i32 {
        let whole = i64::from(BPS_MAX);
        if given > whole {
            let problem = format!("is above {BPS_MAX} basis points (the whole of it); give 0 to {BPS_MAX}");
            self.add(path, problem);
        } else if given < 0 {
            self.add(path, format!("is below 0 basis points; give 0 to {BPS_MAX}"));
        }
        i32::try_from(given.clamp(0, whole)).unwrap_or(BPS_MAX)
    }

    /// An amount of at least `least` minor units.
    pub(super) fn amount(&mut self, path: &str, given: i64, least: i64) -> i64 {
        if !(least..=AMOUNT_MINOR_MAX).contains(&given) {
            self.add(path, format!("is no amount; give {least} to {AMOUNT_MINOR_MAX} minor units"));
        }
        given
    }

    /// A number of `units` from `least` to `most`.
    pub(super) fn count(&mut self, path: &str, given: i64, least: u16, most: u16, units: &str) -> u16 {
        let read = u16::try_from(given).ok().filter(|n| (least..=most).contains(n));
        if read.is_none() {
            self.add(path, format!("is out of range; give {least} to {most} {units}"));
        }
        read.unwrap_or(least)
    }

    /// The handle of a tier.
    pub(super) fn handle(&mut self, path: &str, given: &str) -> Option<Handle> {
        let read = given.parse().ok();
        if read.is_none() {
            let fix =
                "is no handle; give 1 to 63 characters a-z, 0-9 and '-', with a letter or digit at both ends";
            self.add(path, fix);
        }
        read
    }

    /// What is told of a value of another module's: its own error may repeat the value, so it isn't used.
    pub(super) fn value<T: std::str::FromStr>(&mut self, path: &str, given: &str, fix: &str) -> Option<T> {
        let read = given.parse().ok();
        if read.is_none() {
            self.add(path, fix);
        }
        read
    }

    /// An instant.
    pub(super) fn instant(&mut self, path: &str, given: &str) -> Option<DateTime<Utc>> {
        let read = DateTime::parse_from_rfc3339(given).ok().map(|at| at.to_utc());
        if read.is_none() {
            self.add(path, "is no instant; write it like 2026-01-01T00:00:00Z, or leave it out");
        }
        read
    }

    /// A text that can be stored and compared.
    pub(super) fn text(&mut self, path: &str, given: String) -> String {
        let blank = given.trim().is_empty();
        if blank || given.chars().count() > TEXT_MAX || given.chars().any(char::is_control) {
            let fix =
                format!("is empty, too long or has control characters; give 1 to {TEXT_MAX} characters");
            self.add(path, fix);
        }
        given
    }

    /// A list of texts, each once.
    pub(super) fn texts(&mut self, path: &str, given: Vec<String>) -> BTreeSet<String> {
        self.entries(path, given.len());
        let mut set = BTreeSet::new();
        for (i, text) in given.into_iter().enumerate().take(ENTRIES_MAX) {
            let path = format!("{path}[{i}]");
            if !set.insert(self.text(&path, text)) {
                self.add(path, "is there twice; give it once");
            }
        }
        set
    }

    /// How many entries a list or a table has.
    pub(super) fn entries(&mut self, path: &str, given: usize) {
        if given > ENTRIES_MAX {
            self.add(path, format!("has more than {ENTRIES_MAX} entries; give fewer"));
        }
    }
}

/// An instant as documents have it.
pub(super) fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
