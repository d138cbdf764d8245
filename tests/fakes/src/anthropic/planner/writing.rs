//! The plan: templates, filled with the placeholders of facts that were received.

use serde_json::{Value, json};

use super::campaigns::{self, Proposal};
use super::seen::{Figure, Seen};
use super::task::Task;
use super::{kpis, topics, words};

/// Paragraphs of the current state, and of them what the figures say about the goal.
const STATE_MAX: usize = 12;
const ANSWERS_MAX: usize = 5;
/// Sentences of an answer in the summary.
const SUMMARY_ANSWERS: usize = 3;

/// What is put together.
#[derive(Default)]
struct Writing {
    calculations: Vec<Value>,
    summary: Vec<String>,
    state: Vec<String>,
    gaps: Vec<String>,
}

impl Writing {
    /// A calculation of two figures, and its placeholder; none where it would have no result.
    fn reckon(&mut self, op: &str, one: &Figure, other: &Figure, label: &str) -> Option<String> {
        let same = one.unit == other.unit && one.currency == other.currency && one.id != other.id;
        let part = op != "share" || (0..=other.value).contains(&one.value);
        // A part is of a whole over the same window, or of a state.
        let whole =
            op != "share" || one.window.is_none() || other.window.is_none() || one.window == other.window;
        if !same || !part || !whole || other.value <= 0 {
            return None;
        }
        let id = format!("C{}", self.calculations.len() + 1);
        self.calculations.push(json!({ "id": id, "op": op, "args": [one.id, other.id], "label": label }));
        Some(format!("{{{{{id}}}}}"))
    }
}

/// The plan that the figures call for.
pub(super) fn plan(task: &Task, seen: &Seen) -> Value {
    let Some(total) = seen.named("members_total").filter(|total| total.is_count()) else {
        return bare(task, seen);
    };
    let proposals = campaigns::choose(task, seen);
    let kpis = if task.is_analysis() { Vec::new() } else { kpis::of(task, seen) };
    let mut writing = Writing::default();
    state(&mut writing, task, seen, total);
    if task.is_analysis() {
        // The answer comes before how all members stand.
        writing.summary.extend(topics::answers(task, seen).into_iter().take(SUMMARY_ANSWERS));
    }
    for proposal in &proposals {
        writing.summary.push(proposal.summary.clone());
    }
    if proposals.is_empty() {
        writing.summary.push(idle(task, total));
    }
    writing.summary.truncate(6);
    gaps(&mut writing, task, seen, &proposals, &kpis);
    document(task, &writing, &proposals, &kpis)
}

/// A plan that proposes nothing: for a shop without data, and when everything else was refused.
pub(super) fn bare(task: &Task, seen: &Seen) -> Value {
    let mut writing = Writing::default();
    writing.summary.push("There is not enough data for more than a beginning.".to_owned());
    let known = seen
        .figures()
        .find_map(|figure| Some(format!("Known is {}: {}.", words::of(figure)?, figure.cite())));
    writing.state.push(known.unwrap_or_else(|| "The tools answered no figure about this shop.".to_owned()));
    writing.gaps.push("There is not enough data about members to choose a campaign or a KPI.".to_owned());
    document(task, &writing, &[], &[])
}

/// Where the shop stands.
fn state(writing: &mut Writing, task: &Task, seen: &Seen, total: &Figure) {
    let all = total.cite();
    if total.value == 0 {
        writing.state.push(format!("The programme has {all} members yet: there is not enough data."));
        return;
    }
    let share = |writing: &mut Writing, name: &str, label: &str, text: &str| {
        let Some(part) = seen.named(name) else { return };
        let sentence = match writing.reckon("share", part, total, label) {
            Some(share) => format!("{} of {all} members, {share} of them, {text}.", part.cite()),
            None => format!("{} members {text}.", part.cite()),
        };
        writing.state.push(sentence);
    };
    share(writing, "active_members_90d", "Active share of members", "bought over 90 days");
    share(writing, "at_risk_members", "At-risk share of members", "are at risk of leaving");
    if let Some(retention) = seen.named("retention_90d_bps") {
        writing
            .state
            .push(format!("Of those who bought before, {} came back within 90 days.", retention.cite()));
    }
    if let Some(redemption) = seen.named("credit_redemption_90d_bps") {
        writing.state.push(format!("Of the credit given, {} was used over 90 days.", redemption.cite()));
    }
    expiring(writing, seen);
    trend(writing, seen);
    writing.state.extend(topics::brought(seen));
    if writing.state.is_empty() {
        writing.state.push(format!("The programme has {all} members."));
    }
    let answers: Vec<String> = topics::answers(task, seen)
        .into_iter()
        .filter(|answer| says_something_new(writing, seen, answer))
        .collect();
    writing.state.extend(answers.into_iter().take(ANSWERS_MAX));
    let tiers = topics::tiers(task, seen).filter(|tiers| says_something_new(writing, seen, tiers));
    writing.state.extend(tiers);
    for statement in &seen.statements {
        let room = writing.state.len() < STATE_MAX - 1;
        if room && says_something_new(writing, seen, statement) {
            writing.state.push(statement.clone());
        }
    }
    writing.state.truncate(STATE_MAX);
}

/// Credit that is about to end, and its share of all that is open.
fn expiring(writing: &mut Writing, seen: &Seen) {
    let Some(amount) = seen.named("expiring_unused_30d_minor") else { return };
    let open = seen.figures().find(|figure| {
        let open = ["outstanding", "balance", "open_credit", "unspent"]
            .iter()
            .any(|name| figure.name.contains(name));
        open && figure.labels.is_empty() && figure.unit == "minor"
    });
    let share = open.and_then(|open| {
        let share = writing.reckon("share", amount, open, "Share of open credit about to end")?;
        Some(format!(", {share} of the {} that is open", open.cite()))
    });
    let share = share.unwrap_or_default();
    writing.state.push(format!("Credit of {} ends unused within 30 days{share}.", amount.cite()));
}

/// How the two last whole months compare: orders, or else whatever is counted by month.
fn trend(writing: &mut Writing, seen: &Seen) {
    let is_month = |figure: &&Figure| {
        let window = figure.window.as_deref().unwrap_or_default();
        figure.labels.keys().all(|label| label == "month")
            && window.len() == 7
            && window.as_bytes().get(4) == Some(&b'-')
    };
    let months: Vec<&Figure> = seen.figures().filter(is_month).collect();
    let names = ["revenue", "orders", "active", ""];
    let named = names.iter().find_map(|part| months.iter().find(|figure| figure.name.contains(part)));
    let Some(named) = named else { return };
    let mut series: Vec<&Figure> = months
        .iter()
        .filter(|figure| figure.name == named.name && figure.currency == named.currency)
        .copied()
        .collect();
    series.sort_by(|one, other| one.window.cmp(&other.window));
    let [.., before, last] = series.as_slice() else { return };
    let Some(what) = words::of(named) else { return };
    if let Some(change) = writing.reckon("pct_change", last, before, "Change against the month before") {
        let (last, before) = (last.cite(), before.cite());
        writing.state.push(format!(
            "In the newest month, {what}: {last}, after {before} in the month before: {change}."
        ));
    }
}

/// Whether a sentence cites a figure that nothing yet cites; the same one may have been told by several tools.
fn says_something_new(writing: &Writing, seen: &Seen, sentence: &str) -> bool {
    let told: Vec<&Figure> =
        writing.state.iter().flat_map(|text| cited(text)).filter_map(|id| seen.with_id(id)).collect();
    cited(sentence)
        .any(|id| seen.with_id(id).is_none_or(|figure| !told.iter().any(|other| other.says_as_much(figure))))
}

/// The ids that a text cites.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|(id, _)| id.trim())
}

fn idle(task: &Task, total: &Figure) -> String {
    let all = total.cite();
    if total.value == 0 {
        "There is not enough data: the programme has no members to plan for.".to_owned()
    } else if task.is_analysis() {
        format!("This is how the {all} members stand; nothing is proposed.")
    } else {
        format!("No group of the {all} members is large enough, or in trouble enough, for a campaign.")
    }
}

fn gaps(writing: &mut Writing, task: &Task, seen: &Seen, proposals: &[Proposal], kpis: &[Value]) {
    let without = seen
        .without_figures
        .iter()
        .map(|tool| format!("There is not enough data about {}.", words::tool(tool)));
    for gap in without.chain(seen.gaps.iter().cloned()) {
        if writing.gaps.len() < 9 && !writing.gaps.contains(&gap) {
            writing.gaps.push(gap);
        }
    }
    if seen.named("members_total").is_some_and(|total| total.value == 0) {
        writing.gaps.push("There is not enough data about members: the programme has none.".to_owned());
    }
    if task.is_analysis() {
        return;
    }
    if let Some(segment) = task.target_segment.as_deref() {
        let reached = proposals.iter().any(|proposal| proposal.campaign["segment"] == segment);
        if !reached {
            writing
                .gaps
                .push("No tool counted enough members of the segment that was asked about.".to_owned());
        }
    }
    if proposals.is_empty() {
        writing.gaps.push("There is not enough data to choose a campaign by.".to_owned());
    }
    if kpis.is_empty() {
        writing.gaps.push("There is no baseline to measure a KPI from.".to_owned());
    }
}

fn document(task: &Task, writing: &Writing, proposals: &[Proposal], kpis: &[Value]) -> Value {
    let campaigns: Vec<&Value> = proposals.iter().map(|proposal| &proposal.campaign).collect();
    let mut risks = vec!["Figures are of one day; members may have moved since.".to_owned()];
    if campaigns.iter().any(|campaign| campaign["kind"] == "bonus_credit") {
        risks.push(
            "Members who would have come back anyway are given credit too; the hold-out shows how many."
                .to_owned(),
        );
    }
    if campaigns.iter().any(|campaign| campaign["kind"] == "extension") {
        risks.push("Who learns that time is given may wait for the next time.".to_owned());
    }
    json!({
        "executive_summary": writing.summary,
        "current_state": writing.state,
        "calculations": writing.calculations,
        "phases": phases(task, proposals),
        "campaigns": campaigns,
        "kpis": kpis,
        "risks": risks,
        "assumptions": ["Rules chose this from the figures; no model weighed it against the goal."],
        "data_gaps": writing.gaps,
    })
}

fn phases(task: &Task, proposals: &[Proposal]) -> Value {
    // A timeline that ends within a week takes that week; each phase has one at least.
    let weeks = task.timeline_days.map_or(12, |days| (days + 6) / 7).clamp(3, 156);
    let (first, second) = (weeks / 3, (weeks - weeks / 3) / 2);
    let of = |phase: i64, title: &str, weeks: i64, goal: &str, last: &str| {
        let mut actions: Vec<String> = proposals
            .iter()
            .filter(|proposal| proposal.phase == phase)
            .map(|proposal| proposal.action.clone())
            .collect();
        actions.push(last.to_owned());
        json!({ "title": title, "weeks": weeks, "goal": goal, "actions": actions })
    };
    json!([
        of(
            1,
            "Stop losses",
            first,
            "Keep what would be lost first.",
            "Check that the figures hold before anything is sent."
        ),
        of(
            2,
            "Win back",
            second,
            "Reach who has gone quiet.",
            "Compare who was written to with who was held out."
        ),
        of(
            3,
            "Make it last",
            weeks - first - second,
            "Keep what worked and end what did not.",
            "Measure every KPI and plan anew."
        ),
    ])
}
