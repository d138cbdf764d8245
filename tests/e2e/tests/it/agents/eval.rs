//! `tradeup agents eval`: plans of shops of which it is known what there is to be found, scored; and the same again, which
//! is paid no second time. The offline planner answers: it is measured by the same goals as models are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use tradeup_fakes::anthropic::Server;
use tradeup_fakes::anthropic::planner::{MODEL, Planner};
use tradeup_harness::{Process, World, evaluation_shops, plant_evaluation, repository};

/// What the planner has to find of what there is: for each goal, and on average. It is rules, which were made with these
/// shops in mind; models are expected to find all of it.
const COVERAGE_MIN: i64 = 7_500;
const COVERAGE_MEAN_MIN: i64 = 9_500;

/// The planted shops, and agents that ask the planner.
struct Setting {
    world: World,
    model: Server,
    _agents: Process,
}

async fn setting() -> Setting {
    let mut world = World::new().await;
    let planted = plant_evaluation(&world.database).await;
    assert_eq!(planted.len(), evaluation_shops().len());
    assert!(plant_evaluation(&world.database).await.is_empty(), "what is there is left alone");
    let model = Server::start(Planner::new()).await.unwrap();
    for (name, value) in [
        ("TRADEUP_ANTHROPIC_URL", model.base().as_str()),
        ("TRADEUP_ORCHESTRATOR_MODELS", MODEL),
        ("TRADEUP_SPECIALIST_MODELS", MODEL),
    ] {
        world.environment.insert(name.to_owned(), value.to_owned());
    }
    let agents = world.start("agents").await;
    Setting { world, model, _agents: agents }
}

impl Setting {
    fn file(&self, name: &str) -> String {
        self.world.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs the command: its exit code and its report.
    fn eval(&self, arguments: &[&str]) -> (i32, Value) {
        let all = [&["--json", "agents", "eval", "--wait", "400"], arguments].concat();
        let finished = self.world.tradeup(&all);
        let report = serde_json::from_str(&finished.stdout);
        (
            finished.code,
            report.unwrap_or_else(|error| panic!("{error}: {}{}", finished.stdout, finished.stderr)),
        )
    }
}

fn goals() -> PathBuf {
    repository().join("tests/eval/goals.json")
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

// The command waits for plans while this process answers as the model.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_planted_shops_are_scored_and_compared_and_paid_once() {
    let setting = setting().await;
    let goals = goals();
    let goals = goals.to_str().unwrap();
    let (first, second) = (setting.file("first.json"), setting.file("second.json"));
    let least = COVERAGE_MIN.to_string();
    let ask = ["--goals", goals, "--prefix", "one", "--min-coverage", &least];
    let (code, report) = setting.eval(&[&ask[..], &["--out", &first]].concat());
    for goal in report["goals"].as_array().unwrap() {
        println!(
            "{:28} {:24} grounding {:>5} coverage {:>5} KPIs {:>5} {:>2} turns {:>2} calls {} repairs {}",
            goal["id"].as_str().unwrap(),
            goal["task"].as_str().unwrap(),
            goal["grounding_bps"],
            goal["coverage_bps"],
            goal["kpis_bps"],
            goal["turns"],
            goal["tool_calls"],
            goal["repairs"],
            goal["problems"],
        );
    }
    let summary = &report["summary"];
    println!("{summary:#}");
    assert_eq!(code, 0, "a goal has no plan, or one below what is asked for");

    let scored = report["goals"].as_array().unwrap();
    assert!(scored.len() >= 32, "{}", scored.len());
    for goal in scored {
        assert_eq!((number(&goal["plans"]), number(&goal["sound"])), (1, 1), "{goal:#}");
        assert_eq!((number(&goal["grounding_bps"]), number(&goal["kpis_bps"])), (10_000, 10_000), "{goal:#}");
        assert!(number(&goal["coverage_bps"]) >= COVERAGE_MIN, "{goal:#}");
        assert_eq!((&goal["said"], &goal["cost_nano_usd"]), (&json!(0), &json!(0)), "{goal:#}");
        assert!(number(&goal["turns"]) >= 2 && number(&goal["tool_calls"]) >= 2, "{goal:#}");
    }
    assert!(number(&summary["coverage_bps"]) >= COVERAGE_MEAN_MIN, "{summary:#}");
    assert_eq!((&summary["ended"], &summary["unknown_nano_usd"]), (&json!(scored.len()), &json!(0)));
    assert_eq!(report["models"], json!({ "orchestrator": [MODEL], "specialists": [MODEL] }));
    assert_eq!((&report["offline"], &report["as_of"]), (&json!(true), &json!("2026-11-29T00:00:00Z")));
    let billed = setting.model.ledger().billed();
    assert_eq!(number(&summary["turns"]), i64::try_from(billed).unwrap(), "each turn was asked once");
    assert_eq!(setting.model.ledger().trouble(), None);

    // The same again shows the same runs, and asks nobody.
    let (code, again) = setting.eval(&[&ask[..], &["--out", &second, "--baseline", &first]].concat());
    assert_eq!((code, setting.model.ledger().billed()), (0, billed));
    assert_eq!(again["comparison"]["counts"], json!({ "same": scored.len() }), "{:#}", again["comparison"]);
    assert_eq!(again["comparison"]["same_configuration"], true);
    assert_eq!(again["goals"], report["goals"]);
    let count = setting.world.number("select count(*) from runs where tags @> '{eval}'").await;
    assert_eq!(usize::try_from(count).unwrap(), scored.len());
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&second).unwrap()).unwrap();
    assert_eq!(written["summary"], report["summary"]);
    let text = setting.world.tradeup_ok(&[
        "agents",
        "eval",
        "--goals",
        goals,
        "--prefix",
        "one",
        "--baseline",
        &first,
    ]);
    assert!(text.contains("OFFLINE") && text.contains("Beside one (the same models and prompts)"), "{text}");

    asked_anew_it_comes_to_the_same(&setting, &first);
    what_is_below_fails(&setting, goals);
}

/// A few of the goals, each twice, under another name: rules come to the same plan each time.
fn asked_anew_it_comes_to_the_same(setting: &Setting, baseline: &str) {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(goals()).unwrap()).unwrap();
    let some = ["churn-fifth", "campaign-expiring", "ask-tiers", "empty-grow"];
    let kept: Vec<&Value> = all["goals"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|goal| some.contains(&goal["id"].as_str().unwrap()))
        .collect();
    assert_eq!(kept.len(), some.len());
    let file = setting.file("some.json");
    std::fs::write(&file, json!({ "as_of": all["as_of"], "goals": kept }).to_string()).unwrap();
    let billed = setting.model.ledger().billed();
    let (code, report) =
        setting.eval(&["--goals", &file, "--prefix", "two", "--repeat", "2", "--baseline", baseline]);
    assert_eq!(code, 0, "{report:#}");
    assert!(setting.model.ledger().billed() > billed, "another prefix asks anew");
    let compared = report["comparison"]["goals"].as_array().unwrap();
    for goal in compared.iter().filter(|goal| goal["verdict"] != "gone") {
        assert_eq!((&goal["verdict"], &goal["turns"]), (&json!("same"), &json!(0)), "{goal:#}");
    }
    assert_eq!(report["comparison"]["counts"]["same"], some.len());
    assert_eq!(report["summary"]["runs"], some.len() * 2);
    let runs: BTreeSet<&str> = report["goals"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|goal| goal["runs"].as_array().unwrap())
        .map(|run| run["run_id"].as_str().unwrap())
        .collect();
    assert_eq!(runs.len(), some.len() * 2);
}

/// Bad goals are refused before anything is asked, and what is below a minimum is an exit code.
fn what_is_below_fails(setting: &Setting, goals: &str) {
    let billed = setting.model.ledger().billed();
    let all: Value = serde_json::from_str(&std::fs::read_to_string(goals).unwrap()).unwrap();
    let good = &all["goals"][0];
    let file = setting.file("bad.json");
    for (field, value) in [
        ("shop", json!("nowhere")),
        ("timeline_days", json!(3)),
        ("target_segment", json!("everybody")),
        ("truth", json!({ "segments": ["whales"] })),
        ("nonsense", json!(1)),
    ] {
        let mut bad = good.clone();
        bad["id"] = "bad".into();
        bad[field] = value;
        std::fs::write(&file, json!({ "as_of": all["as_of"], "goals": [good, bad] }).to_string()).unwrap();
        let finished = setting.world.tradeup(&["agents", "eval", "--goals", &file, "--prefix", "three"]);
        assert_eq!(finished.code, 1, "{field}: {}", finished.stdout);
        let said = &finished.stderr;
        assert!(said.contains(&format!("goal bad, field {field}")), "{field}: {said}");
    }
    // A key that was asked something else.
    let mut other = good.clone();
    other["goal"] = "Something else altogether".into();
    std::fs::write(&file, json!({ "as_of": all["as_of"], "goals": [other] }).to_string()).unwrap();
    let finished = setting.world.tradeup(&["agents", "eval", "--goals", &file, "--prefix", "one"]);
    assert!(finished.code == 1 && finished.stderr.contains("asked something else"), "{}", finished.stderr);
    let none = ["agents", "eval", "--goals", goals, "--prefix", "four", "--baseline", &file];
    assert_eq!(setting.world.tradeup(&none).code, 1, "no report");
    assert_eq!(setting.model.ledger().billed(), billed);

    let strict = ["--goals", goals, "--prefix", "one", "--min-coverage", "10000"];
    let (code, report) = setting.eval(&strict);
    let below =
        report["goals"].as_array().unwrap().iter().filter(|goal| goal["problems"] != json!([])).count();
    assert_eq!(code, i32::from(below > 0), "{below}");
    assert_eq!(setting.model.ledger().billed(), billed, "a stricter look is free");
}
