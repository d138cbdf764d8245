//! How good a plan is, for shops of which it is known what there is to be found: to compare models, prompts and limits.
//! Shares are basis points: 10,000 is all of it.

use serde::{Deserialize, Serialize};

use crate::limits::{Better, Measure};
use crate::pieces::{Piece, pieces};
use crate::plan::Plan;

const ALL_BPS: i64 = 10_000;

/// What a good plan for a goal finds, since it was planted in the shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Truth {
    /// Names of facts that it has to cite: what is wrong with the shop, or right.
    pub cites: Vec<String>,
    /// Segments of which at least one has to be an audience; none: any will do.
    pub segments: Vec<String>,
    /// Kinds of campaign of which at least one has to be proposed; none: any will do.
    pub campaign_kinds: Vec<String>,
    /// Measures of which at least one has to be a KPI; none: any will do.
    pub measures: Vec<String>,
    /// Whether there is nothing to be proposed: a campaign would be made up.
    pub no_campaigns: bool,
    /// Whether it has to say that something could not be found out.
    pub data_gaps: bool,
}

/// What a plan scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Texts in which everything is proven, of all texts.
    pub grounding_bps: i64,
    /// What was planted and found, of what was planted.
    pub coverage_bps: i64,
    /// KPIs with a baseline that a tool answered, a target on the better side of it and a time, of all KPIs; all of
    /// them when there are none.
    pub kpis_bps: i64,
    /// Whether the agents came to their end by themselves and nothing stayed unproven.
    pub sound: bool,
}

/// The score of a plan.
#[must_use]
pub fn score(plan: &Plan, truth: &Truth) -> Score {
    Score {
        grounding_bps: grounding(plan),
        coverage_bps: coverage(plan, truth),
        kpis_bps: kpis(plan),
        sound: plan.complete && plan.unproven.is_empty(),
    }
}

/// A part of a whole, in basis points, rounded down; all of nothing is all.
#[must_use]
pub fn share_bps(part: usize, whole: usize) -> i64 {
    match (i64::try_from(part), i64::try_from(whole)) {
        (Ok(part), Ok(whole)) if whole > 0 => part.saturating_mul(ALL_BPS) / whole,
        _ => ALL_BPS,
    }
}

fn grounding(plan: &Plan) -> i64 {
    let texts: Vec<&String> = plan.document.texts().collect();
    let proven = texts
        .iter()
        .filter(|text| pieces(plan, text.as_str()).iter().all(|piece| !matches!(piece, Piece::Unproven(_))));
    let share = share_bps(proven.count(), texts.len());
    // A text may be clean while what it rests on is not.
    if plan.unproven.is_empty() { share } else { share.min(ALL_BPS - 1) }
}

fn coverage(plan: &Plan, truth: &Truth) -> i64 {
    let cited = |name: &String| {
        let mut facts = plan.cited.iter().filter_map(|id| plan.facts.get(id));
        facts.any(|fact| fact.figure.name == *name)
    };
    let campaigns = &plan.document.campaigns;
    let any = |wanted: &[String], there: &dyn Fn(&str) -> bool| {
        (!wanted.is_empty()).then(|| wanted.iter().any(|name| there(name)))
    };
    let mut found: Vec<bool> = truth.cites.iter().map(cited).collect();
    found.extend(any(&truth.segments, &|name| campaigns.iter().any(|campaign| campaign.segment == name)));
    found.extend(any(&truth.campaign_kinds, &|name| {
        campaigns.iter().any(|campaign| campaign.kind.as_str() == name)
    }));
    found.extend(any(&truth.measures, &|name| plan.kpis.iter().any(|kpi| kpi.measure == name)));
    found.extend(truth.no_campaigns.then_some(campaigns.is_empty()));
    found.extend(truth.data_gaps.then_some(!plan.document.data_gaps.is_empty()));
    share_bps(found.iter().filter(|&&found| found).count(), found.len())
}

fn kpis(plan: &Plan) -> i64 {
    let valid = plan.kpis.iter().filter(|kpi| {
        let better = Measure::named(&kpi.measure).is_some_and(|measure| wants(measure, kpi.change_bps));
        better && kpi.baseline_figure.is_some() && kpi.target.is_some() && kpi.due_at.is_some()
    });
    share_bps(valid.count(), plan.kpis.len())
}

/// Whether a change is one for the better.
fn wants(measure: Measure, change_bps: i64) -> bool {
    match measure.better {
        Better::Up => change_bps > 0,
        Better::Down => change_bps < 0,
        Better::Either => change_bps != 0,
    }
}
