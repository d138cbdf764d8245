//! Which campaigns the figures call for.

use serde_json::{Value, json};

use super::seen::{Figure, Seen};
use super::task::Task;

/// The credit that is proposed when the shop's limits let it, in minor units.
const CREDIT_MINOR: i64 = 500;
/// What credits are rounded down to, and the least that is worth a message, in minor units.
const STEP_MINOR: i64 = 50;
/// From which share of members at risk they are given something, in parts of a hundred.
const MANY_AT_RISK: i64 = 10;
/// From which share of all members one tier is too large, in parts of a hundred.
const SKEWED: i64 = 60;
/// Below which share of active members the others are written to, in parts of a hundred.
const FEW_ACTIVE: i64 = 50;
/// Held out of an audience, in basis points: as little as lets the two arms be compared.
const HOLD_OUT_BPS: i64 = 1_000;
const HOLD_OUT_BPS_OF_FEW: i64 = 2_000;
/// Up to how many members an audience is one of few.
const FEW: i64 = 300;
/// Subject and body of messages that give nothing.
const AT_A_GLANCE: (&str, &str) = (
    "Your credit and your tier at a glance",
    "We have not heard from you for a while.\nHave a look at what is waiting for you in your account.",
);
const THANKS: (&str, &str) = (
    "Thank you for being with us",
    "You are one of those this programme lives on.\nHave a look at what is waiting for you in your account.",
);
const WAY_UP: (&str, &str) = (
    "Your next tier",
    "The next tier of our programme gives you more with every order.\nYour account shows what is missing to reach it.",
);

/// A campaign, and what it means for the plan.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) campaign: Value,
    /// The phase, from 1.
    pub(super) phase: i64,
    /// A sentence for the summary.
    pub(super) summary: String,
    /// What is done, for the phase.
    pub(super) action: String,
}

/// What a campaign gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gift {
    Credit,
    Time,
    Nothing,
}

/// What a rule fills in.
struct Draft<'a> {
    name: &'static str,
    phase: i64,
    segment: &'a str,
    tier: &'a str,
    gift: Gift,
    audience: &'a Figure,
    /// What it may cost at most where it does not give credit: what is kept alive.
    keeps_minor: i64,
    /// Subject and body where nothing is given.
    message: (&'static str, &'static str),
    why: String,
    summary: String,
}

/// `part` is at least so many hundredths of `whole`.
fn at_least(part: i64, whole: i64, hundredths: i64) -> bool {
    whole > 0 && i128::from(part) * 100 >= i128::from(whole) * i128::from(hundredths)
}

/// The campaigns that the figures call for, in order of their keys.
pub(super) fn choose(task: &Task, seen: &Seen) -> Vec<Proposal> {
    if task.is_analysis() {
        return Vec::new();
    }
    let rules: &[fn(&Task, &Seen) -> Option<Proposal>] = if task.is("daily-expiration-rescue") {
        &[expiring]
    } else if task.is("weekly-churn-prevention-scan") {
        &[at_risk, quiet]
    } else if task.is("plan-campaign") {
        &[asked_for]
    } else {
        &[asked_for, expiring, at_risk, quiet, cooling, skewed]
    };
    let mut chosen: Vec<Proposal> = Vec::new();
    for rule in rules {
        let Some(mut proposal) = rule(task, seen) else { continue };
        let same = |other: &Proposal| {
            other.campaign["segment"] == proposal.campaign["segment"]
                && other.campaign["tier"] == proposal.campaign["tier"]
        };
        if !chosen.iter().any(same) {
            proposal.campaign["key"] = json!(format!("c{}", chosen.len() + 1));
            chosen.push(proposal);
        }
    }
    chosen
}

/// The segment that was asked about; for a single campaign, whatever can be reached.
fn asked_for(task: &Task, seen: &Seen) -> Option<Proposal> {
    let Some(segment) = task.target_segment.as_deref() else {
        let single = task.is("plan-campaign");
        return single.then(|| {
            at_risk(task, seen).or_else(|| expiring(task, seen)).or_else(|| everyone(task, seen))
        })?;
    };
    match segment {
        "at_risk" => at_risk(task, seen),
        "expiring" => expiring(task, seen),
        _ => {
            let audience = seen.audience(segment)?;
            let words = segment.replace('_', " ");
            propose(
                task,
                Draft {
                    name: "A word to the segment",
                    phase: 2,
                    segment,
                    tier: "",
                    gift: Gift::Credit,
                    audience,
                    keeps_minor: 0,
                    message: THANKS,
                    why: format!("The segment {words} was asked about; it has {} members.", audience.cite()),
                    summary: format!(
                        "The {} members of the segment {words} are written to.",
                        audience.cite()
                    ),
                },
            )
        }
    }
}

/// Credit that is about to end is given more time, so that nobody loses it unawares.
fn expiring(task: &Task, seen: &Seen) -> Option<Proposal> {
    let audience = seen.audience("expiring")?;
    let amount = seen.named("expiring_unused_30d_minor").filter(|figure| figure.value > 0);
    let what = amount.map_or_else(|| "Credit".to_owned(), |figure| format!("Credit of {}", figure.cite()));
    let members = audience.cite();
    propose(
        task,
        Draft {
            name: "More time for credit that ends",
            phase: 1,
            segment: "expiring",
            tier: "",
            gift: Gift::Time,
            audience,
            keeps_minor: amount.map_or(0, |figure| figure.value),
            message: AT_A_GLANCE,
            why: format!("{what} of {members} members would end unused within 30 days."),
            summary: format!(
                "{what} of {members} members is about to end unused; they are told, and given more time."
            ),
        },
    )
}

/// Members who have gone quiet: where they are many, they are given something to come back for.
fn at_risk(task: &Task, seen: &Seen) -> Option<Proposal> {
    let audience = seen.audience("at_risk")?;
    let total = seen.named("members_total");
    let many = total.is_some_and(|total| at_least(audience.value, total.value, MANY_AT_RISK));
    let members = audience.cite();
    let (gift, rest) = if many {
        (Gift::Credit, "which is too many to leave to chance; they are given credit to come back for")
    } else {
        (Gift::Nothing, "which are few enough for a message to do")
    };
    propose(
        task,
        Draft {
            name: "Come back",
            phase: 2,
            segment: "at_risk",
            tier: "",
            gift,
            audience,
            keeps_minor: 0,
            message: AT_A_GLANCE,
            why: format!("{members} members are at risk of leaving, {rest}."),
            summary: format!("{members} members are at risk of leaving, {rest}."),
        },
    )
}

/// Where few members are active, those who slumber are written to.
fn quiet(task: &Task, seen: &Seen) -> Option<Proposal> {
    let (active, total) = (seen.named("active_members_90d")?, seen.named("members_total")?);
    if at_least(active.value, total.value, FEW_ACTIVE) {
        return None;
    }
    let segments = ["hibernating", "needs_attention", "lost"];
    let (segment, audience) = segments
        .into_iter()
        .filter_map(|segment| Some((segment, seen.audience(segment)?)))
        .find(|(_, figure)| figure.value >= task.limits.audience_min)?;
    let (some, all) = (active.cite(), total.cite());
    propose(
        task,
        Draft {
            name: "We have not seen you for a while",
            phase: 2,
            segment,
            tier: "",
            gift: Gift::Nothing,
            audience,
            keeps_minor: 0,
            message: AT_A_GLANCE,
            why: format!(
                "Only {some} of {all} members bought over 90 days, and {} slumber.",
                audience.cite()
            ),
            summary: format!(
                "Only {some} of {all} members bought over 90 days: those who slumber are written to."
            ),
        },
    )
}

/// Who ordered often and is about to cool down is written to before they are at risk: it costs nothing.
fn cooling(task: &Task, seen: &Seen) -> Option<Proposal> {
    let audience = seen.audience("needs_attention")?;
    let members = audience.cite();
    propose(
        task,
        Draft {
            name: "Before it is too late",
            phase: 3,
            segment: "needs_attention",
            tier: "",
            gift: Gift::Nothing,
            audience,
            keeps_minor: 0,
            message: AT_A_GLANCE,
            why: format!(
                "{members} members used to order more often, and a message is all that they need yet."
            ),
            summary: format!("{members} members are cooling down; they are written to, which costs nothing."),
        },
    )
}

/// Where one tier holds nearly everyone, its members are told how to get on.
fn skewed(task: &Task, seen: &Seen) -> Option<Proposal> {
    let total = seen.named("members_total")?;
    let tiers = seen.tiers(&task.tiers);
    let (tier, audience) = tiers.into_iter().max_by_key(|(_, figure)| figure.value)?;
    if !at_least(audience.value, total.value, SKEWED) {
        return None;
    }
    let (some, all) = (audience.cite(), total.cite());
    propose(
        task,
        Draft {
            name: "The way up",
            phase: 3,
            segment: "all",
            tier,
            gift: Gift::Nothing,
            audience,
            keeps_minor: 0,
            message: WAY_UP,
            why: format!("{some} of {all} members are in one tier, so the tiers set nobody a goal."),
            summary: format!(
                "{some} of {all} members are in one tier; they are told how the next one is reached."
            ),
        },
    )
}

/// A message to everyone, when there is nothing better to do.
fn everyone(task: &Task, seen: &Seen) -> Option<Proposal> {
    let audience = seen.audience("all")?;
    propose(
        task,
        Draft {
            name: "A word to everyone",
            phase: 1,
            segment: "all",
            tier: "",
            gift: Gift::Nothing,
            audience,
            keeps_minor: 0,
            message: AT_A_GLANCE,
            why: format!("No group of the {} members calls for more than a message.", audience.cite()),
            summary: format!("All {} members are written to.", audience.cite()),
        },
    )
}

/// The campaign within the shop's limits; none where the audience is too small.
fn propose(task: &Task, draft: Draft<'_>) -> Option<Proposal> {
    let limits = &task.limits;
    let members = draft.audience.value;
    if !draft.audience.is_count() || members < limits.audience_min {
        return None;
    }
    let affordable =
        CREDIT_MINOR.min(limits.credit_minor_max).min(limits.campaign_cost_minor_max / members.max(1));
    let credit_minor = affordable / STEP_MINOR * STEP_MINOR;
    let extend_days = limits.extend_days_max.min(30);
    let gift = match draft.gift {
        Gift::Credit if credit_minor < STEP_MINOR => Gift::Nothing,
        Gift::Time if extend_days < 1 => Gift::Nothing,
        gift => gift,
    };
    let (kind, subject, body) = match gift {
        Gift::Credit => (
            "bonus_credit",
            "{{credit}} for your next order",
            "We would like to see you again, and have added {{credit}} to your credit.\nIt is yours for {{days}}.",
        ),
        Gift::Time => (
            "extension",
            "Your credit lasts longer",
            "Some of your credit was about to end. We have given it {{days}} more, so that you can use it.",
        ),
        Gift::Nothing => ("mail", draft.message.0, draft.message.1),
    };
    let held = if members < FEW { HOLD_OUT_BPS_OF_FEW } else { HOLD_OUT_BPS };
    let gives = |wanted: Gift, value: i64| if gift == wanted { value } else { 0 };
    let campaign = json!({
        "key": "",
        "name": draft.name,
        "phase": draft.phase,
        "kind": kind,
        "segment": draft.segment,
        "tier": draft.tier,
        "message_subject": subject,
        "message_body": body,
        "credit_minor": gives(Gift::Credit, credit_minor),
        "credit_ends_within_days": gives(Gift::Credit, 30),
        "extend_days": gives(Gift::Time, extend_days),
        "audience": draft.audience.id,
        "hold_out_bps": held.clamp(limits.hold_out_bps_min, limits.hold_out_bps_max.max(limits.hold_out_bps_min)),
        "cost_limit_minor": gives(Gift::Credit, credit_minor) * members
            + gives(Gift::Time, draft.keeps_minor.clamp(0, limits.campaign_cost_minor_max.max(0))),
        "why": draft.why,
    });
    let action = match gift {
        Gift::Credit => format!("Give credit to {} members and write to them.", draft.audience.cite()),
        Gift::Time => format!("Extend the credit of {} members and tell them.", draft.audience.cite()),
        Gift::Nothing => format!("Write to {} members.", draft.audience.cite()),
    };
    Some(Proposal { campaign, phase: draft.phase, summary: draft.summary, action })
}
