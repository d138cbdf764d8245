//! What a plan proposes, as it is decided on and carried out, and what is looked at again in time.

use std::collections::BTreeSet;

use tradeup_plan::{Measure, Plan, Proposal};
use tradeup_store::campaigns::{HORIZON_DAYS, Terms};
use tradeup_store::kpi_follow_ups::NewKpi;
use tradeup_store::plans::NewItem;
use tradeup_store::snapshots::SnapshotId;

/// What is decided on. A campaign without a key of its own can't be.
pub(super) fn proposals(plan: &Plan) -> Vec<&Proposal> {
    let mut keys = BTreeSet::new();
    plan.campaigns
        .iter()
        .filter(|proposal| {
            let key = proposal.campaign.key.as_str();
            !key.is_empty() && !key.contains('\0') && keys.insert(key)
        })
        .collect()
}

/// What is done if a campaign is approved, in full. What does not fit is none that can be approved.
pub(super) fn terms(plan: &Plan, proposal: &Proposal, snapshot: SnapshotId) -> Terms {
    let campaign = &proposal.campaign;
    let days = |days: i64| i32::try_from(days).unwrap_or(i32::MAX);
    Terms {
        kind: campaign.kind.as_str().to_owned(),
        segment: campaign.segment.clone(),
        tier: Some(campaign.tier.clone()).filter(|tier| !tier.is_empty()),
        snapshot: snapshot.0,
        as_of: plan.meta.as_of,
        subject: proposal.message_subject.clone(),
        body: proposal.message_body.clone(),
        currency: plan.meta.currency.clone(),
        credit_minor: campaign.credit_minor,
        credit_ends_within_days: days(campaign.credit_ends_within_days),
        extend_days: days(campaign.extend_days),
        hold_out_bps: days(campaign.hold_out_bps),
        cost_limit_minor: campaign.cost_limit_minor,
        horizon_days: HORIZON_DAYS,
    }
}

/// What is looked at again in time: each KPI with a target and a time, from a baseline of its measure. Any other is refused
/// when the plan is handed in, and marked in it if it stays.
pub(super) fn kpis(plan: &Plan) -> Vec<NewKpi<'_>> {
    plan.kpis
        .iter()
        .filter_map(|target| {
            let figure = target.baseline_figure.as_ref()?;
            let measure = Measure::named(&target.measure)?;
            measure.is_measured_by(figure).then_some(NewKpi {
                name: &target.name,
                measure: &target.measure,
                tier: figure.tier.as_deref(),
                unit: figure.unit.as_str(),
                currency: figure.currency.as_deref(),
                baseline: figure.value,
                target: target.target?,
                due_at: target.due_at?,
            })
        })
        .collect()
}

/// The proposals with their terms.
pub(super) fn items<'a>(proposals: &[&'a Proposal], terms: &'a [Terms]) -> Vec<NewItem<'a>> {
    proposals
        .iter()
        .zip(terms)
        .map(|(proposal, terms)| NewItem {
            key: &proposal.campaign.key,
            hash: &proposal.hash,
            name: &proposal.campaign.name,
            approvable: proposal.approvable && !proposal.campaign.name.contains('\0'),
            terms,
        })
        .collect()
}
