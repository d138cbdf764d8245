//! What is measured: those measures that have a baseline, what the goal speaks of first.

use serde_json::{Value, json};

use super::seen::{Figure, Seen};
use super::task::Task;
use super::{topics, words};

const KPIS_MAX: usize = 4;

/// A measure, what it is called, and how it is measured again.
struct Measured {
    measure: &'static str,
    title: &'static str,
    how: &'static str,
    less_is_better: bool,
    /// What is measured whatever is asked for; the others only if the goal speaks of them.
    always: bool,
}

const fn measured(
    measure: &'static str,
    title: &'static str,
    how: &'static str,
    less_is_better: bool,
    always: bool,
) -> Measured {
    Measured { measure, title, how, less_is_better, always }
}

const MEASURED: [Measured; 8] = [
    measured("at_risk_members", "Members at risk", "Count the members at risk again.", true, true),
    measured(EXPIRING, "Credit that ends unused", "Add up again what ends within 30 days.", true, true),
    measured("active_members_90d", "Active members", "Count again who bought over 90 days.", false, true),
    measured(
        "retention_90d_bps",
        "Members who come back",
        "Measure retention over 90 days again.",
        false,
        true,
    ),
    measured(
        "credit_redemption_90d_bps",
        "Credit that is used",
        "Measure again what was used over 90 days.",
        false,
        true,
    ),
    measured("revenue_90d_minor", "Revenue", "Add up again what members spent over 90 days.", false, false),
    measured("orders_90d", "Orders", "Count the orders over 90 days again.", false, false),
    measured(TIER, "Members of a higher tier", "Count the tier's members again.", false, false),
];
const EXPIRING: &str = "expiring_unused_30d_minor";
const TIER: &str = "tier_members";

/// The KPIs of a plan.
pub(super) fn of(task: &Task, seen: &Seen) -> Vec<Value> {
    let wanted = wanted_bps(&task.goal);
    let horizon = task.timeline_days.unwrap_or(90).clamp(7, 365);
    let spoken_of = topics::measures(&task.goal);
    let of_task = |name: &str| match name {
        _ if task.is("daily-expiration-rescue") => name == EXPIRING,
        _ if task.is("weekly-churn-prevention-scan") => name != EXPIRING,
        _ => true,
    };
    let mut chosen: Vec<(usize, &Measured)> = MEASURED
        .iter()
        .filter(|measured| of_task(measured.measure))
        .filter_map(|measured| {
            let place = spoken_of.iter().position(|name| *name == measured.measure);
            place.or(measured.always.then_some(usize::MAX)).map(|place| (place, measured))
        })
        .collect();
    chosen.sort_by_key(|(place, _)| *place);
    let kpi = |(place, measured): (usize, &Measured)| {
        let baseline = baseline(measured.measure, task, seen)?;
        let change = match measured.less_is_better {
            true => -wanted,
            // What the goal does not speak of may move by half of it.
            false if place == usize::MAX => wanted / 2,
            false => wanted,
        };
        // What is nearly all of it already can't grow by as much.
        let room = i128::from(baseline.value) * i128::from(10_000 + change) / 10_000;
        (baseline.unit != "bps" || room < 10_000).then(|| {
            json!({
                "name": title(measured, baseline),
                "measure": measured.measure,
                "baseline": baseline.id,
                "target_change_bps": change,
                "horizon_days": if measured.measure == EXPIRING { horizon.min(30) } else { horizon },
                "how": measured.how,
            })
        })
    };
    chosen.into_iter().filter_map(kpi).take(KPIS_MAX).collect()
}

/// What a measure starts from: of tiers the second largest, where there is room.
fn baseline<'a>(measure: &str, task: &'a Task, seen: &'a Seen) -> Option<&'a Figure> {
    if measure != TIER {
        return seen.named(measure).filter(|figure| figure.value > 0);
    }
    let mut tiers = seen.tiers(&task.tiers);
    tiers.retain(|(_, figure)| figure.value > 0);
    tiers.sort_by_key(|(_, figure)| std::cmp::Reverse(figure.value));
    tiers.get(1).or(tiers.first()).map(|(_, figure)| *figure)
}

fn title(measured: &Measured, baseline: &Figure) -> String {
    let tier = baseline.label("tier").filter(|tier| measured.measure == TIER && words::is_word(tier));
    tier.map_or_else(|| measured.title.to_owned(), |tier| format!("Members in {tier}"))
}

/// The change that the goal speaks of, like `20 %`, in basis points; a fifth when it speaks of none.
fn wanted_bps(goal: &str) -> i64 {
    let words: Vec<&str> = goal.split_whitespace().collect();
    let number = words.iter().enumerate().find_map(|(at, word)| {
        let next = words.get(at + 1).is_some_and(|next| next.starts_with('%') || next.starts_with("percent"));
        let number = word.trim_end_matches(['.', ',', ';']);
        number.strip_suffix('%').or(next.then_some(number))?.parse::<i64>().ok()
    });
    number.filter(|percent| (2..=50).contains(percent)).map_or(2_000, |percent| percent * 100)
}
