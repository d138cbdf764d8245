//! A plan: its words with where each figure comes from, its campaigns, and what was decided of them.

use serde::Serialize;
use tradeup_domain::amount_text;
use tradeup_plan::{CampaignKind, Piece, Plan, Proposal};
use utoipa::ToSchema;

use super::super::when::When;
use super::plans::PlanLine;
use crate::Console;
use crate::access::Who;
use crate::failure::Failure;
use crate::views::tenants::Shop;

/// As what a plan is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanFile {
    Markdown,
    Json,
}

/// The run's id of an address, and the file that its ending asks for.
pub(crate) fn file(given: &str) -> (&str, Option<PlanFile>) {
    match given.rsplit_once('.') {
        Some((id, "md")) => (id, Some(PlanFile::Markdown)),
        Some((id, "json")) => (id, Some(PlanFile::Json)),
        _ => (given, None),
    }
}

/// A campaign that a plan proposes, and what was decided of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PlanItem {
    pub(crate) key: String,
    pub(crate) name: String,
    /// `proposed`, `approved` or `rejected`.
    pub(crate) state: String,
    /// Of all that is decided on: a decision is for this hash alone.
    pub(crate) hash: String,
    /// In words.
    pub(crate) does: String,
    /// In words.
    pub(crate) to: String,
    pub(crate) phase: i64,
    /// How many members it is for; none if that is not proven.
    pub(crate) audience: Option<i64>,
    /// How many of them are left out, to compare with.
    pub(crate) held_out: Option<i64>,
    /// The most that it costs; none if that is not proven.
    pub(crate) cost: Option<String>,
    pub(crate) cost_minor: Option<i64>,
    pub(crate) cost_limit: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// Why it can't be approved, in words; none if it can.
    pub(crate) not_approvable: Option<String>,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided: Option<When>,
    pub(crate) reason: Option<String>,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OnePlan {
    #[serde(flatten)]
    pub(crate) line: PlanLine,
    /// Whether campaigns of plans that were made offline may be approved for this shop.
    pub(crate) offline_approvals: bool,
    pub(crate) items: Vec<PlanItem>,
    /// The plan with all facts of its run, as it was settled.
    #[schema(value_type = Object)]
    pub(crate) plan: Plan,
}

impl OnePlan {
    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        tradeup_plan::markdown(&self.plan)
    }

    /// As a file of JSON.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| {
            tracing::error!("a plan can't be written: {error}");
            Failure::Internal
        })
    }

    /// As a page shows it.
    pub(crate) fn written(&self) -> (WrittenPlan, Vec<WrittenCampaign>) {
        let campaigns = self.items.iter().zip(&self.plan.campaigns).map(|(item, proposal)| WrittenCampaign {
            item: item.clone(),
            audience: fact(&self.plan, &proposal.campaign.audience),
            why: tradeup_plan::pieces(&self.plan, &proposal.campaign.why),
        });
        (WrittenPlan::of(&self.plan), campaigns.collect())
    }
}

/// A text of a plan, cut into words, figures and what nobody can prove.
pub(crate) type Words = Vec<Piece>;

/// A fact that a field names.
fn fact(plan: &Plan, id: &str) -> Words {
    match plan.figure(id) {
        Some((name, figure)) => {
            vec![Piece::Figure { id: id.to_owned(), shown: figure.shown(), name: name.to_owned() }]
        }
        None => vec![Piece::Unproven(id.to_owned())],
    }
}

/// A campaign as a page shows it.
pub(crate) struct WrittenCampaign {
    pub(crate) item: PlanItem,
    pub(crate) audience: Words,
    pub(crate) why: Words,
}

pub(crate) struct WrittenPhase {
    pub(crate) title: String,
    pub(crate) weeks: i64,
    pub(crate) goal: Words,
    pub(crate) actions: Vec<Words>,
}

pub(crate) struct WrittenKpi {
    pub(crate) name: String,
    pub(crate) measure: String,
    pub(crate) baseline: Words,
    pub(crate) change: String,
    pub(crate) target: Option<String>,
    pub(crate) horizon_days: i64,
    pub(crate) due: Option<When>,
    pub(crate) how: Words,
}

/// What a calculation is reckoned from.
pub(crate) struct Argument {
    pub(crate) id: String,
    /// There is such a fact or calculation.
    pub(crate) is_there: bool,
}

pub(crate) struct WrittenCalculation {
    pub(crate) id: String,
    /// Texts that name its id mean this one: it is the first that has it.
    pub(crate) is_cited_by_id: bool,
    pub(crate) label: String,
    pub(crate) op: &'static str,
    pub(crate) of: Vec<Argument>,
    pub(crate) shown: Option<String>,
}

pub(crate) struct WrittenFact {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) shown: String,
    pub(crate) window: Option<String>,
    pub(crate) as_of: When,
    pub(crate) tool: String,
    pub(crate) agent: String,
    pub(crate) call: String,
}

/// What is not proven.
pub(crate) struct WrittenFinding {
    pub(crate) path: String,
    pub(crate) problem: String,
}

/// A plan as a page shows it.
pub(crate) struct WrittenPlan {
    pub(crate) as_of: When,
    pub(crate) timeline_days: Option<i64>,
    pub(crate) target_segment: Option<String>,
    pub(crate) generated_by: String,
    pub(crate) incomplete_because: Option<String>,
    pub(crate) summary: Vec<Words>,
    pub(crate) state: Vec<Words>,
    pub(crate) phases: Vec<WrittenPhase>,
    pub(crate) kpis: Vec<WrittenKpi>,
    pub(crate) risks: Vec<Words>,
    pub(crate) assumptions: Vec<Words>,
    pub(crate) gaps: Vec<Words>,
    pub(crate) unproven: Vec<WrittenFinding>,
    pub(crate) calculations: Vec<WrittenCalculation>,
    pub(crate) facts: Vec<WrittenFact>,
    /// Facts of the run that the plan does not name.
    pub(crate) facts_left_out: usize,
}

impl WrittenPlan {
    fn of(plan: &Plan) -> Self {
        let words = |text: &String| tradeup_plan::pieces(plan, text);
        let all = |texts: &[String]| texts.iter().map(words).collect::<Vec<_>>();
        let document = &plan.document;
        let phases = document.phases.iter().map(|phase| WrittenPhase {
            title: phase.title.clone(),
            weeks: phase.weeks,
            goal: words(&phase.goal),
            actions: all(&phase.actions),
        });
        let kpis = plan.kpis.iter().map(|kpi| WrittenKpi {
            name: kpi.name.clone(),
            measure: kpi.measure.clone(),
            baseline: fact(plan, &kpi.baseline),
            change: tradeup_domain::figure::Figure::bps("change", kpi.change_bps).shown(),
            target: kpi.shown(),
            horizon_days: kpi.horizon_days,
            due: kpi.due_at.map(When),
            how: words(&kpi.how),
        });
        let facts: Vec<WrittenFact> = plan.cited.iter().filter_map(|id| plan.facts.get(id)).map(told).collect();
        Self {
            as_of: When(plan.meta.as_of),
            timeline_days: plan.meta.timeline_days,
            target_segment: plan.meta.target_segment.clone(),
            generated_by: plan.meta.generated_by.join(", "),
            incomplete_because: plan.incomplete_because.clone(),
            summary: all(&document.executive_summary),
            state: all(&document.current_state),
            phases: phases.collect(),
            kpis: kpis.collect(),
            risks: all(&document.risks),
            assumptions: all(&document.assumptions),
            gaps: all(&document.data_gaps),
            unproven: plan
                .unproven
                .iter()
                .map(|finding| WrittenFinding { path: finding.path.clone(), problem: finding.problem.clone() })
                .collect(),
            calculations: calculations(plan),
            facts_left_out: plan.facts.len().saturating_sub(facts.len()),
            facts,
        }
    }

    /// Those of its parts that are lists: what each is called on the page, and what is said if it is empty.
    pub(crate) fn lists(&self) -> [(&'static str, &'static str, &[Words], &'static str); 3] {
        [
            ("risks", "Risks", &self.risks, "It names none."),
            ("assumptions", "Assumptions", &self.assumptions, "It makes none."),
            ("gaps", "What could not be found out", &self.gaps, "Nothing was missing."),
        ]
    }
}

fn told(fact: &tradeup_plan::Fact) -> WrittenFact {
    WrittenFact {
        id: fact.id.clone(),
        name: fact.figure.name.clone(),
        shown: fact.figure.shown(),
        window: fact.figure.window.clone(),
        as_of: When(fact.as_of),
        tool: fact.tool.clone(),
        agent: fact.agent.clone(),
        call: fact.call.clone(),
    }
}

/// An id of a calculation, and not of anything else on the page.
fn is_id(id: &str) -> bool {
    id.strip_prefix('C').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

fn calculations(plan: &Plan) -> Vec<WrittenCalculation> {
    let all = plan.calculations.iter().enumerate();
    let written = all.map(|(at, calculation)| WrittenCalculation {
        id: calculation.id.clone(),
        is_cited_by_id: is_id(&calculation.id)
            && plan.calculations.iter().take(at).all(|before| before.id != calculation.id),
        label: calculation.label.clone(),
        op: calculation.op.as_str(),
        of: calculation
            .args
            .iter()
            .map(|id| Argument {
                is_there: plan.facts.get(id).is_some()
                    || is_id(id) && plan.calculations.iter().any(|other| other.id == *id),
                id: id.clone(),
            })
            .collect(),
        shown: calculation.figure.as_ref().map(tradeup_domain::figure::Figure::shown),
    });
    written.collect()
}

/// What a campaign does for a member, in words.
fn does(proposal: &Proposal, currency: &str) -> String {
    let campaign = &proposal.campaign;
    match campaign.kind {
        CampaignKind::BonusCredit => format!(
            "{} of credit, which ends within {} days, with a mail",
            amount_text(campaign.credit_minor, currency),
            campaign.credit_ends_within_days
        ),
        CampaignKind::Extension => {
            format!("credit that is about to end ends {} days later, with a mail", campaign.extend_days)
        }
        CampaignKind::Mail => "a mail alone".to_owned(),
    }
}

/// Whom a campaign is for, in words.
fn to(proposal: &Proposal) -> String {
    let segment = proposal.campaign.segment.replace('_', " ");
    match proposal.campaign.tier.as_str() {
        "" => format!("segment {segment}"),
        tier => format!("segment {segment}, tier {tier}"),
    }
}
