//! What a goal's words ask about: the figures that answer it, and the measures that tell whether it is reached.

use super::seen::{Figure, Seen};
use super::task::Task;
use super::words;

/// Something that goals are about: how words begin that speak of it, the figures that tell of it, the measures of it.
struct Topic {
    words: &'static [&'static str],
    figures: &'static [&'static str],
    measures: &'static [&'static str],
}

const TOPICS: [Topic; 7] = [
    Topic {
        words: &["revenue", "sale", "sell", "turnover", "spend", "spent", "worth", "grow"],
        figures: &["revenue_90d_minor", "orders_90d", "average_order_90d_minor"],
        measures: &["revenue_90d_minor", "orders_90d", "active_members_90d"],
    },
    Topic {
        words: &["euro", "dollar", "currenc"],
        figures: &["other_currency_revenue_minor", "revenue_90d_minor"],
        measures: &["revenue_90d_minor"],
    },
    Topic {
        words: &["tier", "structur", "bronze", "silver", "gold"],
        figures: &["tier_members"],
        measures: &["tier_members"],
    },
    Topic {
        words: &["use", "using", "redeem", "redemption"],
        figures: &["credit_redemption_90d_bps", "credit_outstanding_minor"],
        measures: &["credit_redemption_90d_bps"],
    },
    Topic {
        words: &["end", "expir", "lose", "gone", "remind"],
        figures: &["expiring_unused_30d_minor", "expiring_members_30d"],
        measures: &["expiring_unused_30d_minor"],
    },
    Topic {
        words: &["churn", "leav", "quiet", "risk", "losing", "stop", "drift", "back"],
        figures: &["at_risk_members", "retention_90d_bps"],
        measures: &["at_risk_members", "retention_90d_bps"],
    },
    Topic {
        words: &["active", "regular", "member", "customer", "people"],
        figures: &["members_total", "active_members_90d"],
        measures: &["active_members_90d"],
    },
];

/// What the treated of a campaign ordered beyond who was held out.
pub(super) const LIFT: &str = "campaign_lift_bps";

/// What is told of the members that a question picked, in one sentence each.
const OF_GROUP: [(&str, &str); 5] = [
    ("group_share_bps", "of all members are in the group"),
    ("group_active_members_90d", "of the group bought over 90 days"),
    ("group_reachable_members", "of the group may be written to"),
    ("group_revenue_365d_minor", "is what the group spent over 365 days"),
    ("group_expiring_30d_minor", "of the group's credit ends within 30 days"),
];

/// The topics of a goal, in the order in which they stand here.
fn of(goal: &str) -> impl Iterator<Item = &'static Topic> {
    let goal = goal.to_lowercase();
    let words: Vec<String> = goal.split(|char: char| !char.is_alphabetic()).map(str::to_owned).collect();
    TOPICS.iter().filter(move |topic| {
        let speaks = |word: &String| topic.words.iter().any(|begin| word.starts_with(begin));
        words.iter().any(speaks)
    })
}

/// Measures that the goal speaks of, the nearest first.
pub(super) fn measures(goal: &str) -> Vec<&'static str> {
    of(goal).flat_map(|topic| topic.measures.iter().copied()).collect()
}

/// What the figures say about what the goal asks, a sentence each.
pub(super) fn answers(task: &Task, seen: &Seen) -> Vec<String> {
    let mut asked: Vec<&str> =
        task.target_segment.iter().chain(&task.filter.segments).map(String::as_str).collect();
    asked.extend(best(&task.goal));
    let mut sentences = segments(&asked, seen);
    if task.is("analyze-segment") {
        sentences.extend(group(seen));
    }
    let mut names: Vec<&str> = of(&task.goal).flat_map(|topic| topic.figures.iter().copied()).collect();
    if !task.filter.tiers.is_empty() {
        names.push("tier_members");
    }
    let mut told = Vec::new();
    for name in names {
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        sentences.extend(if name == "tier_members" { tiers(task, seen) } else { one(name, seen) });
    }
    sentences
}

fn one(name: &str, seen: &Seen) -> Option<String> {
    let figure = seen.named(name).filter(|figure| figure.is_of_all())?;
    let text = match name {
        // The words of its name would not say what it is.
        "other_currency_revenue_minor" => {
            format!("In another currency, members spent {}{}.", figure.cite(), words::window(figure))
        }
        _ => format!("{}: {}.", words::sentence(&words::of(figure)?), figure.cite()),
    };
    Some(text)
}

/// What the newest campaign that was measured has brought.
pub(super) fn brought(seen: &Seen) -> Option<String> {
    let lift = seen.named(LIFT)?;
    let window = words::window(lift);
    Some(format!(
        "By the newest campaign that was measured, the share of members who order changed by {}{window}.",
        lift.cite()
    ))
}

/// How members are spread over the tiers.
pub(super) fn tiers(task: &Task, seen: &Seen) -> Option<String> {
    let tiers = seen.tiers(&task.tiers);
    let named = tiers.iter().filter(|(tier, _)| words::is_word(tier));
    let parts: Vec<String> = named.map(|(tier, figure)| format!("{} in {tier}", figure.cite())).collect();
    (!parts.is_empty()).then(|| format!("Members by tier: {}.", parts.join(", ")))
}

/// The segments of those whom a shop lives on, where a goal speaks of the best.
fn best(goal: &str) -> &'static [&'static str] {
    let goal = goal.to_lowercase();
    let speaks = ["best", "valuable", "champion", "loyal"].iter().any(|word| goal.contains(word));
    if speaks { &["champions", "loyal"] } else { &[] }
}

fn segments(names: &[&str], seen: &Seen) -> Vec<String> {
    let mut sentences = Vec::new();
    for name in names {
        let figure = seen.audience(name).filter(|figure| figure.label("segment") == Some(*name));
        let sentence = figure
            .map(|figure| format!("The segment {} has {} members.", name.replace('_', " "), figure.cite()));
        sentences.extend(sentence.filter(|sentence| !sentences.contains(sentence)));
    }
    sentences
}

fn group(seen: &Seen) -> Vec<String> {
    let Some(members) = seen.named("group_members") else { return Vec::new() };
    let whole = format!("{} members are in the group that was asked about.", members.cite());
    let parts = OF_GROUP.iter().filter_map(|(name, text)| {
        let figure: &Figure = seen.named(name)?;
        Some(format!("{} {text}.", figure.cite()))
    });
    std::iter::once(whole).chain(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_to_measures() {
        assert_eq!(
            measures("Raise the share of credit that gets used").first(),
            Some(&"credit_redemption_90d_bps")
        );
        assert_eq!(measures("Reduce CHURN by a fifth").first(), Some(&"at_risk_members"));
        assert_eq!(measures("More revenue, please").first(), Some(&"revenue_90d_minor"));
        assert!(measures("顧客").is_empty() && measures("").is_empty());
    }
}
