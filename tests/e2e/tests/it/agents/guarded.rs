//! What agents can't do, whatever models say, shops hold and people ask: spend more than they may, hand in what is not
//! proven, go on for ever, tell who members are, or do what a text tells them.

mod money;
mod private;
mod texts;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Asked, Brain, Content, Fault, Point, Reply, ToolResult};
use tradeup_harness::Planting;
use tradeup_store::Tx;
use tradeup_store::agent_runs;
use tradeup_store::{RunId, TenantId};

use super::asking::{Agents, OPUS, SONNET, SOON, SUBMIT};

/// The planner, but for orchestrators of which the goal says otherwise: `Reduce churn (case refusal)`.
struct Odd;

/// The tokens that an orchestrator's answer has at first.
const ROOM: i64 = 16_000;

impl Brain for Odd {
    fn models(&self) -> Vec<String> {
        Planner::new().models()
    }

    fn answer(&self, request: &Value) -> Reply {
        let asked = Asked(request);
        let says = Planner::new().answer(request);
        let task = asked.task();
        let case = task.split_once("(case ").and_then(|(_, rest)| rest.split_once(')')).map(|(case, _)| case);
        let Some(case) = case.filter(|_| asked.offers(SUBMIT)) else { return says };
        let results = asked.results();
        let submitted: Vec<&ToolResult> = results.iter().filter(|result| result.name == SUBMIT).collect();
        let is_first = asked.turn() == 0;
        match case {
            "refusal" => Reply::text("I would rather not, and this is why.").faulty(Fault::Refusal),
            "silence" => Reply::text("I am still thinking about it."),
            "cut" if is_first && request["max_tokens"] == ROOM => says.faulty(Fault::CutToolInput),
            "cut twice" if is_first => says.faulty(Fault::CutToolInput),
            "mended" if submitted.is_empty() => patched(says, &[("/risks/0", json!(RISES))]),
            "stubborn" => match submitted.last() {
                Some(last) => Reply::call(SUBMIT, last.input.clone()),
                None => patched(
                    says,
                    &[
                        ("/risks/0", json!(RISES)),
                        ("/risks/1", json!("The member m_7 of borealis is about to leave.")),
                        ("/executive_summary/0", json!("Of {{F88888}} members all will stay.")),
                        ("/campaigns/0/audience", json!("F99999")),
                    ],
                ),
            },
            "unknown tool" if is_first => says.and_call("drop_tables", json!({ "really": true })),
            "wrong arguments" if is_first => Reply::calls([
                ("get_tenant_overview", json!({ "tenant": "borealis", "member": "m_1" })),
                ("get_historical_trends", json!({ "sql": "select * from members" })),
                ("get_tenant_overview", json!({})),
            ]),
            "circles" => Reply::call("get_tenant_overview", json!({})),
            "many" if is_first => {
                Reply::calls((0..10).map(|n| ("get_tenant_overview", json!({ "window": n.to_string() }))))
            }
            _ => says,
        }
    }
}

/// A figure of the model's own.
const RISES: &str = "Sales rise by 25 % by themselves.";

/// With other values in the plan that is handed in.
fn patched(mut says: Reply, values: &[(&str, Value)]) -> Reply {
    let is_plan = |content: &Content| matches!(content, Content::ToolUse { name, .. } if name == SUBMIT);
    if says.content.iter().any(is_plan) {
        let patch = |(pointer, value): &(&str, Value)| Fault::Patch {
            tool: SUBMIT.to_owned(),
            pointer: (*pointer).to_owned(),
            value: value.clone(),
        };
        says.faults.extend(values.iter().map(patch));
    }
    says
}

/// A run with its journal.
struct Looked {
    run: String,
    journal: Value,
}

impl Looked {
    fn of(agents: &Agents, run: &str) -> Self {
        Self { run: run.to_owned(), journal: agents.journal(run) }
    }

    /// The orchestrator's calls of a tool.
    fn calls(&self, tool: &str) -> Vec<&Value> {
        let calls = self.journal["calls"].as_array().unwrap().iter();
        calls.filter(|call| call["agent"] == "orchestrator" && call["tool"] == tool).collect()
    }

    fn turns(&self, agent: &str) -> Vec<&Value> {
        let turns = self.journal["turns"].as_array().unwrap().iter();
        turns.filter(|turn| turn["agent"] == agent).collect()
    }

    /// A call was refused with these words.
    fn is_refused(&self, tool: &str, words: &str) {
        let said =
            |call: &&Value| call["is_error"] == true && call["content"].as_str().unwrap().contains(words);
        assert!(self.calls(tool).iter().any(said), "{}: {words}: {:#}", self.run, self.journal);
    }
}

#[tokio::test]
async fn whatever_models_say_a_run_ends_and_says_how() {
    let agents = Agents::paid(Odd).await;
    let tenant = agents.shop(Planting { expiring: 400, ..Planting::churn_wave("aurora", 90) }).await;
    let other = agents.shop(Planting::churn_wave("borealis", 60)).await;
    let service = agents.world.start("agents").await;
    let run = |case: &str| agents.goal("aurora", case, &format!("Reduce churn (case {case})"));
    let ends = [
        ("refusal", "refused:", 1),
        ("silence", "turns_exhausted:", 3),
        ("cut twice", "output_truncated:", 2),
        ("circles", "in_circles:", 4),
    ]
    .map(|(case, words, turns)| (run(case), words, turns));
    let go_on = ["cut", "mended", "stubborn", "unknown tool", "wrong arguments", "many"]
        .map(|case| (case, run(case)));
    let neighbours = agents.goal("borealis", "neighbour", "Reduce churn");

    for (run, words, turns) in ends {
        let (code, why) = agents.dead(&run).await;
        assert!(code == "TU0707" && why.contains(words), "{code} {why}");
        let looked = Looked::of(&agents, &run);
        assert_eq!(looked.journal["state"], "failed");
        assert!(looked.journal["outcome"].as_str().unwrap().contains(words), "{:#}", looked.journal);
        assert_eq!(looked.turns("orchestrator").len(), turns, "{words}");
        assert!(agents.plan(&run).await.is_none());
    }
    for (case, run) in &go_on {
        let plan = agents.planned(run).await;
        let looked = Looked::of(&agents, run);
        assert_eq!(plan.unproven.is_empty(), *case != "stubborn", "{case}: {:?}", plan.unproven);
        match *case {
            "cut" => {
                let cut = looked.turns("orchestrator")[0];
                assert_eq!(cut["stop_reason"], "max_tokens");
                let calls = looked.journal["calls"].as_array().unwrap();
                let made = |call: &&Value| call["agent"] == "orchestrator" && call["turn"] == 1;
                assert_eq!(calls.iter().find(made), None, "no call of it is made");
            }
            "mended" => {
                assert_eq!(looked.calls(SUBMIT).len(), 2);
                looked.is_refused(SUBMIT, "risks[0]");
                assert!(
                    !plan.document.risks.iter().any(|risk| risk.contains("25")),
                    "{:?}",
                    plan.document.risks
                );
            }
            "stubborn" => {
                assert_eq!(looked.calls(SUBMIT).len(), 3, "twice it may be mended");
                let marked: BTreeSet<&str> =
                    plan.unproven.iter().map(|finding| finding.path.as_str()).collect();
                let wanted = ["campaigns[0].audience", "executive_summary[0]", "risks[0]", "risks[1]"];
                assert_eq!(marked, BTreeSet::from(wanted), "{:?}", plan.unproven);
                assert!(!plan.campaigns[0].approvable && plan.campaigns[0].cost_minor.is_none());
                let approvable =
                    "select count(*) from plan_items where run_id = $1::uuid and key = 'c1' and approvable";
                assert_eq!(agents.of_run(approvable, run).await, 0);
                let complete = "select count(*) from plans where run_id = $1::uuid and complete";
                assert_eq!(agents.of_run(complete, run).await, 0);
                let shown = agents.world.tradeup_ok(&["agents", "plan", run, "--markdown"]);
                assert!(shown.contains("## What is unproven") && shown.contains("⚠"), "{shown}");
            }
            "unknown tool" => looked.is_refused("drop_tables", "There is no tool \"drop_tables\""),
            "wrong arguments" => {
                looked.is_refused("get_tenant_overview", "There is no argument");
                looked.is_refused("get_historical_trends", "There is no argument \"sql\"");
            }
            _ => {
                let calls = looked.calls("get_tenant_overview");
                let refused = calls.iter().filter(|call| call["is_error"] == true).count();
                assert_eq!((calls.len(), refused), (10, 2));
                looked.is_refused("get_tenant_overview", "Limit reached");
            }
        }
    }
    agents.planned(&neighbours).await;
    let (ours, theirs) = (&go_on[0].1, &neighbours);
    members_are_of_one_run_and_shop(&agents, (tenant, ours), (other, theirs)).await;
    agents.is_paid_once().await;
    drop(service);
}

/// `m_1` is somebody in each run: a member of its shop's, and nobody for anybody else.
async fn members_are_of_one_run_and_shop(agents: &Agents, one: (TenantId, &str), other: (TenantId, &str)) {
    let member = async |reader: TenantId, owner: TenantId, run: &str| {
        let mut tx = Tx::of_tenant(&agents.world.database.app, reader).await.unwrap();
        let run = RunId(run.parse().unwrap());
        let found = agent_runs::member_of(&mut tx, owner, run, "m_1").await.unwrap();
        tx.rollback().await.unwrap();
        found
    };
    let (ours, theirs) = (member(one.0, one.0, one.1).await, member(other.0, other.0, other.1).await);
    assert!(ours.is_some() && theirs.is_some() && ours != theirs, "{ours:?} {theirs:?}");
    for (reader, owner, run) in [
        (one.0, one.0, other.1),
        (one.0, other.0, other.1),
        (other.0, one.0, one.1),
        (other.0, other.0, one.1),
    ] {
        assert_eq!(member(reader, owner, run).await, None, "{reader} asks for {run} of {owner}");
    }
}

#[tokio::test]
async fn a_model_that_goes_is_followed_by_its_successor() {
    let agents = Agents::paid(Planner::new()).await;
    agents.shop(Planting::churn_wave("aurora", 90)).await;
    let service = agents.world.start("agents").await;
    let model = &agents.model;
    model.hold(Point::Arrived, super::durable::orchestrators(1));
    let run = agents.goal("aurora", "retired", "Reduce churn");
    let held = model.until(SOON, |ledger| ledger.held.len() == 1).await;
    assert!(held.is_ok(), "{held:?}");
    model.retire(OPUS[0]);
    assert_eq!(model.release(), 1);
    let plan = agents.planned(&run).await;
    assert!(plan.complete && plan.unproven.is_empty() && !plan.campaigns.is_empty(), "{:?}", plan.unproven);
    for name in [OPUS[0], OPUS[1], SONNET[0]] {
        assert!(plan.meta.generated_by.iter().any(|by| by == name), "{name}: {:?}", plan.meta.generated_by);
    }
    let looked = Looked::of(&agents, &run);
    assert_eq!(looked.turns("orchestrator").len(), 1);
    assert!(
        looked.turns("orchestrator.2").iter().all(|turn| turn["model"] == OPUS[1]),
        "{:#}",
        looked.journal
    );
    let gone = "select count(*) from model_attempts where run_id = $1::uuid and error_code = 'TU0704' and state = 'rejected'";
    assert_eq!(agents.of_run(gone, &run).await, 1);
    agents.is_paid_once().await;

    // Who comes later begins with the successor, and the log says so.
    let later = agents.goal("aurora", "later", "Reduce churn");
    let plan = agents.planned(&later).await;
    assert!(!plan.meta.generated_by.iter().any(|by| by == OPUS[0]), "{:?}", plan.meta.generated_by);
    assert!(service.log().contains("is not there any more"), "{}", service.log());
    // Without any that is left, it is given up and says so.
    model.retire(OPUS[1]);
    let none = agents.goal("aurora", "none", "Reduce churn");
    let (code, why) = agents.dead(&none).await;
    assert_eq!(code, "TU0704", "{why}");
    agents.is_paid_once().await;
}
