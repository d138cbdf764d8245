//! What is asked for: the JSON in the first message.

use serde::Deserialize;
use serde_json::Value;

/// The task.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Task {
    pub(super) goal: String,
    pub(super) kind: String,
    pub(super) timeline_days: Option<i64>,
    pub(super) target_segment: Option<String>,
    pub(super) limits: Limits,
    pub(super) tiers: Vec<String>,
    #[serde(deserialize_with = "filter")]
    pub(super) filter: Filter,
}

/// Whom a question picks, as far as it is of use here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) segments: Vec<String>,
    pub(super) tiers: Vec<String>,
}

/// A filter of another form picks nobody that could be named.
fn filter<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Filter, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// What no offer may go beyond. The defaults are so careful that they hold for every shop.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    pub(super) credit_minor_max: i64,
    pub(super) campaign_cost_minor_max: i64,
    pub(super) extend_days_max: i64,
    pub(super) hold_out_bps_min: i64,
    pub(super) hold_out_bps_max: i64,
    pub(super) audience_min: i64,
    pub(super) campaigns_wanted: bool,
    pub(super) tiers: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            credit_minor_max: 0,
            campaign_cost_minor_max: 0,
            extend_days_max: 30,
            hold_out_bps_min: 1_000,
            hold_out_bps_max: 1_000,
            audience_min: 5,
            campaigns_wanted: true,
            tiers: Vec::new(),
        }
    }
}

impl Task {
    /// The task in a first message; all defaults when it holds none.
    pub(super) fn of(message: &str) -> Self {
        let mut task = block(message).unwrap_or_default();
        if task.tiers.is_empty() {
            task.tiers.clone_from(&task.limits.tiers);
        }
        task.timeline_days = task.timeline_days.filter(|days| (1..=3_650).contains(days));
        task.target_segment = task.target_segment.filter(|segment| !segment.is_empty());
        task
    }

    /// Whether the kind is an analysis, which proposes nothing.
    pub(super) fn is_analysis(&self) -> bool {
        self.kind.starts_with("analyze") || !self.limits.campaigns_wanted
    }

    /// Whether the kind is this one, for one shop or for all.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest == "-tenant")
    }
}

/// The fenced block that is marked with `TASK`; without one, the first that has a goal.
fn block(message: &str) -> Option<Task> {
    let mut blocks = Vec::new();
    let mut inside: Option<(bool, String)> = None;
    let mut before = "";
    for line in message.lines() {
        match (&mut inside, line.trim_start().strip_prefix("```")) {
            (None, Some(fence)) => {
                let marked = fence.contains("TASK") || before.contains("TASK");
                inside = Some((marked, String::new()));
            }
            (Some((marked, text)), Some(_)) => {
                blocks.push((*marked, std::mem::take(text)));
                inside = None;
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
        if !line.trim().is_empty() {
            before = line;
        }
    }
    let read = |text: &str| {
        let value: Value = serde_json::from_str(text).ok()?;
        value.get("goal").or_else(|| value.get("kind"))?;
        serde_json::from_value(value).ok()
    };
    let marked = blocks.iter().filter(|(marked, _)| *marked).find_map(|(_, text)| read(text));
    marked.or_else(|| blocks.iter().find_map(|(_, text)| read(text)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn the_block_is_found_wherever_it_is_marked() {
        let json = r#"{"goal":"g","kind":"plan-campaign","timeline_days":90,"limits":{"credit_minor_max":7,"more":1},"tiers":["gold"]}"#;
        for message in [
            format!("Do it.\n```json TASK\n{json}\n```\nThanks."),
            format!("TASK:\n\n```json\n{json}\n```"),
            format!("```json\n{{\"rows\":[]}}\n```\n```json\n{json}\n```"),
        ] {
            let task = Task::of(&message);
            assert_eq!((task.goal.as_str(), task.limits.credit_minor_max), ("g", 7), "{message}");
            assert!(task.is("plan-campaign") && !task.is_analysis());
        }
        assert_eq!(Task::of("no task").limits.credit_minor_max, 0);
    }
}
