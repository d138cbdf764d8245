//! Shops of which it is known what is in them, agents that ask a stand-in about them, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::planner::MODEL;
use tradeup_fakes::anthropic::{Brain, Family, Limits, Options, Server};
use tradeup_harness::{Planting, World};
use tradeup_plan::Plan;
use tradeup_store::TenantId;

pub(super) const SOON: Duration = Duration::from_secs(60);
pub(super) const GOAL: &str = "Reduce churn by a fifth";
/// What asks the orchestrator's turns alone.
pub(super) const SUBMIT: &str = "submit_plan";

/// The models that are paid for, each with who comes after it.
pub(super) const OPUS: [&str; 2] = ["claude-opus-4-5-20251101", "claude-opus-5-5"];
pub(super) const SONNET: [&str; 2] = ["claude-sonnet-4-5-20250929", "claude-sonnet-5-5"];

/// A world whose `agents` ask a stand-in. They are not started yet.
pub(super) struct Agents {
    pub(super) world: World,
    pub(super) model: Server,
    /// The instant that shops are planted for and runs are about: what two runs say can be compared.
    pub(super) as_of: String,
}

impl Agents {
    /// They ask what costs nothing and says that it is offline.
    pub(super) async fn offline(brain: impl Brain) -> Self {
        Self::new(brain, [MODEL, MODEL]).await
    }

    /// They ask models that cost money, of which there is plenty.
    pub(super) async fn paid(brain: impl Brain) -> Self {
        let agents = Self::new(brain, [&OPUS.join(","), &SONNET.join(",")]).await;
        sqlx::query(
            "update agent_limits set day_cap_nano = 1000000000000000, shop_run_cap_nano = 1000000000000000,
                 shop_day_cap_nano = 1000000000000000, shop_month_cap_nano = 1000000000000000",
        )
        .execute(&agents.world.database.admin)
        .await
        .unwrap();
        agents
    }

    async fn new(brain: impl Brain, models: [&str; 2]) -> Self {
        let mut world = World::new().await;
        let model = stand_in(brain).await;
        for (name, value) in [
            ("TRADEUP_ANTHROPIC_URL", model.base().as_str()),
            ("TRADEUP_ORCHESTRATOR_MODELS", models[0]),
            ("TRADEUP_SPECIALIST_MODELS", models[1]),
        ] {
            world.environment.insert(name.to_owned(), value.to_owned());
        }
        let as_of = world.instant_in("0 seconds").await;
        Self { world, model, as_of }
    }

    /// Plants a shop.
    pub(super) async fn shop(&self, planting: Planting) -> TenantId {
        TenantId(Planting { as_of: self.as_of.clone(), ..planting }.plant(&self.world.database).await)
    }

    /// Asks for a run, about the instant that shops were planted for; the run.
    pub(super) fn ask(&self, task: &str, shop: &str, key: &str, mut input: Value) -> String {
        input["as_of"] = json!(self.as_of);
        let arguments = ["--json", "trigger", "task", task, "--tenant", shop, "--key", key, "--input", "-"];
        let asked = self.world.tradeup_fed(&arguments, &input.to_string());
        assert_eq!(asked.code, 0, "{}{}", asked.stderr, asked.stdout);
        let asked: Value = serde_json::from_str(&asked.stdout).unwrap();
        asked["run_id"].as_str().unwrap().to_owned()
    }

    /// Asks for a plan that leads to a goal.
    pub(super) fn goal(&self, shop: &str, key: &str, goal: &str) -> String {
        self.ask("plan-strategic-goal", shop, key, json!({ "goal": goal, "timeline_days": 90 }))
    }

    /// Waits until a run has ended well; its story.
    pub(super) async fn succeeded(&self, run: &str) -> Value {
        let story = self.world.ended(run).await;
        assert_eq!(story["state"], "succeeded", "{story:#}");
        story
    }

    /// Waits until a run has ended well; its plan.
    pub(super) async fn planned(&self, run: &str) -> Plan {
        let story = self.succeeded(run).await;
        self.plan(run).await.unwrap_or_else(|| panic!("there is no plan: {story:#}"))
    }

    /// The plan of a run, if there is one.
    pub(super) async fn plan(&self, run: &str) -> Option<Plan> {
        let document: Option<Value> =
            sqlx::query_scalar("select document from plans where run_id = $1::uuid")
                .bind(run)
                .fetch_optional(&self.world.database.admin)
                .await
                .unwrap();
        document.map(|document| serde_json::from_value(document).unwrap())
    }

    /// Waits until a run is given up: its code, and why.
    pub(super) async fn dead(&self, run: &str) -> (String, String) {
        let story = self.world.ended(run).await;
        assert_eq!(story["state"], "dead", "{story:#}");
        sqlx::query_as("select code, array_to_string(errors, ' ') from dead_letters where run_id = $1::uuid")
            .bind(run)
            .fetch_one(&self.world.database.admin)
            .await
            .unwrap()
    }

    /// The journal of a run.
    pub(super) fn journal(&self, run: &str) -> Value {
        self.world.tradeup_json(&["agents", "run", run])
    }

    /// A number about a run.
    pub(super) async fn of_run(&self, query: &'static str, run: &str) -> i64 {
        sqlx::query_scalar(query).bind(run).fetch_one(&self.world.database.admin).await.unwrap()
    }

    /// Nothing was paid twice: what is billed for a request is its answers that were kept, and at most as many more as
    /// are said to be unknown. Nothing that was reserved is left over.
    pub(super) async fn is_paid_once(&self) {
        let ledger = self.model.ledger();
        assert!(ledger.unmatched.is_empty(), "{:?}", ledger.unmatched);
        // That a model is gone breaks no rule.
        let broken = ledger.refused.iter().find(|refused| !refused.is_told && refused.status != 404);
        assert_eq!(broken, None);
        let mut billed: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in &ledger.accepted {
            *billed.entry(&entry.body_sha256).or_default() += 1;
        }
        let written: Vec<(String, i64, i64)> = sqlx::query_as(
            "select encode(request_sha256, 'hex'), count(*) filter (where state = 'answered'),
                 count(*) filter (where state = 'unknown')
             from model_attempts group by 1",
        )
        .fetch_all(&self.world.database.admin)
        .await
        .unwrap();
        for (sha256, answered, unknown) in written {
            let billed = billed.remove(sha256.as_str()).unwrap_or(0);
            assert!(
                (answered..=answered + unknown).contains(&billed),
                "{sha256}: billed {billed}, answered {answered}, unknown {unknown}"
            );
        }
        assert_eq!(billed, BTreeMap::new(), "billed, and nowhere written");
        for (what, query) in [
            (
                "turns",
                "select (select count(*) from agent_turns) - (select count(*) from model_attempts where state = 'answered')",
            ),
            ("of runs", "select coalesce(sum(reserved_nano), 0)::bigint from agent_runs"),
            ("of shops", "select coalesce(sum(reserved_nano), 0)::bigint from model_spend"),
            ("of days", "select coalesce(sum(reserved_nano), 0)::bigint from model_spend_days"),
        ] {
            assert_eq!(self.world.number(query).await, 0, "{what}");
        }
    }
}

/// A stand-in whose limits by the minute are nobody's concern.
pub(super) async fn stand_in(brain: impl Brain) -> Server {
    let model = Server::start_with(Options::default(), brain).await.unwrap();
    let plenty = Limits { requests: 1_000_000, input_tokens: 1_000_000_000, output_tokens: 1_000_000_000 };
    for family in [Family::Opus, Family::Sonnet, Family::Other] {
        model.limit(family, plenty);
    }
    model
}

/// What a plan says, with what each fact tells in the place of its id: ids follow from which of an agent's calls is done
/// first, and hashes from ids.
pub(super) fn told(plan: &Plan) -> String {
    let mut value = serde_json::to_value(plan).unwrap();
    let fields = value.as_object_mut().unwrap();
    for of_the_run in ["meta", "facts", "cited"] {
        assert!(fields.remove(of_the_run).is_some(), "{of_the_run}");
    }
    for campaign in value["campaigns"].as_array_mut().unwrap() {
        assert!(campaign.as_object_mut().unwrap().remove("hash").is_some());
    }
    let facts = plan.facts.iter().map(|fact| {
        let figure = &fact.figure;
        let window = figure.window.as_deref().unwrap_or_default();
        (fact.id.clone(), format!("<{} {} {window}>", figure.name, figure.shown()))
    });
    name(&mut value, &facts.collect());
    serde_json::to_string_pretty(&value).unwrap()
}

fn name(value: &mut Value, facts: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(fact) = facts.get(text) {
                text.clone_from(fact);
            }
            while let Some((before, rest)) = text.split_once("{{F") {
                let (digits, after) = rest.split_once("}}").unwrap();
                let id = format!("F{digits}");
                let fact = facts.get(&id).unwrap_or(&id);
                *text = format!("{before}{fact}{after}");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| name(item, facts)),
        Value::Object(fields) => fields.values_mut().for_each(|field| name(field, facts)),
        _ => {}
    }
}
