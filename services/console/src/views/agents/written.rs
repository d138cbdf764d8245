//! A plan as a page shows it: each text cut into words, figures that lead to where they come from, and what nobody can
//! prove.

use tradeup_domain::figure::Figure;
use tradeup_domain::outcomes::counted;
use tradeup_plan::{Campaign, Fact, Piece, Plan};

use super::plan::ProposedCampaign;
use crate::views::when::When;

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

/// What is reckoned from one fact and from what the plan chooses: it leads to that fact.
fn reckoned(plan: &Plan, id: &str, shown: Option<String>, how: &str) -> Words {
    let Some(shown) = shown else { return Vec::new() };
    match plan.figure(id) {
        Some((name, _)) => {
            vec![Piece::Figure { id: id.to_owned(), shown, name: format!("{name}, times {how}") }]
        }
        None => vec![Piece::Unproven(shown)],
    }
}

/// A campaign as a page shows it.
pub(crate) struct WrittenCampaign {
    pub(crate) item: ProposedCampaign,
    pub(crate) name: Words,
    pub(crate) audience: Words,
    /// How many of them are left out; nothing if none are.
    pub(crate) held_out: Words,
    /// The most that it costs; nothing if that is not known.
    pub(crate) cost: Words,
    pub(crate) why: Words,
}

impl WrittenCampaign {
    pub(super) fn of(plan: &Plan, item: ProposedCampaign, campaign: &Campaign) -> Self {
        let of_audience = |shown: Option<String>, how: &str| reckoned(plan, &campaign.audience, shown, how);
        Self {
            held_out: of_audience(
                item.held_out.map(|members| Figure::count("", members).shown()),
                "the share that is left out",
            ),
            cost: of_audience(item.cost.clone(), "what each is given"),
            item,
            name: tradeup_plan::pieces(plan, &campaign.name),
            audience: fact(plan, &campaign.audience),
            why: tradeup_plan::pieces(plan, &campaign.why),
        }
    }
}

pub(crate) struct WrittenPhase {
    pub(crate) title: Words,
    pub(crate) weeks: i64,
    pub(crate) goal: Words,
    pub(crate) actions: Vec<Words>,
}

pub(crate) struct WrittenKpi {
    pub(crate) name: Words,
    pub(crate) measure: String,
    pub(crate) baseline: Words,
    pub(crate) change: String,
    /// Nothing if there is nothing to start from.
    pub(crate) target: Words,
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
    pub(crate) label: Words,
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
    pub(super) fn of(plan: &Plan) -> Self {
        let words = |text: &String| tradeup_plan::pieces(plan, text);
        let all = |texts: &[String]| texts.iter().map(words).collect::<Vec<_>>();
        let document = &plan.document;
        let phases = document.phases.iter().map(|phase| WrittenPhase {
            title: words(&phase.title),
            weeks: phase.weeks,
            goal: words(&phase.goal),
            actions: all(&phase.actions),
        });
        let kpis = plan.kpis.iter().map(|kpi| WrittenKpi {
            name: words(&kpi.name),
            measure: counted(&kpi.measure, kpi.tier()),
            baseline: fact(plan, &kpi.baseline),
            change: Figure::bps("change", kpi.change_bps).shown(),
            target: reckoned(plan, &kpi.baseline, kpi.shown(), "the change wanted"),
            horizon_days: kpi.horizon_days,
            due: kpi.due_at.map(When),
            how: words(&kpi.how),
        });
        let facts: Vec<WrittenFact> =
            plan.cited.iter().filter_map(|id| plan.facts.get(id)).map(told).collect();
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
                .map(|finding| WrittenFinding {
                    path: finding.path.clone(),
                    problem: finding.problem.clone(),
                })
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

fn told(fact: &Fact) -> WrittenFact {
    WrittenFact {
        id: fact.id.clone(),
        name: counted(&fact.figure.name, fact.figure.tier.as_deref()),
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
    id.strip_prefix('C')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

fn calculations(plan: &Plan) -> Vec<WrittenCalculation> {
    let all = plan.calculations.iter().enumerate();
    let written = all.map(|(at, calculation)| WrittenCalculation {
        id: calculation.id.clone(),
        is_cited_by_id: is_id(&calculation.id)
            && plan.calculations.iter().take(at).all(|before| before.id != calculation.id),
        label: tradeup_plan::pieces(plan, &calculation.label),
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
        shown: calculation.figure.as_ref().map(Figure::shown),
    });
    written.collect()
}
