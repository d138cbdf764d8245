//! The overview: what waits before whom, what fires next, what is new; and what each error code means.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{SHOPS, Server, eventually};

use super::{Browser, console, encoded};

const SOON: Duration = Duration::from_secs(30);

/// What the API says of a consumer; `None` if it is not known.
async fn consumer(browser: &Browser, name: &str) -> Option<Value> {
    let overview = browser.json("/overview").await;
    let consumers = overview["backlog"]["consumers"].as_array()?;
    consumers.iter().find(|consumer| consumer["name"] == name).cloned()
}

/// A page that says something, sooner or later.
async fn says(browser: &Browser, what: &str) -> String {
    eventually(&format!("the overview says {what}"), SOON, || async {
        let (status, page) = browser.get("/").await;
        assert_eq!(status, 200, "{page}");
        page.contains(what).then_some(page)
    })
    .await
}

#[tokio::test]
async fn what_waits_for_a_service_that_is_gone_is_counted_and_the_page_answers_without_nats() {
    let mut console = console().await;
    let credits = console.services.remove(2);
    assert!(credits.terminate(SOON).await.success());
    let world = &console.world;
    let run = world.trigger("2026-10");
    let vera = console.as_user("vera").await;
    let waiting = eventually("both shops wait, for a while", SOON, || async {
        let found = consumer(&vera, SHOPS).await?;
        let waits = found["age"].as_str().is_some_and(|age| !age.ends_with(" ms"));
        (found["waiting"] == 2 && waits).then_some(found)
    })
    .await;
    assert_eq!(
        (&waiting["service"], &waiting["stream"], &waiting["task"]),
        (&"credits".into(), &"JOBS".into(), &"monthly-credits-tenant".into())
    );
    assert_eq!((&waiting["in_hand"], &waiting["redelivered"]), (&0.into(), &0.into()), "{waiting}");
    let queued = vera.json("/overview").await["backlog"]["queued"].clone();
    let of_task =
        |task: &str| queued.as_array().unwrap().iter().find(|queued| queued["task"] == task).cloned();
    assert_eq!(of_task("monthly-credits-tenant").unwrap()["runs"], 2, "{queued}");
    let page = says(&vera, SHOPS).await;
    let row = format!("{SHOPS}</a></td><td class=\"number\">2</td><td class=\"number\">0</td>");
    assert!(page.contains(&row), "{page}");

    world.servers.kill(Server::Nats);
    let page = says(&vera, "Not known: NATS does not answer.").await;
    assert!(page.contains(">monthly-credits-tenant</a></td><td class=\"number\">2</td>"), "{page}");
    assert_eq!(consumer(&vera, SHOPS).await, None);

    world.servers.up(Server::Nats);
    let _credits = world.start("credits").await;
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    says(&vera, "Nothing waits").await;
    let idle = consumer(&vera, SHOPS).await.unwrap();
    assert_eq!((&idle["waiting"], &idle["oldest"]), (&0.into(), &Value::Null), "{idle}");
}

#[tokio::test]
async fn the_next_fires_are_shown_without_those_of_paused_schedules() {
    let console = console().await;
    let olga = console.as_user("olga").await;
    let fires = eventually("schedules are there", SOON, || async {
        let fires = olga.json("/overview").await["next_fires"].as_array().unwrap().clone();
        (fires.len() == 5).then_some(fires)
    })
    .await;
    let times: Vec<&str> = fires.iter().map(|fire| fire["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let first = fires[0]["schedule"].as_str().unwrap();
    let page = olga.get("/").await.1;
    let shown = format!("{}\">", times[0]);
    assert!(page.contains("Next fires") && page.contains(first) && page.contains(&shown), "{page}");

    let (status, answer) = olga.act(&format!("/schedules/{first}/pause"), &[("reason", "stocktaking")]).await;
    assert_eq!(status, 303, "{answer}");
    let fires = olga.json("/overview").await["next_fires"].as_array().unwrap().clone();
    assert!(!fires.is_empty() && fires.iter().all(|fire| fire["schedule"] != first), "{fires:?}");
}

#[tokio::test]
async fn a_dead_runs_code_leads_to_its_runbook_and_no_other_address_to_any() {
    let console = console().await;
    let world = &console.world;
    let probed = world.tradeup(&[
        "probe",
        "--service",
        "credits",
        "--tenant",
        "aurora",
        "--failures",
        "9",
        "--failure",
        "permanent",
    ]);
    assert_eq!(probed.code, 1, "{}", probed.stderr);
    let olga = console.as_user("olga").await;
    let run = olga.json("/runs?state=dead").await["runs"][0]["id"].as_str().unwrap().to_owned();
    for path in ["/", "/dead", "/runs?state=dead", &format!("/runs/{run}")] {
        let page = olga.get(path).await.1;
        assert!(page.contains("href=\"/errors/TU0008\""), "{path}: {page}");
    }
    let sam = console.as_user("sam").await;
    for browser in [&olga, &sam] {
        let (status, page) = browser.get("/errors/TU0008").await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("A probe failed, as it was told to") && page.contains("What to do"), "{page}");
        let (status, page) = browser.get("/errors").await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("href=\"/errors/TU0001\"") && page.contains("id=\"dead-runs\""), "{page}");
    }
    let nobody = Browser { port: console.port, cookie: String::new() };
    assert_eq!(nobody.get("/errors/TU0008").await.0, 303);
    let hostile = encoded("<script>alert(1)</script>");
    for given in ["TU9999", "README", "tu0008", "TU0008.md", "..%2Ferrors%2FTU0008", &hostile] {
        let (status, page) = olga.get(&format!("/errors/{given}")).await;
        assert_eq!(status, 404, "{given}: {page}");
        assert!(!page.contains("alert(1)") && !page.contains("as it was told to"), "{given}: {page}");
    }

    // Of today, until it is not any more.
    let is_new = async || olga.json("/overview").await["dead"][0]["new"].clone();
    assert_eq!(is_new().await, true);
    assert!(olga.get("/dead").await.1.contains(">new</span>"));
    let aged = "update dead_letters set dead_at = dead_at - interval '2 days'";
    sqlx::query(aged).execute(&world.database.admin).await.unwrap();
    assert_eq!(is_new().await, false);
    assert!(!olga.get("/dead").await.1.contains(">new</span>"));
}
