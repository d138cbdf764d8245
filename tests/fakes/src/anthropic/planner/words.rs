//! Words for what is counted: a fact's name without what only machines read.

use super::seen::Figure;

/// `retention_90d_bps` over `90d` as `retention over 90 days`; none when nothing is left to say.
pub(super) fn of(figure: &Figure) -> Option<String> {
    let mut words: Vec<&str> = figure
        .name
        .split('_')
        .filter(|word| !word.is_empty() && word.chars().all(|char| char.is_ascii_lowercase()))
        .filter(|word| !matches!(*word, "bps" | "minor" | "count" | "days" | "pct"))
        .collect();
    if words.last() == Some(&"total") {
        words.pop();
        words.insert(0, "all");
    }
    if words.is_empty() {
        return None;
    }
    let mut text = words.join(" ");
    for (kind, value) in &figure.labels {
        // Titles and names of campaigns are somebody else's words; handles of tiers and segments are the shop's.
        if matches!(kind.as_str(), "segment" | "tier") && is_word(value) {
            text = format!("{text} of the {kind} {}", value.replace('_', " "));
        }
    }
    Some(text + &window(figure))
}

/// ` over 90 days`, where the window is one that may be named.
pub(super) fn window(figure: &Figure) -> String {
    let days = figure.window.as_deref().and_then(|window| window.strip_suffix('d'));
    match days {
        Some(days @ ("30" | "60" | "90" | "365")) => format!(" over {days} days"),
        _ => String::new(),
    }
}

/// `get_credit_activity` as `credit activity`.
pub(super) fn tool(name: &str) -> String {
    name.trim_start_matches("get_").replace('_', " ")
}

/// Whether it may stand in a sentence as it is: no digits, and nothing of a stranger's.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_lowercase() || matches!(char, '_' | '-'))
}

/// The first letter in capitals.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
