//! The plan as a message.

use tradeup_domain::figure::Figure;
use tradeup_proto::{convert, v1};

use crate::calculation::Calculated;
use crate::fact::Fact;
use crate::finding::Finding;
use crate::plan::{Meta, Plan, Proposal, Target};

impl From<&Plan> for v1::Plan {
    fn from(plan: &Plan) -> Self {
        let document = &plan.document;
        Self {
            meta: Some(meta(&plan.meta)),
            executive_summary: document.executive_summary.clone(),
            current_state: document.current_state.clone(),
            phases: document
                .phases
                .iter()
                .map(|phase| v1::PlannedPhase {
                    title: phase.title.clone(),
                    weeks: phase.weeks,
                    goal: phase.goal.clone(),
                    actions: phase.actions.clone(),
                })
                .collect(),
            campaigns: plan.campaigns.iter().map(proposal).collect(),
            kpis: plan.kpis.iter().map(kpi).collect(),
            risks: document.risks.clone(),
            assumptions: document.assumptions.clone(),
            data_gaps: document.data_gaps.clone(),
            facts: plan.facts.iter().map(fact).collect(),
            cited: plan.cited.clone(),
            calculations: plan.calculations.iter().map(calculation).collect(),
            unproven: plan.unproven.iter().map(finding).collect(),
            complete: plan.complete,
            incomplete_because: plan.incomplete_because.clone().unwrap_or_default(),
        }
    }
}

fn meta(meta: &Meta) -> v1::PlanMeta {
    v1::PlanMeta {
        kind: meta.kind.clone(),
        goal: meta.goal.clone(),
        timeline_days: meta.timeline_days.unwrap_or(0),
        target_segment: meta.target_segment.clone().unwrap_or_default(),
        as_of: Some(convert::timestamp(meta.as_of)),
        currency: meta.currency.clone(),
        tenant: meta.tenant.clone(),
        generated_by: meta.generated_by.clone(),
        offline: meta.offline,
        cost_nano_usd: meta.cost_nano_usd,
    }
}

fn proposal(proposal: &Proposal) -> v1::ProposedCampaign {
    let campaign = &proposal.campaign;
    v1::ProposedCampaign {
        key: campaign.key.clone(),
        name: campaign.name.clone(),
        phase: campaign.phase,
        kind: campaign.kind.as_str().to_owned(),
        segment: campaign.segment.clone(),
        tier: campaign.tier.clone(),
        message_subject: proposal.message_subject.clone(),
        message_body: proposal.message_body.clone(),
        credit_minor: campaign.credit_minor,
        credit_ends_within_days: campaign.credit_ends_within_days,
        extend_days: campaign.extend_days,
        audience: campaign.audience.clone(),
        audience_members: proposal.audience,
        hold_out_bps: campaign.hold_out_bps,
        cost_limit_minor: campaign.cost_limit_minor,
        cost_minor: proposal.cost_minor,
        why: campaign.why.clone(),
        approvable: proposal.approvable,
        hash: proposal.hash.clone(),
    }
}

fn kpi(target: &Target) -> v1::PlannedKpi {
    v1::PlannedKpi {
        name: target.name.clone(),
        measure: target.measure.clone(),
        baseline: target.baseline.clone(),
        target_change_bps: target.change_bps,
        target: target.target,
        horizon_days: target.horizon_days,
        due_at: target.due_at.map(convert::timestamp),
        how: target.how.clone(),
    }
}

fn figure(figure: &Figure) -> v1::PlanFigure {
    v1::PlanFigure {
        name: figure.name.clone(),
        value: figure.value,
        unit: figure.unit.as_str().to_owned(),
        currency: figure.currency.clone().unwrap_or_default(),
        window: figure.window.clone().unwrap_or_default(),
        tier: figure.tier.clone().unwrap_or_default(),
    }
}

fn fact(fact: &Fact) -> v1::PlanFact {
    v1::PlanFact {
        id: fact.id.clone(),
        figure: Some(figure(&fact.figure)),
        as_of: Some(convert::timestamp(fact.as_of)),
        tool: fact.tool.clone(),
        agent: fact.agent.clone(),
        call: fact.call.clone(),
    }
}

fn calculation(calculated: &Calculated) -> v1::PlanCalculation {
    v1::PlanCalculation {
        id: calculated.id.clone(),
        op: calculated.op.as_str().to_owned(),
        args: calculated.args.clone(),
        label: calculated.label.clone(),
        figure: calculated.figure.as_ref().map(figure),
    }
}

fn finding(finding: &Finding) -> v1::PlanFinding {
    v1::PlanFinding {
        code: finding.code.as_str().to_owned(),
        path: finding.path.clone(),
        problem: finding.problem.clone(),
    }
}
