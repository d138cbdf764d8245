//! The API: what it says of itself is so, what is sent twice is done once, and nothing is sent that is known already.

use std::process::Command;

use serde_json::{Value, json};
use tradeup_harness::repository;

use super::{Console, console, header, month};
use crate::http::send;

struct Program {
    port: u16,
    token: String,
}

impl Program {
    fn of(console: &Console, user: &str) -> Self {
        let made = console.world.tradeup_json(&["user", "add-token", user, "--for", "tests"]);
        Self { port: console.port, token: made["token"].as_str().unwrap().to_owned() }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, String, Value) {
        let mut all = vec![
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = send(self.port, method, &format!("/api{path}"), &all, body.as_bytes()).await;
        let text = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (status, answer, value)
    }

    async fn act(&self, path: &str, key: &str, body: &Value) -> (u16, String, Value) {
        self.ask("POST", path, &[("Idempotency-Key", key)], body).await
    }
}

#[tokio::test]
async fn what_is_sent_twice_is_done_once() {
    let console = console().await;
    let program = Program::of(&console, "adam");
    let asked = json!({ "reason": "closing", "period": "2026-10" });
    let (status, _, first) = program.act("/v1/tasks/monthly-credits/trigger", "k1", &asked).await;
    assert_eq!((status, &first["new"]), (200, &true.into()));
    let (status, answer, again) = program.act("/v1/tasks/monthly-credits/trigger", "k1", &asked).await;
    assert_eq!((status, &again), (200, &first), "the same answer, though the run is not new any more");
    assert_eq!(header(&answer, "idempotency-replayed"), Some("true"));
    let (status, _, problem) =
        program.act("/v1/tasks/monthly-credits/trigger", "k1", &json!({ "period": "2026-09" })).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with("Idempotency-Key: "), "{problem}");
    // Another's key is another key.
    let (status, answer, _) = Program::of(&console, "olga")
        .act("/v1/tasks/monthly-credits/trigger", "k1", &json!({ "reason": "x", "period": "2026-10" }))
        .await;
    assert_eq!((status, header(&answer, "idempotency-replayed")), (200, None));
    console.world.ended(first["run_id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn the_paths_of_the_former_batch_api_answer() {
    let console = console().await;
    let program = Program::of(&console, "adam");
    let (status, _, tasks) = program.ask("GET", "/scheduled-tasks", &[], &Value::Null).await;
    assert_eq!(status, 200);
    assert!(tasks.as_array().unwrap().iter().any(|task| task["name"] == "monthly-credits"), "{tasks}");
    let asked = json!({ "reason": "by the old path", "period": "2026-10", "tenant": "aurora" });
    let (status, _, run) = program.ask("POST", "/scheduled-tasks/monthly-credits", &[], &asked).await;
    assert_eq!(status, 200, "{run}");
    let run = run["run_id"].as_str().unwrap();
    assert_eq!(console.world.ended(run).await["state"], "succeeded");
    let (status, _, told) =
        program.ask("GET", &format!("/scheduled-tasks/runs/{run}"), &[], &Value::Null).await;
    assert_eq!((status, &told["state"]), (200, &"succeeded".into()));
    let shop = console.world.tradeup_json(&["runs", "--task", "monthly-credits-tenant", "--all"]);
    let shop = shop[0]["run_id"].as_str().unwrap().to_owned();
    let path = format!("/scheduled-tasks/batches/{shop}");
    let (status, _, done) = program.ask("POST", &path, &[], &json!({ "reason": "again" })).await;
    assert_eq!(status, 409, "it has succeeded: {done}");

    let member: String = sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&console.world.database.admin)
        .await
        .unwrap();
    let credit =
        json!({ "tenant": "aurora", "member": member, "amount": "5.00", "key": "T-1", "reason": "sorry" });
    let (status, _, first) = program.ask("POST", "/scheduled-tasks/credits", &[], &credit).await;
    assert_eq!((status, &first["new"]), (200, &true.into()), "{first}");
    assert_eq!(console.world.ended(first["run_id"].as_str().unwrap()).await["state"], "succeeded");
    let (_, _, again) = program.ask("POST", "/scheduled-tasks/credits", &[], &credit).await;
    assert_eq!((&again["new"], &again["run_id"]), (&false.into(), &first["run_id"]));
    let mut other = credit.clone();
    other["amount"] = "6.00".into();
    let (status, _, problem) = program.ask("POST", "/scheduled-tasks/credits", &[], &other).await;
    assert_eq!(status, 422, "{problem}");
    let given = "select count(*) from lots where reason = 'sorry' or granted_minor = 500 and source_key = 'manual:T-1'";
    assert_eq!(console.world.number(given).await, 1);
    for (field, value) in [("amount", "5.001"), ("member", "0"), ("tenant", "nobody"), ("expires_at", "soon")]
    {
        let mut wrong = credit.clone();
        wrong[field] = value.into();
        let (status, _, problem) = program.ask("POST", "/scheduled-tasks/credits", &[], &wrong).await;
        assert_eq!(status, 422, "{field}: {problem}");
    }
    let (status, ..) =
        Program::of(&console, "olga").ask("POST", "/scheduled-tasks/credits", &[], &credit).await;
    assert_eq!(status, 403, "an operator moves no money by hand");
}

#[tokio::test]
async fn what_somebody_has_is_not_sent_again() {
    let console = console().await;
    let run = month(&console.world).await;
    let program = Program::of(&console, "vera");
    let path = format!("/v1/runs/{run}");
    let (_, answer, _) = program.ask("GET", &path, &[], &Value::Null).await;
    let tag = header(&answer, "etag").unwrap().to_owned();
    let (status, answer, _) = program.ask("GET", &path, &[("If-None-Match", &tag)], &Value::Null).await;
    assert_eq!((status, answer.split_once("\r\n\r\n").unwrap().1), (304, ""));
    let (status, ..) = program.ask("GET", &path, &[("If-None-Match", "\"other\"")], &Value::Null).await;
    assert_eq!(status, 200);
}

/// Each address of the document, with what it allows and what it does not: answers are as the document says, and none
/// is a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_as_its_document_says() {
    let console = console().await;
    month(&console.world).await;
    let program = Program::of(&console, "adam");
    let library = repository().join("target/tools/schemathesis");
    assert!(
        library.is_dir(),
        "schemathesis is not installed; run `tests/run` once, or this:\n  python3 -m pip install --require-hashes \
         --only-binary=:all: --target target/tools/schemathesis -r tests/tools/schemathesis-requirements.txt"
    );
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .env("PYTHONPATH", &library)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"])
        .arg(format!("http://127.0.0.1:{}/api/v1/openapi.json", console.port))
        .args(["--header", &format!("Authorization: Bearer {}", program.token)])
        // It would revoke its own.
        .args(["--exclude-operation-id", "revoke_user_token"])
        // A period may be well written and not be one, and a run may have ended: 422 and 409 are right then.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--max-examples", "15", "--seed", "1", "--request-timeout", "20", "--workers", "1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
