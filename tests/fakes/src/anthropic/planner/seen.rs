//! The figures that a conversation's results brought, each with what it is of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::anthropic::brain::ToolResult;

/// A figure as it was received.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) value: i64,
    pub(super) unit: String,
    pub(super) currency: Option<String>,
    pub(super) window: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether it is about one member.
    pub(super) of_member: bool,
}

impl Figure {
    /// `{{F12}}`.
    pub(super) fn cite(&self) -> String {
        format!("{{{{{}}}}}", self.id)
    }

    pub(super) fn is_count(&self) -> bool {
        self.unit == "count"
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// Whether it is of the whole shop: of one currency, if need be.
    pub(super) fn is_of_all(&self) -> bool {
        self.labels.keys().all(|label| label == "currency")
    }

    /// Whether it tells of the same as another: the same figure may come from several tools, with an id of each.
    pub(super) fn says_as_much(&self, other: &Self) -> bool {
        let same = self.name == other.name && self.value == other.value && self.currency == other.currency;
        // What a specialist passed on has lost its labels.
        same && (self.labels == other.labels || self.labels.is_empty() || other.labels.is_empty())
    }
}

/// All that was received.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    figures: Vec<Figure>,
    /// Statements of specialists, the weightiest first.
    pub(super) statements: Vec<String>,
    /// What tools and specialists could not tell, as prose.
    pub(super) gaps: Vec<String>,
    /// Tools that failed or had nothing.
    pub(super) without_figures: Vec<String>,
}

impl Seen {
    /// What the first message and the results brought.
    pub(super) fn of(first_message: &str, results: &[ToolResult]) -> Self {
        let mut seen = Self::default();
        let mut known = BTreeSet::new();
        for value in blocks(first_message) {
            let mut found = Found { figures: &mut seen.figures, known: &mut known };
            found.walk(&value, &BTreeMap::new(), false);
        }
        let mut weighed = Vec::new();
        for result in results.iter().filter(|result| !result.name.starts_with("submit_")) {
            let value: Value = serde_json::from_str(&result.content).unwrap_or(Value::Null);
            let before = seen.figures.len();
            if !result.is_error {
                let mut found = Found { figures: &mut seen.figures, known: &mut known };
                found.walk(&value, &BTreeMap::new(), false);
            }
            if result.name.starts_with("delegate_") {
                let told = statements(&value);
                told.iter().for_each(|(_, statement)| seen.label(statement));
                weighed.extend(told);
                seen.gaps.extend(texts(&value["data_gaps"]));
            } else if seen.figures.len() == before {
                seen.without_figures.push(result.name.clone());
            }
        }
        weighed.sort_by_key(|(weight, _)| *weight);
        seen.statements = weighed.into_iter().map(|(_, statement)| statement).collect();
        seen
    }

    /// What a specialist's figure is of, where only its statement tells: see [`words::of`](super::words::of).
    fn label(&mut self, statement: &str) {
        for kind in ["segment", "tier"] {
            let named = statement.split_once(&format!(" of the {kind} "));
            let Some((name, rest)) = named.and_then(|(_, rest)| rest.split_once(": {{")) else { continue };
            let Some((id, _)) = rest.split_once("}}") else { continue };
            let name = name.split_once(" over ").map_or(name, |(name, _)| name).replace(' ', "_");
            for figure in self.figures.iter_mut().filter(|figure| figure.id == id && figure.labels.is_empty())
            {
                figure.labels.insert(kind.to_owned(), name.clone());
            }
        }
    }

    /// Figures that are not about one member, in the order in which they came.
    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| !figure.of_member)
    }

    /// The figure with an id.
    pub(super) fn with_id(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.id == id)
    }

    /// The figure of a name for the whole shop.
    pub(super) fn named(&self, name: &str) -> Option<&Figure> {
        let named = || self.figures().filter(|figure| figure.name == name);
        named().find(|figure| figure.labels.is_empty()).or_else(|| named().next())
    }

    /// The members of a segment, as a tool counted them.
    pub(super) fn audience(&self, segment: &str) -> Option<&Figure> {
        match segment {
            "all" => self.named("members_total"),
            "at_risk" => self.named("at_risk_members").or_else(|| self.labelled("segment", segment)),
            "expiring" => self
                .figures()
                .filter(|figure| figure.is_count() && figure.name.contains("expiring"))
                .filter(|figure| figure.name.contains("member"))
                .max_by_key(|figure| (figure.labels.is_empty(), figure.name.contains("30d"), figure.value))
                .or_else(|| self.labelled("segment", segment)),
            _ => self.labelled("segment", segment),
        }
    }

    /// The members of each tier that has a handle of the shop's.
    pub(super) fn tiers<'a>(&'a self, handles: &'a [String]) -> Vec<(&'a str, &'a Figure)> {
        let of = |handle: &String| {
            let mut figures =
                self.figures().filter(|figure| figure.is_count() && figure.name.starts_with("tier_"));
            figures.find(|figure| figure.label("tier") == Some(handle))
        };
        handles.iter().filter_map(|handle| Some((handle.as_str(), of(handle)?))).collect()
    }

    fn labelled(&self, label: &str, value: &str) -> Option<&Figure> {
        let counts = || {
            self.figures()
                .filter(|figure| figure.is_count() && figure.name.contains("member"))
                .filter(|figure| figure.label(label) == Some(value) && figure.labels.len() == 1)
        };
        // All of them, before those in some group.
        let all = format!("{label}_members");
        counts().find(|figure| figure.name == all).or_else(|| counts().next())
    }
}

/// The JSON in a message: what the host asked of tools before it asked us. In fences, or a line each.
fn blocks(message: &str) -> Vec<Value> {
    let fenced = message
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .map(|(_, text)| text);
    let lines = message.lines().filter(|line| line.starts_with('{'));
    fenced.chain(lines).filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// A walk through a result.
struct Found<'a> {
    figures: &'a mut Vec<Figure>,
    known: &'a mut BTreeSet<String>,
}

impl Found<'_> {
    fn walk(&mut self, value: &Value, labels: &BTreeMap<String, String>, of_member: bool) {
        match value {
            Value::Array(list) => list.iter().for_each(|inner| self.walk(inner, labels, of_member)),
            Value::Object(map) => {
                let of_member = of_member || map.get("member").is_some_and(Value::is_string);
                let mut labels = labels.clone();
                labels.extend(own_labels(map));
                let mut inner: Vec<(&String, &Value)> = map.iter().collect();
                // In the order of minting, whatever the order of keys is.
                inner.sort_by_key(|(key, _)| (number(key), (*key).clone()));
                for (key, value) in inner {
                    if number(key).is_some() {
                        self.figure(key, value, &labels, of_member);
                    } else {
                        self.walk(value, &labels, of_member);
                    }
                }
            }
            _ => {}
        }
    }

    fn figure(&mut self, id: &str, value: &Value, labels: &BTreeMap<String, String>, of_member: bool) {
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        let number = value["value"].as_i64().or_else(|| value["value"].as_str()?.parse().ok());
        let (Some(name), Some(number), Some(unit)) = (text("name"), number, text("unit")) else { return };
        // A specialist's figures may come with a second answer as well.
        if !self.known.insert(id.to_owned()) {
            return;
        }
        let mut labels = labels.clone();
        labels.extend(value.as_object().map(own_labels).unwrap_or_default());
        labels.extend(text("tier").map(|tier| ("tier".to_owned(), tier)));
        self.figures.push(Figure {
            id: id.to_owned(),
            name,
            value: number,
            unit,
            currency: text("currency"),
            window: text("window"),
            labels,
            of_member,
        });
    }
}

fn own_labels(map: &Map<String, Value>) -> BTreeMap<String, String> {
    let labels = map.get("labels").and_then(Value::as_object);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    labels.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// The number of an id like `F12`.
pub(super) fn number(id: &str) -> Option<u32> {
    id.strip_prefix('F').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

fn statements(result: &Value) -> Vec<(u8, String)> {
    let findings = result["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let weight = |finding: &Value| match finding["weight"].as_str() {
        Some("high") => 0,
        Some("medium") => 1,
        _ => 2,
    };
    findings
        .iter()
        .filter_map(|finding| Some((weight(finding), finding["statement"].as_str()?.to_owned())))
        .filter(|(_, statement)| is_prose(statement))
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    texts.filter(|text| is_prose(text)).collect()
}

/// Whether nothing is in a text that a checker would refuse: no digits but those of placeholders and of `90 days`.
fn is_prose(text: &str) -> bool {
    let mut rest = text.to_owned();
    while let Some((before, after)) = rest.split_once("{{").and_then(|(before, inside)| {
        let (_, after) = inside.split_once("}}")?;
        Some((before.to_owned(), after.to_owned()))
    }) {
        rest = before + &after;
    }
    for days in ["30 days", "60 days", "90 days", "365 days"] {
        rest = rest.replace(days, "");
    }
    !text.trim().is_empty()
        && !rest.chars().any(|char| char.is_numeric() || matches!(char, '%' | '$' | '<' | '{' | '}'))
}
