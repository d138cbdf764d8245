//! The same by the API: plans, how they were made, what they cost; what is asked for, decided and set.

use serde_json::{Value, json};
use tradeup_harness::World;

use super::plan_of;
use crate::console::{console, header};
use crate::http::send;

/// Whoever asks by the API, with a token of a user's.
pub(super) struct Program {
    port: u16,
    token: String,
}

impl Program {
    pub(super) fn of(world: &World, port: u16, user: &str) -> Self {
        let made = world.tradeup_json(&["user", "add-token", user, "--for", "tests"]);
        Self { port, token: made["token"].as_str().unwrap().to_owned() }
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: &Value,
    ) -> (u16, String, Value) {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Accept".to_owned(), accept.to_owned()),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/api/v1{path}");
        let (status, answer) = send(self.port, method, &path, &headers, body.as_bytes()).await;
        let text = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (status, answer, value)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, answer, value) = self.ask("GET", path, "application/json", &Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        value
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, value) = self.ask("POST", path, "application/json", body).await;
        (status, value)
    }
}

#[tokio::test]
async fn what_is_asked_for_is_one_run_for_each_key_and_its_plan_is_read_and_decided_on() {
    let console = console().await;
    let olga = Program::of(&console.world, console.port, "olga");
    let start = "/shops/aurora/agents/start";
    let asked = json!({ "task": "plan-strategic-goal", "goal": "reduce churn by a fifth", "timeline_days": 90,
        "key": "spring", "reason": "the board wants it" });
    let (status, first) = olga.post(start, &asked).await;
    assert_eq!((status, &first["new"]), (200, &true.into()), "{first}");
    let (status, again) = olga.post(start, &asked).await;
    assert_eq!((status, &again["new"], &again["run_id"]), (200, &false.into(), &first["run_id"]));
    for (field, value) in [
        ("goal", json!("double it")),
        ("timeline_days", json!(3)),
        ("target_segment", json!("no such; drop")),
        ("objective", json!("another task's")),
        ("task", json!("monthly-credits")),
        ("nonsense", json!(1)),
    ] {
        let mut wrong = asked.clone();
        wrong[field] = value;
        let (status, problem) = olga.post(start, &wrong).await;
        assert_eq!(status, 422, "{field}: {problem}");
    }
    for good in [
        json!({ "task": "plan-campaign", "objective": "win them back", "segment": "lost", "budget": "500.00" }),
        json!({ "task": "analyze-segment", "tiers": "gold, silver", "risk_min": 60, "balance_min": "5" }),
        json!({ "task": "analyze-member-insights" }),
    ] {
        let mut asked = good.clone();
        assert_eq!(olga.post(start, &asked).await.0, 422, "it asks for a reason");
        asked["reason"] = "to know".into();
        let (status, begun) = olga.post(start, &asked).await;
        assert_eq!((status, &begun["new"]), (200, &true.into()), "{good}: {begun}");
        // The same words on the same day.
        assert_eq!(olga.post(start, &asked).await.1["run_id"], begun["run_id"]);
    }
    assert_eq!(Program::of(&console.world, console.port, "vera").post(start, &asked).await.0, 403);

    let run = first["run_id"].as_str().unwrap();
    plan_of::put(&console.world, run, false, "Members may not answer.").await;
    let listed = olga.get("/plans?state=awaiting_approval").await;
    let line = &listed["plans"][0];
    assert_eq!((&line["run"], &line["tenant"]), (&run.into(), &"aurora".into()), "{listed}");
    assert_eq!((&line["campaigns"], &line["undecided"]), (&2.into(), &2.into()), "{listed}");
    assert_eq!(olga.get("/shops/aurora/plans").await["plans"].as_array().unwrap().len(), 1);
    assert_eq!(olga.get("/plans?state=rejected").await["plans"], json!([]));

    let path = format!("/shops/aurora/plans/{run}");
    let plan = olga.get(&path).await;
    assert_eq!(plan["plan"]["facts"][1]["value"], 310, "{plan}");
    let (status, answer, _) = olga.ask("GET", &path, "text/markdown", &Value::Null).await;
    assert_eq!((status, header(&answer, "content-type")), (200, Some("text/markdown; charset=utf-8")));
    assert_eq!(header(&answer, "vary"), Some("accept"));
    let (_, named, _) = olga.ask("GET", &format!("{path}.md"), "application/json", &Value::Null).await;
    assert!(answer.contains("\\[F2\\]") && named.contains("\\[F2\\]"), "{answer}");

    let item = &plan["items"][0];
    let decision =
        json!({ "campaign": item["key"], "hash": item["hash"], "verdict": "approve", "reason": "worth it" });
    let (status, decided) = olga.post(&format!("{path}/decide"), &decision).await;
    assert_eq!((status, &decided["state"]), (200, &"approved".into()), "{decided}");
    let (status, again) = olga.post(&format!("{path}/decide"), &decision).await;
    assert_eq!((status, &again["new"]), (200, &false.into()), "it is decided so already: {again}");
    let mut other = decision.clone();
    other["verdict"] = "reject".into();
    assert_eq!(olga.post(&format!("{path}/decide"), &other).await.0, 409);
    assert_eq!(olga.get(&path).await["items"][0]["state"], "approved");
}

#[tokio::test]
async fn a_journal_spend_and_settings_are_read_and_set() {
    let console = console().await;
    let (olga, vera, adam) = (
        Program::of(&console.world, console.port, "olga"),
        Program::of(&console.world, console.port, "vera"),
        Program::of(&console.world, console.port, "adam"),
    );
    let asked = json!({ "task": "analyze-member-insights", "reason": "to know" });
    let (_, begun) = olga.post("/shops/aurora/agents/start", &asked).await;
    let run = begun["run_id"].as_str().unwrap();
    plan_of::put(&console.world, run, false, "Members may not answer.").await;
    let path = format!("/shops/aurora/plans/{run}/journal");
    let journal = vera.get(&path).await;
    let turns = &journal["agents"][0]["turns"];
    assert_eq!(turns.as_array().unwrap().len(), 2, "{journal}");
    let answered = &turns[0]["attempts"][1];
    assert_eq!((&answered["state"], &answered["cache_read_tokens"]), (&"answered".into(), &560.into()));
    assert_eq!((&answered["cost"]["nano"], &answered["request_id"]), (&23_100_000.into(), &"req_1".into()));
    assert_eq!(turns[1]["attempts"][0]["state"], "unknown", "{journal}");
    assert_eq!(turns[0]["answer"], Value::Null, "it has to be asked for");
    let bodies = format!("{path}?bodies=yes");
    assert_eq!(vera.ask("GET", &bodies, "application/json", &Value::Null).await.0, 403);
    let shown = olga.get(&bodies).await;
    let body = shown["agents"][0]["turns"][0]["answer"]["text"].as_str().unwrap();
    assert!(body.contains("I look at the shop"), "{shown}");
    let call = &shown["agents"][0]["turns"][0]["calls"][0];
    assert!(call["arguments"]["text"].as_str().unwrap().contains("90d"), "{call}");
    assert_eq!(console.world.number("select count(*) from audit_log where act = 'agents.read'").await, 1);

    let spend = vera.get("/agents/spend?tenant=aurora").await;
    let line = &spend["lines"][0];
    assert_eq!(
        (&line["output_tokens"], &line["unknown"]["nano"]),
        (&780.into(), &6_900_000.into()),
        "{spend}"
    );

    let set = "/shops/aurora/agents/set";
    let settings = json!({ "run_cap": "1", "enabled": false, "reason": "a break" });
    assert_eq!(olga.post(set, &settings).await.0, 403);
    let (status, after) = adam.post(set, &settings).await;
    assert_eq!(status, 200, "{after}");
    let agents = vera.get("/shops/aurora/agents").await;
    let settings = &agents["settings"];
    assert_eq!(
        (&settings["enabled"], &settings["run_cap"]["nano"]),
        (&false.into(), &1_000_000_000_i64.into())
    );
    assert_eq!(settings["month_cap"]["nano"], 40_000_000_000_i64, "as it was: {agents}");
    assert_eq!(agents["runs"][0]["id"], run, "{agents}");
}
