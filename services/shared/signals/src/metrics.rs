//! The metrics, by what they are about.

pub mod engine;
pub mod messages;
pub mod money;
pub mod outside;
pub mod runs;
pub mod store;

use std::sync::LazyLock;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::{Describe, process};

/// Media type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics, by area.
pub fn all() -> impl Iterator<Item = (&'static str, &'static [&'static dyn Describe])> {
    [
        ("Runs", runs::ALL),
        ("Messages", messages::ALL),
        ("Database", store::ALL),
        ("Money", money::ALL),
        ("Others", outside::ALL),
        ("Engine", engine::ALL),
        ("Process", process::ALL),
    ]
    .into_iter()
}

/// What this process has counted, as OpenMetrics text. Metrics without a value are not in it.
#[must_use]
pub fn text() -> String {
    static SHOWN: LazyLock<Registry> = LazyLock::new(|| {
        let mut registry = Registry::default();
        all().flat_map(|(_, metrics)| metrics).for_each(|metric| metric.show(&mut registry));
        registry
    });
    process::look();
    let mut text = String::new();
    // Writing to a String can't fail.
    let _infallible = encode(&mut text, &SHOWN);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::Kind;

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let mut known = BTreeSet::new();
        for metric in all().flat_map(|(_, metrics)| metrics) {
            let name = metric.name();
            assert!(known.insert(name), "{name} stands twice");
            assert!(name.starts_with("tradeup_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}");
            assert!(metric.kind() != Kind::Histogram || name.ends_with("_seconds"), "{name}: in a base unit");
            assert!(!metric.help().ends_with('.') && !metric.help().contains('|'), "{name}");
            for label in metric.labels() {
                assert!(
                    !["tenant", "shop", "member", "run_id", "url", "key"].contains(label),
                    "{name}: {label}"
                );
            }
        }
    }

    #[test]
    fn what_was_counted_is_told_with_its_labels() {
        runs::CLAIMED.one(["probe-task"]);
        runs::ATTEMPT_SECONDS.observe(0.3, ["probe-task"]);
        money::MINOR.add_of(-5.0, ["grant", "USD"]);
        let text = text();
        assert!(text.contains("tradeup_runs_claimed_total{task=\"probe-task\"} 1.0\n"), "{text}");
        assert!(
            text.contains("tradeup_attempt_duration_seconds_bucket{le=\"0.5\",task=\"probe-task\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("tradeup_credits_minor_total{kind=\"grant\",currency=\"USD\"} 0.0\n"),
            "{text}"
        );
        assert!(text.contains("# TYPE process_resident_memory_bytes gauge\n"), "{text}");
        assert!(!text.contains("tradeup_mails_total"), "nothing was counted: {text}");
        assert!(text.ends_with("# EOF\n"));
    }

    /// docs/metrics.md says what there is, and no more. With METRICS_WRITE=1 it is written anew.
    #[test]
    fn the_reference_says_what_there_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/metrics.md");
        let was = std::fs::read_to_string(path).unwrap();
        let (before, after) = ("<!-- metrics: begin -->\n", "<!-- metrics: end -->\n");
        let (head, rest) = was.split_once(before).unwrap();
        let (_, tail) = rest.split_once(after).unwrap();
        let mut tables = String::new();
        for (area, metrics) in all() {
            write!(tables, "\n### {area}\n\n| metric | kind | labels | what |\n|---|---|---|---|\n").unwrap();
            for metric in metrics {
                let labels: Vec<_> = metric.labels().iter().map(|label| format!("`{label}`")).collect();
                let (name, kind, help) = (metric.name(), metric.kind().as_str(), metric.help());
                writeln!(tables, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
            }
        }
        let wanted = format!("{head}{before}{tables}\n{after}{tail}");
        if std::env::var_os("METRICS_WRITE").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), wanted, "METRICS_WRITE=1 writes it");
    }
}
