//! What operators and other systems do with agents: `tradeup agents`, `tradeup trigger`, the event `agent.requested`; and
//! an installation that does without.

use std::time::Duration;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::Server;
use tradeup_fakes::anthropic::planner::{MODEL, Planner};
use tradeup_harness::{Process, World, eventually};

use super::plan_of;
use crate::doctor::Report;

const SOON: Duration = Duration::from_secs(60);
const GOAL: &str = "Reduce churn by a fifth";

struct Setting {
    world: World,
    model: Server,
    _services: Vec<Process>,
}

/// Aurora with a month's credits, and agents that ask the planner.
async fn setting(seed: u64) -> Setting {
    let mut world = World::with_aurora(120, seed).await;
    let model = Server::start(Planner::new()).await.unwrap();
    for (name, value) in [
        ("TRADEUP_ANTHROPIC_URL", model.base().as_str()),
        ("TRADEUP_ORCHESTRATOR_MODELS", MODEL),
        ("TRADEUP_SPECIALIST_MODELS", MODEL),
    ] {
        world.environment.insert(name.to_owned(), value.to_owned());
    }
    let (scheduler, credits) = world.start_both().await;
    let month = world.trigger("2026-11");
    assert_eq!(world.ended(&month).await["state"], "succeeded");
    let agents = world.start("agents").await;
    Setting { world, model, _services: vec![scheduler, credits, agents] }
}

fn id(run: &Value) -> &str {
    run["run_id"].as_str().unwrap()
}

#[tokio::test]
async fn a_goal_is_asked_once_and_its_plan_and_journal_are_read() {
    let setting = setting(1201).await;
    let world = &setting.world;
    let ask = ["agents", "goal", "aurora", "--goal", GOAL];
    let asked = world.tradeup_json(&ask);
    assert_eq!((&asked["task"], &asked["new"]), (&json!("plan-strategic-goal"), &json!(true)));
    let again = world.tradeup_json(&ask);
    assert_eq!((id(&again), &again["new"]), (id(&asked), &json!(false)), "the same words are one run");
    let run = id(&asked);
    assert_eq!(world.ended(run).await["state"], "succeeded");

    let plans = world.tradeup_json(&["agents", "plans", "aurora"]);
    assert_eq!((id(&plans[0]), &plans[0]["offline"]), (run, &json!(true)));
    let plan = world.tradeup_json(&["agents", "plan", "latest"]);
    assert_eq!((id(&plan), &plan["plan"]["meta"]["generated_by"]), (run, &json!([MODEL])));
    assert_eq!(plan["plan"]["document"]["phases"].as_array().unwrap().len(), 3);
    let text = world.tradeup_ok(&["agents", "plan", run]);
    assert!(text.starts_with("OFFLINE"), "{text}");
    let markdown = world.tradeup_ok(&["agents", "plan", run, "--markdown"]);
    assert!(markdown.contains("## Executive summary") && markdown.contains("[F"), "{markdown}");

    let journal = world.tradeup_json(&["agents", "run", run]);
    let turns = journal["turns"].as_array().unwrap();
    assert_eq!(turns.len(), setting.model.ledger().billed(), "each turn was paid once");
    assert_eq!((&journal["unknown_nano_usd"], &journal["reserved_nano_usd"]), (&json!(0), &json!(0)));
    assert!(!journal["facts"].as_array().unwrap().is_empty());
    let text = world.tradeup_ok(&["agents", "run", run, "--bodies"]);
    assert!(text.contains("get_tenant_overview") && text.contains("== orchestrator turn 1"), "{text}");
    let spend = world.tradeup_json(&["agents", "spend", "--tenant", "aurora"]);
    assert_eq!(spend[0]["turns"], turns.len());
    assert_eq!(setting.model.ledger().trouble(), None);

    let keyed = ["agents", "campaign", "aurora", "--key", "spring", "--objective"];
    let first = world.tradeup_json(&[&keyed[..], &["Use what ends soon"]].concat());
    let same = world.tradeup_json(&[&keyed[..], &["Use what ends soon"]].concat());
    assert_eq!(id(&same), id(&first));
    let other = world.tradeup(&[&keyed[..], &["Something else"]].concat());
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("asked something else"), "{}", other.stderr);
    for wrong in [
        &["agents", "goal", "aurora", "--goal", GOAL, "--days", "3"][..],
        &["agents", "goal", "aurora", "--goal", " "],
        &["agents", "goal", "aurora", "--goal", GOAL, "--segment", "everybody"],
        &["agents", "analyze", "aurora", "--risk", "101"],
        &["agents", "plan", "0190b0e0-0000-7000-8000-000000000000"],
        &["trigger", "task", "daily-expiration-rescue", "--key", "k"],
    ] {
        assert_ne!(world.tradeup(wrong).code, 0, "{wrong:?}");
    }
    assert_eq!(world.ended(id(&first)).await["state"], "succeeded");
}

#[tokio::test]
async fn an_event_asks_and_a_scan_asks_for_each_shop() {
    let setting = setting(1202).await;
    let world = &setting.world;
    let _webhooks = world.start("webhooks").await;
    let jobs = world.jobs().await;
    let subject = "events.aurora.crm.agent=2Erequested";
    let body =
        json!({ "task": "analyze-segment", "filter": { "tiers": ["gold"] }, "question": "Who are they?" });
    for _ in 0..2 {
        jobs.publish_event(subject, &[("ce-id", "ask-1")], body.to_string().as_bytes()).await;
    }
    let wrong = json!({ "task": "grant-credit" });
    jobs.publish_event(subject, &[("ce-id", "ask-2")], wrong.to_string().as_bytes()).await;
    eventually("the question is answered once, the other set aside", SOON, || async {
        let answered = "select count(*) from runs where task = 'analyze-segment' and key = 'event:crm:ask-1' and state = 'succeeded'";
        let aside = "select count(*) from dead_letters where code = 'TU0203'";
        (world.number(answered).await == 1 && world.number(aside).await == 1).then_some(())
    })
    .await;
    assert_eq!(world.number("select count(*) from runs where task = 'analyze-segment'").await, 1);

    let scan = world.tradeup_json(&["trigger", "weekly-churn-prevention-scan"]);
    let story = world.ended(id(&scan)).await;
    assert_eq!(story["state"], "succeeded", "{story:#}");
    let plans = world.tradeup_json(&["agents", "plans", "aurora"]);
    assert_eq!(plans[0]["task"], "weekly-churn-prevention-scan-tenant");
    let one = world.tradeup_json(&["trigger", "monthly-strategic-review", "--tenant", "aurora"]);
    assert_eq!(one["task"], "monthly-strategic-review-tenant");
    assert_eq!(world.ended(id(&one)).await["state"], "succeeded");

    let off = ["agents", "settings", "aurora", "--enabled", "no"];
    assert_eq!(world.tradeup(&off).code, 1, "it wants a reason");
    world.tradeup_ok(&[&off[..], &["--reason", "the owner said so"]].concat());
    let billed = setting.model.ledger().billed();
    let refused = world.tradeup_json(&["agents", "analyze", "aurora"]);
    world.ended(id(&refused)).await;
    assert_eq!(setting.model.ledger().billed(), billed, "nothing is asked for a shop that is off");
}

#[tokio::test]
async fn campaigns_are_decided_on_as_they_were_read() {
    // Nobody works on the run: the plan is put there, so that it is known.
    let world = World::with_aurora(5, 1203).await;
    let asked = world.tradeup_json(&["agents", "goal", "aurora", "--goal", GOAL]);
    let run = id(&asked);
    plan_of::put(&world, run, true, "Prices may rise.").await;

    let approve = ["agents", "approve", run, "--campaign", "c1"];
    assert_eq!(world.tradeup(&approve).code, 1, "it wants a reason");
    let why = ["--reason", "for the autumn"];
    let refused = world.tradeup(&[&approve[..], &why].concat());
    assert!(refused.code == 1 && refused.stderr.contains("--offline-approvals"), "{}", refused.stderr);
    let allow = ["agents", "settings", "aurora", "--offline-approvals", "yes", "--day-limit", "7.50"];
    let settings = world.tradeup_json(&[&allow[..], &["--reason", "a drill"]].concat());
    assert_eq!(settings["day_limit_nano_usd"], 7_500_000_000_i64);

    let other = "0".repeat(64);
    let changed = world.tradeup(&[&approve[..], &["--hash", &other], &why].concat());
    assert!(changed.code == 1 && changed.stderr.contains("not what was read"), "{}", changed.stderr);
    let both = [&approve[..], &["--campaign", "c9"], &why].concat();
    assert_eq!(world.tradeup(&both).code, 1);
    let approved = "select count(*) from plan_items where state = 'approved'";
    assert_eq!(world.number(approved).await, 0, "all that are named, or none");

    let done = world.tradeup_json(&[&approve[..], &why].concat());
    assert_eq!(
        (&done["campaigns"][0]["new"], &done["plan_state"]),
        (&json!(true), &json!("awaiting_approval"))
    );
    let again = world.tradeup_json(&[&approve[..], &why].concat());
    assert_eq!(again["campaigns"][0]["new"], false);
    let back = world.tradeup(&["agents", "reject", run, "--campaign", "c1", "--reason", "no"]);
    assert!(back.code == 1 && back.stderr.contains("not taken back"), "{}", back.stderr);
    let last = world.tradeup_json(&["agents", "reject", run, "--campaign", "c2", "--reason", "too late"]);
    assert_eq!(last["plan_state"], "approved");
    let shown = world.tradeup_json(&["agents", "plan", run]);
    let states: Vec<&Value> = shown["campaigns"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, [&json!("approved"), &json!("rejected")]);
    assert_eq!(world.number("select count(*) from audit_log where act like 'plans.%'").await, 2);

    let all = ["agents", "settings", "--all-shops", "--day-limit", "300.00", "--reason", "more shops"];
    assert_eq!(world.tradeup_json(&all)["all_shops_day_limit_nano_usd"], 300_000_000_000_i64);
    let settings = world.tradeup_json(&["agents", "settings", "aurora"]);
    assert_eq!(settings["all_shops_day_limit_nano_usd"], 300_000_000_000_i64);
}

#[tokio::test]
async fn an_installation_may_do_without() {
    let world = World::with_aurora(5, 1204).await;
    let (_scheduler, _credits) = world.start_both().await;
    let _webhooks = world.start("webhooks").await;
    let scan = world.tradeup_json(&["trigger", "daily-expiration-rescue"]);
    let story = world.ended(id(&scan)).await;
    assert_eq!(story["state"], "succeeded");
    assert!(story["result"]["skipped"].as_str().unwrap().contains("no agents"), "{story:#}");
    assert_eq!(
        world.number("select count(*) from runs where task = 'daily-expiration-rescue-tenant'").await,
        0
    );
    let services: Vec<Value> = world.tradeup_json(&["probe"]).as_array().unwrap().clone();
    assert!(services.iter().all(|probe| probe["service"] != "agents"), "{services:?}");
    let report = eventually("all is in order", SOON, || async {
        let report = Report::of(&world);
        report.is_clean().then_some(report)
    })
    .await;
    assert_eq!(report.state("service", "agents"), "ok");

    // Whoever asks all the same is told what waits for what.
    world.tradeup_ok(&["agents", "analyze", "aurora"]);
    eventually("it is missed", SOON, || async {
        (Report::of(&world).state("consumer", "agents-analyze-member-insights") == "problem").then_some(())
    })
    .await;
}
