//! A run's page: what it wrote, what it died of, when it waited and worked, and why it does not go on.

use serde_json::Value;
use tradeup_harness::eventually;

use super::{Browser, SOON, console, month};

/// The id of the newest run of a task, of one shop if it is said.
async fn newest(browser: &Browser, task: &str, tenant: &str) -> String {
    let runs = browser.json(&format!("/runs?task={task}&tenant={tenant}")).await;
    runs["runs"][0]["id"].as_str().unwrap_or_else(|| panic!("no run of {task}: {runs}")).to_owned()
}

fn sum(movements: &Value) -> (usize, i64) {
    let movements = movements.as_array().unwrap();
    (movements.len(), movements.iter().map(|movement| movement["amount_minor"].as_i64().unwrap()).sum())
}

#[tokio::test]
async fn a_run_shows_the_credits_that_it_wrote_and_when_each_part_of_it_worked() {
    let console = console().await;
    let world = &console.world;
    let root = month(world).await;
    let sam = console.as_user("sam").await;
    let shop = newest(&sam, "monthly-credits-tenant", "aurora").await;
    let shown = sam.json(&format!("/runs/{shop}")).await;
    let (credits, minor) = world.due["aurora"];
    assert_eq!(sum(&shown["movements"]), (usize::try_from(credits).unwrap(), minor), "{shown}");
    assert_eq!((&shown["more_movements"], &shown["died"]), (&false.into(), &Value::Null));
    let member = shown["movements"][0]["customer"].as_str().unwrap();
    let page = sam.get(&format!("/runs/{shop}")).await.1;
    assert!(page.contains(&format!("/shops/aurora/members/{member}\"")), "{page}");

    // One that executes no batch.
    let given = ["--member", member, "--amount", "5.00", "--key", "t-1", "--reason", "a torn sleeve"];
    world.tradeup_ok(&[&["grant", "--tenant", "aurora", "--follow"][..], &given].concat());
    let run = newest(&sam, "grant-credit", "aurora").await;
    let shown = sam.json(&format!("/runs/{run}")).await;
    assert_eq!(sum(&shown["movements"]), (1, 500), "{shown}");
    assert_eq!(shown["movements"][0]["customer"], member);

    // What is above them wrote nothing itself, and is drawn with what is below.
    let vera = console.as_user("vera").await;
    let page = vera.get(&format!("/runs/{root}")).await.1;
    assert!(page.contains("aria-label=\"Time line of ") && page.contains("<svg "), "{page}");
    assert!(page.contains(">borealis</text>") || page.contains("borealis\n</text>"), "{page}");
    assert!(!page.contains("What it wrote into the ledger") && !page.contains("style="), "{page}");
    assert!(page.contains(&format!("<code>tradeup logs {root} --follow</code>")), "{page}");
    assert_eq!(vera.json(&format!("/runs/{root}")).await["movements"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_dead_run_says_what_it_died_of_and_leads_to_all_that_died_of_the_same() {
    let console = console().await;
    let world = &console.world;
    let failing = ["--tenant", "aurora", "--failures", "9", "--failure", "permanent"];
    assert_eq!(world.tradeup(&[&["probe", "--service", "credits"][..], &failing].concat()).code, 1);
    let olga = console.as_user("olga").await;
    let run = newest(&olga, "probe-credits", "aurora").await;
    let died = olga.json(&format!("/runs/{run}")).await["died"].clone();
    let group = died["fingerprint"].as_str().unwrap();
    assert!(died["open"] == true && !died["errors"].as_array().unwrap().is_empty(), "{died}");
    let page = olga.get(&format!("/runs/{run}")).await.1;
    assert!(
        page.contains(&format!("href=\"/dead/{group}\"")) && page.contains("What TU0008 means"),
        "{page}"
    );
    // Dead letters are about all shops.
    let sam = console.as_user("sam").await;
    let page = sam.get(&format!("/runs/{run}")).await.1;
    assert!(page.contains("What TU0008 means") && !page.contains("/dead/"), "{page}");
    assert!(olga.get("/dead").await.1.contains("A probe failed, as it was told to"));
}

#[tokio::test]
async fn a_run_that_nobody_would_take_says_so_and_states_are_counted() {
    let mut console = console().await;
    let credits = console.services.remove(2);
    assert!(credits.terminate(SOON).await.success());
    console.world.tradeup_ok(&["probe", "--service", "credits", "--no-wait"]);
    let vera = console.as_user("vera").await;
    let run = newest(&vera, "probe-credits", "").await;
    let page = eventually("nobody would take it", SOON, || async {
        let page = vera.get(&format!("/runs/{run}")).await.1;
        page.contains("No process of credits runs").then_some(page)
    })
    .await;
    assert!(page.contains("queued"), "{page}");
    let counted = "<a href=\"/runs?state=queued&amp;all=1\"><span class=\"state queued\">queued</span> 1</a>";
    let page = vera.get("/runs").await.1;
    assert!(page.contains(counted) && page.contains("data-live=\"/live\""), "{page}");
    // Of all shops, so nothing for the staff of one.
    let page = console.as_user("sam").await.get("/runs").await.1;
    assert!(!page.contains("class=\"counts\"") && !page.contains("data-live"), "{page}");
    let page = vera.get("/").await.1;
    assert!(page.contains("<a href=\"/runbooks/ServiceDown\">No process of credits runs.</a>"), "{page}");
}
