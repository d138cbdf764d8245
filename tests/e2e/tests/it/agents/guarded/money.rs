//! Limits on money: a run that comes to one stops with what is there, and says so; one that is there before anything was
//! asked is an error; a shop that does without is left alone.

use serde_json::Value;
use tradeup_fakes::anthropic::planner::Planner;
use tradeup_fakes::anthropic::{Fault, Scheduled};
use tradeup_harness::Planting;
use tradeup_store::agent_settings::{self, Change};
use tradeup_store::audit::Actor;
use tradeup_store::{TenantId, Tx};

use super::super::asking::{Agents, GOAL, SUBMIT};
use super::super::durable::orchestrators;
use super::{Looked, RISES};

async fn change(agents: &Agents, tenant: TenantId, change: Change) {
    let actor = Actor { name: "ana".to_owned(), reason: Some("less".to_owned()) };
    let mut tx = Tx::of_tenant(&agents.world.database.app, tenant).await.unwrap();
    agent_settings::change(&mut tx, tenant, &change, &actor).await.unwrap();
    tx.commit().await.unwrap();
}

/// What was reserved for a turn of the orchestrator, and what it cost.
fn turn(journal: &Value, number: i64) -> (i64, i64) {
    let of = |list: &str, field: &str| {
        let found = journal[list].as_array().unwrap().iter();
        let mut found = found.filter(|row| row["agent"] == "orchestrator" && row["turn"] == number);
        found.next().unwrap_or_else(|| panic!("{list} {number}: {journal:#}"))[field].as_i64().unwrap()
    };
    (of("attempts", "reserved_nano_usd"), of("turns", "cost_nano_usd"))
}

/// The first plan that is handed in holds a figure of the model's own.
fn first_plan_is_refused(agents: &Agents) {
    let (pointer, value) = ("/risks/0".to_owned(), RISES.into());
    let patch = Fault::Patch { tool: SUBMIT.to_owned(), pointer, value };
    agents.model.fault(Scheduled::from(patch).only(orchestrators(2)));
}

#[tokio::test]
async fn a_run_stops_at_a_limit_with_what_is_there() {
    let agents = Agents::paid(Planner::new()).await;
    let tenant = agents.shop(Planting { expiring: 400, ..Planting::churn_wave("aurora", 90) }).await;
    let _service = agents.world.start("agents").await;
    // How much there is to a run. The first one warms the provider's cache.
    agents.planned(&agents.goal("aurora", "warm", GOAL)).await;
    first_plan_is_refused(&agents);
    let whole = agents.goal("aurora", "whole", GOAL);
    let plan = agents.planned(&whole).await;
    assert!(plan.complete && plan.meta.cost_nano_usd > 0);
    let journal = agents.journal(&whole);
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|number| turn(&journal, number));
    assert_eq!(journal["spent_nano_usd"], plan.meta.cost_nano_usd);
    let before_third = plan.meta.cost_nano_usd - third.1 - fourth.1;

    // The second turn would be too much: there are figures, and no plan.
    let run_cap_nano = Some((first.0 + second.0 + first.1) / 2);
    change(&agents, tenant, Change { run_cap_nano, ..Change::default() }).await;
    let run = agents.goal("aurora", "figures", GOAL);
    let story = agents.succeeded(&run).await;
    assert_eq!(story["result"]["outcome"], "budget_exhausted", "{story:#}");
    assert_eq!(story["result"]["cap"], "the limit of one run");
    assert!(story["result"]["facts"].as_i64().is_some_and(|facts| facts > 20), "{story:#}");
    assert!(agents.plan(&run).await.is_none());
    let looked = Looked::of(&agents, &run);
    assert_eq!((&looked.journal["state"], looked.turns("orchestrator").len()), (&"stopped".into(), 1));
    let shown = agents.world.tradeup_ok(&["agents", "run", &run]);
    assert!(shown.contains("budget_exhausted"), "{shown}");

    // A request that fits by the model's own count of its tokens, and would not by its length, is made.
    let counted = agents.model.ledger().counted;
    change(&agents, tenant, Change { run_cap_nano: Some(first.0 - 1), ..Change::default() }).await;
    let run = agents.goal("aurora", "counted", GOAL);
    let story = agents.succeeded(&run).await;
    assert_eq!(story["result"]["outcome"], "budget_exhausted", "{story:#}");
    assert_eq!(Looked::of(&agents, &run).turns("orchestrator").len(), 1);
    assert!(turn(&agents.journal(&run), 1).0 < first.0);
    assert!(agents.model.ledger().counted > counted);

    // The fourth would be: the plan is there, as it was handed in, and what is wrong with it is marked.
    let most = before_third + third.0 + (third.1 + fourth.0 - third.0) / 2;
    change(&agents, tenant, Change { run_cap_nano: Some(most), ..Change::default() }).await;
    first_plan_is_refused(&agents);
    let run = agents.goal("aurora", "plan", GOAL);
    let plan = agents.planned(&run).await;
    assert!(
        !plan.complete && plan.incomplete_because.as_ref().unwrap().contains("budget_exhausted"),
        "{plan:?}"
    );
    assert!(plan.unproven.iter().all(|finding| finding.path == "risks[0]") && !plan.unproven.is_empty());
    assert_eq!(Looked::of(&agents, &run).turns("orchestrator").len(), 3);
    assert!(plan.meta.cost_nano_usd <= most);
    agents.is_paid_once().await;
}

#[tokio::test]
async fn nothing_is_asked_beyond_a_limit_or_for_a_shop_that_does_without() {
    let agents = Agents::paid(Planner::new()).await;
    let mut shops = Vec::new();
    for handle in ["aurora", "borealis", "caelum", "dorado"] {
        shops.push((handle, agents.shop(Planting::churn_wave(handle, 30)).await));
    }
    let service = agents.world.start("agents").await;
    let none = Change::default();
    for ((handle, tenant), (change_to, words)) in shops.iter().zip([
        (Change { run_cap_nano: Some(1), ..none }, "the limit of one run"),
        (Change { day_cap_nano: Some(1), ..none }, "the shop's limit of the day"),
        (Change { month_cap_nano: Some(1), ..none }, "the shop's limit of the month"),
    ]) {
        change(&agents, *tenant, change_to).await;
        let run = agents.goal(handle, "beyond", GOAL);
        let (code, why) = agents.dead(&run).await;
        assert!(code == "TU0705" && why.contains(words), "{code} {why}");
        assert!(agents.journal(&run)["outcome"].as_str().unwrap().contains(words));
    }
    // What is left of a shop's day is no other shop's; that of all is everybody's.
    let (handle, tenant) = shops[3];
    let run = agents.goal(handle, "within", GOAL);
    agents.planned(&run).await;
    let billed = agents.model.ledger().billed();
    let all = ["agents", "settings", "--all-shops", "--day-limit", "0.01", "--reason", "a drill"];
    agents.world.tradeup_ok(&all);
    let (code, why) = agents.dead(&agents.goal(handle, "all", GOAL)).await;
    assert!(code == "TU0705" && why.contains("the day's limit of all shops"), "{code} {why}");

    change(&agents, tenant, Change { enabled: Some(false), ..none }).await;
    let off = agents.goal(handle, "off", GOAL);
    let story = agents.succeeded(&off).await;
    assert!(story["result"]["outcome"].as_str().unwrap().contains("do without agents"), "{story:#}");
    let begun = "select count(*) from agent_runs where run_id = $1::uuid";
    assert_eq!(agents.of_run(begun, &off).await, 0);
    assert_eq!(agents.model.ledger().billed(), billed, "nothing of it was asked");
    agents.is_paid_once().await;
    drop(service);
}
