//! The stand-in as a process: ready when it says so, ended by SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::setting::{PATIENCE, first, http, sent};

/// Killed when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_process_says_what_a_file_says() {
    let script = tempfile::NamedTempFile::new().unwrap();
    let reply = json!({ "content": [{ "type": "text", "text": "From a file." }] });
    let steps =
        json!([{ "when": { "turn": 0 }, "reply": reply, "faults": [[{ "fault": "status", "code": 500 }]] }]);
    std::fs::write(script.path(), steps.to_string()).unwrap();
    let path = script.path().to_str().unwrap();
    let arguments = ["--script", path, "--key", "sk-right", "--delay-ms", "1", "--keep-bodies"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-anthropic"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut running = Running(child);
    let ready: Value = serde_json::from_str(&line).unwrap();
    let base = ready["base"].as_str().unwrap().to_owned();
    let ask = async |key: &str| {
        let request = http().post(format!("{base}/v1/messages")).header("x-api-key", key);
        let headed =
            request.header("anthropic-version", "2023-06-01").header("content-type", "application/json");
        sent(headed.body(first().to_string())).await.unwrap()
    };
    assert_eq!(ask("sk-wrong").await.status, 401);
    assert_eq!(ask("sk-right").await.status, 500);
    assert_eq!(ask("sk-right").await.content()[0]["text"], "From a file.");
    let ledger = sent(http().get(format!("{base}/_control/ledger"))).await.unwrap().json();
    assert_eq!(ledger["accepted"].as_array().unwrap().len(), 1);

    let ended = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let waiting = tokio::task::spawn_blocking(move || running.0.wait().unwrap());
    let ended = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn without_a_brain_it_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_fake-anthropic")).output().unwrap();
    assert!(!output.status.success());
}
