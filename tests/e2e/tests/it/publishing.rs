//! The examples of docs/publishing.md, run as the page says.

use std::process::Command;
use std::time::Duration;

use tradeup_harness::{Shop, World, eventually, repository};

const SOON: Duration = Duration::from_secs(30);

/// Fails with what to install, if a program is missing or too old.
fn needs(program: &str, arguments: &[&str], sentence: &str) {
    let there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    assert!(there, "{sentence}");
}

/// The shell blocks of the page that follow this heading, as one script.
fn script(heading: &str) -> String {
    let page = std::fs::read_to_string(repository().join("docs/publishing.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n#").next().unwrap();
    let blocks: Vec<&str> =
        section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "{heading} shows no commands");
    blocks.concat()
}

fn run(world: &World, script: &str, member: &str) -> String {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(repository())
        .env("TRADEUP_NATS_URL", &world.environment["TRADEUP_NATS_URL"])
        .env("MEMBER", member)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{out}{err}");
    out.into_owned()
}

#[tokio::test]
async fn both_examples_run_as_the_page_says_and_give_a_credit() {
    needs(
        "python3",
        &["-c", "import venv, ensurepip"],
        "python3 with its venv module is missing; install it (Debian: python3-venv)",
    );
    let node = "require('node:process').exit(Number(process.versions.node.split('.')[0]) >= 18 ? 0 : 1)";
    needs("node", &["-e", node], "Node.js is missing or too old; install version 18 or newer, with npm");
    needs("npm", &["--version"], "npm is missing; install it with Node.js, version 18 or newer");
    let mut world = World::new().await;
    world.add_shop(&Shop::new("aurora-cards", 20, 121));
    let _services = (world.start_both().await, world.start("webhooks").await);
    let member: String = sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap();
    for (heading, id) in [("## From Python", "receipt-1001"), ("## From TypeScript", "receipt-1002")] {
        let script = script(heading);
        let said = run(&world, &script, &member);
        assert!(said.contains("stored on EVENTS as number"), "{said}");
        assert!(run(&world, &script, &member).contains("which was there already"), "the same id again");
        eventually("the credit is in the ledger", SOON, || async {
            let entries = world.tradeup_json(&["ledger", "aurora-cards", "--member", &member]);
            let key = format!("event:till:{id}");
            let found =
                entries.as_array().unwrap().iter().find(|entry| entry["source_key"] == key.as_str()).cloned();
            found.filter(|entry| entry["amount_minor"] == 500)
        })
        .await;
    }
    assert_eq!(world.number("select count(*) from lots").await, 2);
    let proof = world.tradeup(&["verify"]);
    assert_eq!(proof.code, 0, "{}", proof.stdout);
}
