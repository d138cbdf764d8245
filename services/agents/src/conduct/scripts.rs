//! What a run of each kind is made of, in this build: prompts, tools, models and bounds. It is written down when a run
//! begins.

use serde_json::{Value, json};
use tradeup_plan::{findings_schema, plan_schema};

use crate::bundle::{
    Bounds, Bundle, DELEGATE_ENGAGEMENT, DELEGATE_INSIGHTS, First, Model, Offer, Role, SUBMIT_FINDINGS,
    SUBMIT_PLAN, Script, Task,
};
use crate::models::Provider;
use crate::{prompt, tools};

/// Turns of an orchestrator, and of a specialist.
const TURNS: (i32, i32) = (12, 8);
/// Tokens of their answers.
const ANSWER_TOKENS: (u32, u32) = (16_000, 8_000);

/// The kinds in which the host asks beforehand, and what: one agent, which may ask more of the same.
const WORKFLOWS: [(&str, &[&str]); 2] = [
    (
        "weekly-churn-prevention-scan-tenant",
        &["get_tenant_overview", "get_at_risk_members", "get_engagement_metrics", "get_campaign_performance"],
    ),
    (
        "daily-expiration-rescue-tenant",
        &["get_tenant_overview", "get_expiring_credits", "get_credit_activity", "get_campaign_performance"],
    ),
];

/// The tool that answers about members that a filter picks.
const GROUP: &str = "get_member_group";

/// The bundle of a run that begins.
pub(super) fn bundle(
    task: Task,
    user: String,
    provider: &Provider,
    (orchestrators, specialists): (&[String], &[String]),
) -> Bundle {
    let kind = task.kind.clone();
    let workflow = WORKFLOWS.iter().find(|(of, _)| *of == kind).map(|(_, tools)| *tools);
    let mut first: Vec<First> = workflow
        .unwrap_or_default()
        .iter()
        .map(|tool| First { tool: (*tool).to_owned(), arguments: json!({ "window": "90d" }) })
        .collect();
    // Whom a question is about is asked exactly as it was said.
    first.extend(task.filter.clone().map(|arguments| First { tool: GROUP.to_owned(), arguments }));
    let script = |role: Role, models: &[String]| {
        let usual = if role == Role::Orchestrator { ANSWER_TOKENS.0 } else { ANSWER_TOKENS.1 };
        let models = models.iter().map(|id| {
            let (answer_tokens, more_tokens) = provider.room(id, usual);
            Model { id: id.clone(), answer_tokens, more_tokens }
        });
        script(role, &kind, workflow, task.filter.is_some(), models.collect())
    };
    Bundle {
        build: tradeup_worker::BUILD.to_owned(),
        user,
        bounds: Bounds::USUAL,
        first,
        orchestrator: script(Role::Orchestrator, orchestrators),
        insights: script(Role::Insights, specialists),
        engagement: script(Role::Engagement, specialists),
        task,
    }
}

fn script(
    role: Role,
    kind: &str,
    workflow: Option<&[&str]>,
    is_about_some: bool,
    models: Vec<Model>,
) -> Script {
    let is_orchestrator = role == Role::Orchestrator;
    let names: Vec<&str> = match (role, workflow) {
        (Role::Orchestrator, Some(first)) => {
            let mut names = tools::ORCHESTRATOR.to_vec();
            names.extend(first.iter().filter(|name| !tools::ORCHESTRATOR.contains(name)));
            names
        }
        (Role::Orchestrator, None) if is_about_some => [tools::ORCHESTRATOR, &[GROUP]].concat(),
        (Role::Orchestrator, None) => tools::ORCHESTRATOR.to_vec(),
        (Role::Insights, _) => tools::INSIGHTS.to_vec(),
        (Role::Engagement, _) => tools::ENGAGEMENT.to_vec(),
    };
    let asked = names.into_iter().filter_map(tools::tool).map(|tool| Offer {
        name: tool.name.to_owned(),
        description: tool.description.to_owned(),
        schema: (tool.schema)(),
        strict: false,
    });
    let mut tools: Vec<Offer> = asked.collect();
    if is_orchestrator {
        if workflow.is_none() {
            tools.push(delegate(DELEGATE_INSIGHTS, INSIGHTS));
            tools.push(delegate(DELEGATE_ENGAGEMENT, ENGAGEMENT));
        }
        tools.push(submit(SUBMIT_PLAN, PLAN, plan_schema()));
    } else {
        tools.push(submit(SUBMIT_FINDINGS, FINDINGS, findings_schema()));
    }
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    Script {
        models,
        system: prompt::system(role, kind),
        tools,
        turns_max: if is_orchestrator { TURNS.0 } else { TURNS.1 },
    }
}

const PLAN: &str = "Hands in the whole plan. It is checked at once: it is accepted, and you are done; or refused, with a list of \
     what is wrong, each with its path. Call it alone, when you have all that you need.";
const FINDINGS: &str = "Hands in all that you found. It is checked at once: it is accepted, and you are done; or refused, with a \
     list of what is wrong, each with its path. Call it alone, when you have all that you need.";
const INSIGHTS: &str = "Asks a specialist for what members do: what they buy and when, how they earn and use credit, how they are \
     spread over tiers and segments. It knows nothing but what you write here. Its findings come back with the facts that \
     they cite. At most four specialists are asked in one run.";
const ENGAGEMENT: &str = "Asks a specialist for who is about to leave, which credit is about to end, and what campaigns have brought. \
     It knows nothing but what you write here. Its findings come back with the facts that they cite. At most four \
     specialists are asked in one run.";

fn submit(name: &str, description: &str, schema: Value) -> Offer {
    Offer {
        name: name.to_owned(),
        description: description.to_owned(),
        schema,
        // Of all strict tools one grammar is made, of a size that is not told: those of specialists are simple, and checked
        // all the same.
        strict: name == SUBMIT_PLAN,
    }
}

fn delegate(name: &str, description: &str) -> Offer {
    let texts = |about: &str| json!({ "type": "array", "description": about, "items": { "type": "string" } });
    let schema = json!({
        "type": "object",
        "properties": {
            "objective": { "type": "string", "description": "What it is to find out, in a sentence or two" },
            "questions": texts("The questions in order of weight: one to eight"),
            "window": {
                "type": "string",
                "enum": ["30d", "90d", "365d"],
                "description": "Over which time figures are counted"
            },
            "must_answer": texts("Measures that it must bring, by their names; empty for none"),
            "forbidden_topics": texts("What it must leave alone; empty for nothing"),
        },
        "required": ["objective", "questions", "window", "must_answer", "forbidden_topics"],
        "additionalProperties": false,
    });
    Offer { name: name.to_owned(), description: description.to_owned(), schema, strict: true }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests fail loudly")]

    use chrono::DateTime;
    use tradeup_anthropic::price::PriceTable;
    use tradeup_plan::Limits;

    use super::*;
    use crate::models::Chains;

    const KINDS: [&str; 7] = [
        "weekly-churn-prevention-scan-tenant",
        "daily-expiration-rescue-tenant",
        "monthly-strategic-review-tenant",
        "analyze-member-insights",
        "analyze-segment",
        "plan-campaign",
        "plan-strategic-goal",
    ];

    fn of(kind: &str, goal: &str) -> Bundle {
        let task = Task {
            kind: kind.to_owned(),
            goal: goal.to_owned(),
            timeline_days: None,
            target_segment: None,
            filter: (kind == "analyze-segment").then(|| json!({ "tiers": ["gold"] })),
            as_of: DateTime::UNIX_EPOCH,
            currency: "USD".to_owned(),
            limits: Limits::of("USD"),
            tiers: Vec::new(),
        };
        let models = ["claude-opus-4-5-20251101".to_owned(), "claude-opus-5-5".to_owned()];
        let chains = Chains { orchestrator: models.to_vec(), specialist: models.to_vec() };
        let provider = Provider::new(None, chains, PriceTable::built_in().unwrap());
        bundle(task, "shop".to_owned(), &provider, (&models, &models))
    }

    #[test]
    fn each_kind_has_its_prompts_and_tools() {
        for kind in KINDS {
            let bundle = of(kind, "g");
            for role in [Role::Orchestrator, Role::Insights, Role::Engagement] {
                let script = bundle.script(role);
                assert!(script.system.starts_with(&format!("ROLE: {}\n", role.as_str())), "{kind}");
                assert!(script.tools.iter().any(|tool| tool.name == role.submits_by()), "{kind}");
                assert!(script.tools.is_sorted_by(|a, b| a.name < b.name), "{kind}: {:?}", script.tools);
                // What is of a run would be cached for nobody else.
                assert_eq!(script, of(kind, "another").script(role), "{kind}");
            }
            for first in &bundle.first {
                assert!(bundle.orchestrator.tools.iter().any(|tool| tool.name == first.tool), "{kind}");
            }
            let read: Bundle = serde_json::from_value(serde_json::to_value(&bundle).unwrap()).unwrap();
            assert_eq!(read, bundle);
            let room = |at: usize| bundle.orchestrator.models[at].answer_tokens;
            assert_eq!((room(0), room(1)), (16_000, 32_000), "newer models think");
        }
    }

    #[test]
    fn no_kind_has_the_prompt_of_another() {
        let mut prompts: Vec<String> = KINDS.iter().map(|kind| of(kind, "g").orchestrator.system).collect();
        prompts.sort_unstable();
        prompts.dedup();
        assert_eq!(prompts.len(), KINDS.len());
    }
}
