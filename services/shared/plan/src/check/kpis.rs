//! KPIs: what is measured, from which fact, to which target, and when.

use std::collections::BTreeSet;

use tradeup_domain::figure::{Figure, Unit};

use super::Context;
use super::calculations::quoted;
use super::texts::{TEXT_MAX, size};
use crate::calculation::rounded;
use crate::document::Kpi;
use crate::finding::{Code, Finding};
use crate::limits::{Better, KPI_MEASURES, Measure};
use crate::prose::{NAME_MAX, Place};

const KPIS_MAX: usize = 10;
/// The largest change that may be aimed at, in basis points of the baseline: ten times as much again.
const CHANGE_BPS_MAX: i64 = 100_000;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let kpis = &context.document.kpis;
    let mut findings: Vec<Finding> = size("kpis", kpis.len(), 0, KPIS_MAX).into_iter().collect();
    if kpis.is_empty() && context.limits.campaigns_wanted && context.document.data_gaps.is_empty() {
        let problem = "no KPI is there; add one, or say in data_gaps what can't be measured";
        findings.push(Finding::new(Code::Size, "kpis", problem));
    }
    let mut seen = BTreeSet::new();
    for (at, kpi) in kpis.iter().enumerate() {
        let path = format!("kpis[{at}]");
        let prose = context.prose();
        findings.extend(prose.text(&format!("{path}.name"), &kpi.name, NAME_MAX, Place::Name));
        findings.extend(prose.text(&format!("{path}.how"), &kpi.how, TEXT_MAX, Place::Prose));
        findings.extend(choices(kpi, &path));
        if !seen.insert((kpi.baseline.as_str(), kpi.horizon_days)) {
            let problem = format!("{} has a KPI for that day already; keep one of them", kpi.baseline);
            findings.push(Finding::new(Code::Range, format!("{path}.baseline"), problem));
        }
        let measure = Measure::named(&kpi.measure);
        if measure.is_none() {
            let names = KPI_MEASURES.map(|measure| measure.name).join(", ");
            let problem = format!("there is no measure {}; use one of {names}", quoted(&kpi.measure));
            findings.push(Finding::new(Code::UnknownName, format!("{path}.measure"), problem));
        }
        findings.extend(baseline(context, kpi, measure, &path));
    }
    findings
}

fn choices(kpi: &Kpi, path: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |field: &str, problem: String| {
        findings.push(Finding::new(Code::Range, format!("{path}.{field}"), problem));
    };
    if !(7..=365).contains(&kpi.horizon_days) {
        find("horizon_days", format!("{} days; measure it after 7 to 365", kpi.horizon_days));
    }
    let change = kpi.target_change_bps;
    if change == 0 || !(-10_000..=CHANGE_BPS_MAX).contains(&change) {
        let problem = format!(
            "{change} basis points of the baseline; write -10000 to {CHANGE_BPS_MAX} but not 0: -2000 is a fifth less"
        );
        find("target_change_bps", problem);
    }
    let wrong_way = Measure::named(&kpi.measure).and_then(|measure| match measure.better {
        Better::Up if change < 0 => Some("more"),
        Better::Down if change > 0 => Some("less"),
        _ => None,
    });
    if let Some(better) = wrong_way {
        let problem =
            format!("{change} makes {} worse, of which {better} is better; turn the sign", kpi.measure);
        find("target_change_bps", problem);
    }
    findings
}

fn baseline(context: &Context<'_>, kpi: &Kpi, measure: Option<Measure>, path: &str) -> Option<Finding> {
    let path = format!("{path}.baseline");
    let id = kpi.baseline.as_str();
    let Some(fact) = context.facts.get(id) else {
        let problem =
            format!("{} is no fact of this run; give the id of the fact named {}", quoted(id), kpi.measure);
        return Some(Finding::new(Code::UnknownId, path, problem));
    };
    let measure = measure?;
    let figure = &fact.figure;
    if !measure.is_measured_by(figure) {
        let same = context
            .facts
            .iter()
            .filter(|fact| measure.is_measured_by(&fact.figure))
            .map(|fact| fact.id.as_str())
            .take(3)
            .collect::<Vec<_>>();
        let hint = if same.is_empty() {
            "no fact of this run is one, so choose another measure".to_owned()
        } else {
            format!("take {}", same.join(" or "))
        };
        let why = match &figure.tier {
            Some(tier) if !measure.is_of_a_tier() => format!(" of tier {tier} alone"),
            None if measure.is_of_a_tier() && figure.name == measure.name => " of no tier".to_owned(),
            _ => String::new(),
        };
        let problem =
            format!("{id} is {}{why}, which is no baseline of {}; {hint}", figure.name, measure.name);
        return Some(Finding::new(Code::UnknownId, path, problem));
    }
    if figure.value <= 0 {
        let problem = format!(
            "{id} is {}, and there is no change in parts of that; choose another measure, or tell it in data_gaps",
            figure.value
        );
        return Some(Finding::new(Code::Range, path, problem));
    }
    let target = target(figure, kpi.target_change_bps);
    if figure.unit == Unit::Bps && target.is_some_and(|target| target > 10_000) {
        let problem = format!(
            "{} basis points more than {id} ({}) is above all of it; the change is relative to the baseline, aim lower",
            kpi.target_change_bps,
            figure.shown()
        );
        return Some(Finding::new(Code::Range, path, problem));
    }
    target.is_none().then(|| Finding::new(Code::Range, path, "the target is too large to be true; aim lower"))
}

/// The value aimed at: the baseline and `change_bps` ten-thousandths of it, rounded half away from zero.
pub(crate) fn target(baseline: &Figure, change_bps: i64) -> Option<i64> {
    let value = i128::from(baseline.value);
    let change = rounded(value.checked_mul(i128::from(change_bps))?, 10_000)?;
    i64::try_from(value.checked_add(change)?).ok()
}
