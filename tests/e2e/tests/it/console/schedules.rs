//! Schedules in the console: tried out and set, caught up, backfilled.

use serde_json::{Value, json};
use tradeup_harness::World;

use super::{Browser, Console, console, header};
use crate::http::send;

const MONTHLY: &str = "/schedules/monthly-credits";

/// A token of a user's.
fn token(console: &Console, user: &str) -> String {
    let made = console.world.tradeup_json(&["user", "add-token", user, "--for", "tests"]);
    made["token"].as_str().unwrap().to_owned()
}

/// An act of the API: its status, and what it answers.
async fn act(console: &Console, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let headers = [
        ("Authorization".to_owned(), format!("Bearer {token}")),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let path = format!("/api/v1{path}");
    let (status, answer) = send(console.port, "POST", &path, &headers, body.to_string().as_bytes()).await;
    let text = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// What the latest change has put on record.
async fn on_record(world: &World) -> Value {
    sqlx::query_scalar(
        "select subject from audit_log where act = 'schedules.change' order by id desc limit 1",
    )
    .fetch_one(&world.database.admin)
    .await
    .unwrap()
}

/// Where an act has led.
fn led(answer: &str) -> String {
    header(answer, "location").unwrap_or_else(|| panic!("it leads nowhere: {answer}")).to_owned()
}

async fn every_run_ended(world: &World, browser: &Browser, task: &str) {
    let runs = browser.json(&format!("/runs?task={task}")).await["runs"].clone();
    for run in runs.as_array().unwrap() {
        assert_eq!(world.ended(run["id"].as_str().unwrap()).await["state"], "succeeded");
    }
}

#[tokio::test]
async fn a_schedule_is_tried_out_then_set_and_on_record() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let shown = olga.json(MONTHLY).await;
    assert_eq!(shown["words"], "At 06:00, on day 1.");
    assert_eq!(shown["next"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&shown["terms"]["cron"], &shown["terms"]["window"]),
        (&"0 6 1 * *".into(), &"35d".into()),
        "{shown}"
    );
    let page = olga.get("/schedules").await.1;
    assert!(page.contains("href=\"/schedules/monthly-credits\""), "{page}");
    assert_eq!(olga.get("/schedules/nonsense").await.0, 404);

    // A form sends all of its fields.
    let fields = |cron, zone, more: &[(&'static str, &'static str)]| {
        let as_it_is = [("missed", "all"), ("window", "35d"), ("overlap", "allow"), ("spread", "0s")];
        [&[("cron", cron), ("zone", zone)], &as_it_is[..], more].concat()
    };
    let check = [("dry_run", "yes")];
    let (status, answer) =
        olga.act(&format!("{MONTHLY}/set"), &fields("30 7 2 * *", "Europe/Berlin", &check)).await;
    assert_eq!(status, 303, "{answer}");
    let page = olga.get(&led(&answer)).await.1;
    assert!(page.contains("Nothing was done.") && page.contains("At 07:30, on day 2."), "{page}");
    assert!(page.contains("Fires that there would be") && page.contains("07:30"), "{page}");
    assert_eq!(olga.json(MONTHLY).await["terms"], shown["terms"], "nothing was done");
    assert_eq!(world.number("select count(*) from audit_log where act = 'schedules.change'").await, 0);

    let dry = json!({ "cron": "*/15 * * * *", "dry_run": "yes" });
    let (status, would) = act(&console, &token(&console, "olga"), &format!("{MONTHLY}/set"), &dry).await;
    assert_eq!((status, &would["words"]), (200, &"At every 15 minutes.".into()), "{would}");
    assert_eq!(
        (&would["before"]["gap"], &would["after"]["gap"]),
        (&"after".into(), &"skip".into()),
        "what fits the new expression: {would}"
    );
    assert_eq!(would["next"].as_array().unwrap().len(), 10);

    let because = [("reason", "as Berlin wakes")];
    let (status, answer) =
        olga.act(&format!("{MONTHLY}/set"), &fields("30 7 2 * *", "Europe/Berlin", &because)).await;
    assert_eq!((status, header(&answer, "location")), (303, Some(MONTHLY)), "{answer}");
    let set = olga.json(MONTHLY).await;
    assert_eq!(
        (&set["terms"]["cron"], &set["terms"]["zone"]),
        (&"30 7 2 * *".into(), &"Europe/Berlin".into())
    );
    let record = on_record(world).await;
    assert_eq!(
        (&record["before"]["cron"], &record["after"]["cron"]),
        (&"0 6 1 * *".into(), &"30 7 2 * *".into())
    );
    assert_eq!(
        (&record["before"]["zone"], &record["after"]["zone"]),
        (&"UTC".into(), &"Europe/Berlin".into())
    );
    assert!(olga.get("/audit?actor=olga").await.1.contains("as Berlin wakes"));
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_named_with_what_to_write() {
    let console = console().await;
    let set = format!("{MONTHLY}/set");
    let olga = token(&console, "olga");
    for (field, value, fix) in [
        ("cron", "0 25 1 * *", "0 to 23"),
        ("cron", "0 0 30 2 *", "never fires"),
        ("zone", "Asia/Tokio", "Europe/Berlin"),
        ("missed", "some", "skip, latest, all"),
        ("overlap", "queue_one", "contradicts"),
        ("gap", "jump", "skip, after"),
        ("window", "5 weeks", "like 90m"),
        ("window", "0s", "longer than nothing"),
        ("spread", "-1m", "like 90m"),
        ("tenant", "nobody", "there is no shop"),
        ("cron", "0 6 1 * *", "nothing would change"),
    ] {
        let body = json!({ field: value, "dry_run": "yes" });
        let (status, problem) = act(&console, &olga, &set, &body).await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(status, 422, "{field} {value}: {problem}");
        assert!(
            detail.starts_with(&format!("{field}: ")) && detail.contains(fix),
            "{field} {value}: {detail}"
        );
    }
    let (status, problem) = act(&console, &olga, &set, &json!({ "cron": "0 7 1 * *" })).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().starts_with("reason: "), "{problem}");
    let vera = console.as_user("vera").await;
    assert_eq!(vera.get(MONTHLY).await.0, 200);
    assert!(!vera.get(MONTHLY).await.1.contains("/set\""), "a viewer changes nothing");
    for what in ["set", "pause", "remove", "catch-up", "backfill"] {
        let (status, _) = vera
            .act(&format!("{MONTHLY}/{what}"), &[("reason", "x"), ("from", "2026-10"), ("count", "1")])
            .await;
        assert_eq!(status, 403, "{what}");
    }
    assert_eq!(console.as_user("sam").await.get(MONTHLY).await.0, 403);
    assert_eq!(console.world.number("select count(*) from runs where trigger = 'manual'").await, 0);
}

#[tokio::test]
async fn a_shop_is_given_a_schedule_of_its_own_and_it_is_taken_back() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let of_aurora = format!("{MONTHLY}?tenant=aurora");
    assert_eq!(olga.json(&of_aurora).await["is_its_own"], false);
    let (status, answer) = olga
        .act(
            &format!("{MONTHLY}/set"),
            &[("tenant", "aurora"), ("zone", "Asia/Tokyo"), ("reason", "their midnight")],
        )
        .await;
    assert_eq!((status, header(&answer, "location")), (303, Some(&*of_aurora)), "{answer}");
    let own = olga.json(&of_aurora).await;
    assert_eq!((&own["is_its_own"], &own["terms"]["zone"]), (&true.into(), &"Asia/Tokyo".into()));
    assert_eq!(olga.json(MONTHLY).await["own"][0]["tenant"], "aurora");
    assert_eq!(on_record(world).await["is_new"], true);
    let whose = [("tenant", "aurora"), ("reason", "their holidays")];
    assert_eq!(olga.act(&format!("{MONTHLY}/pause"), &whose).await.0, 303);
    assert_eq!(olga.json(&of_aurora).await["paused_because"], "their holidays");
    assert_eq!(olga.json(MONTHLY).await["paused_by"], Value::Null);
    assert_eq!(olga.act(&format!("{MONTHLY}/resume"), &whose).await.0, 303);
    assert_eq!(
        olga.act(&format!("{MONTHLY}/remove"), &[("reason", "x")]).await.0,
        422,
        "whose is to be said"
    );
    assert_eq!(olga.act(&format!("{MONTHLY}/remove"), &whose).await.0, 303);
    assert_eq!(olga.act(&format!("{MONTHLY}/remove"), &whose).await.0, 404);
    assert_eq!(world.number("select count(*) from schedules where name = 'monthly-credits'").await, 1);
}

#[tokio::test]
async fn a_backfill_asks_for_its_number_and_makes_each_run_once() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let october = world.trigger("2026-10");
    let asked = format!("{MONTHLY}/backfill?from=2026-08&until=2026-10");
    let plan = olga.json(&asked).await;
    assert_eq!((&plan["runs"], plan["fires"].as_array().unwrap().len()), (&2.into(), 3), "{plan}");
    assert_eq!(plan["fires"][2]["run"], october.as_str());
    let page = olga.get(&format!("{MONTHLY}?from=2026-08&until=2026-10")).await.1;
    assert!(page.contains("Would make 2 runs, for 3 fires."), "{page}");

    let backfill = format!("{MONTHLY}/backfill");
    let range = [("from", "2026-08"), ("until", "2026-10"), ("reason", "came to us in August")];
    for count in ["", "3"] {
        let (status, answer) = olga.act(&backfill, &[&range[..], &[("count", count)]].concat()).await;
        assert!(status == 422 && answer.contains("it is about 2 now"), "{answer}");
    }
    let (status, answer) = olga.act(&backfill, &[&range[..], &[("count", "2")]].concat()).await;
    assert_eq!((status, header(&answer, "location")), (303, Some("/runs?task=monthly-credits")), "{answer}");
    let runs = "select count(*) from runs where task = 'monthly-credits'";
    assert_eq!(world.number(runs).await, 3);
    let (status, answer) = olga.act(&backfill, &[&range[..], &[("count", "2")]].concat()).await;
    assert!(status == 409 && answer.contains("Nothing is to be made up for"), "{answer}");
    assert_eq!(world.number(runs).await, 3);
    every_run_ended(world, &olga, "monthly-credits").await;
    world.assert_exact(&["2026-08", "2026-09", "2026-10"]);
    assert_eq!(world.number("select count(*) from audit_log where act = 'schedules.backfill'").await, 1);

    // Of one shop, as the command does it: whoever lacks it.
    let of_aurora = format!("{MONTHLY}/backfill?tenant=aurora&from=2026-10&until=2026-11");
    let plan = olga.json(&of_aurora).await;
    assert_eq!((&plan["runs"], &plan["fires"][0]["members"]), (&1.into(), &0.into()), "{plan}");
    for (query, field) in
        [("from=soon", "from"), ("from=2026-10&until=2026-08", "until"), ("until=2026-08", "from")]
    {
        let (status, answer) = olga.get(&format!("/api/v1{MONTHLY}/backfill?{query}")).await;
        assert!(status == 422 && answer.contains(&format!("{field}: ")), "{query}: {answer}");
    }
    assert_eq!(olga.json(&format!("{MONTHLY}/backfill?from=2099-01")).await["runs"], 0, "it has not come");
}

#[tokio::test]
async fn what_was_missed_is_caught_up_by_number_and_once() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    // As a scheduler that was away for long has left them.
    sqlx::query(
        "insert into fire_decisions (schedule_id, fire_at, until, fires, decision, decided_by)
         select id, at, at, 1, decision, 'a scheduler'
         from schedules, (values (timestamptz '2026-08-01 06:00Z', 'missed'), ('2026-09-01 06:00Z', 'paused'),
             ('2026-10-01 06:00Z', 'skipped_overlap')) as d (at, decision)
         where name = 'monthly-credits'",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let shown = olga.json(MONTHLY).await;
    assert_eq!(shown["catch_up"]["runs"], 2, "{shown}");
    let keys: Vec<_> =
        shown["catch_up"]["fires"].as_array().unwrap().iter().map(|fire| &fire["key"]).collect();
    assert_eq!(keys, ["2026-08", "2026-09"]);
    let since = format!("{MONTHLY}/catch-up?since=2026-09-01T00:00:00Z");
    assert_eq!(olga.json(&since).await["runs"], 1);

    let catch_up = format!("{MONTHLY}/catch-up");
    let (status, answer) = olga.act(&catch_up, &[("count", "1"), ("reason", "we were down")]).await;
    assert!(status == 422 && answer.contains("it is about 2 now"), "{answer}");
    let (status, _) = olga.act(&catch_up, &[("count", "2"), ("reason", "we were down")]).await;
    assert_eq!(status, 303);
    let (status, answer) = olga.act(&catch_up, &[("count", "2"), ("reason", "we were down")]).await;
    assert!(status == 409 && answer.contains("Nothing is to be made up for"), "{answer}");
    assert_eq!(world.number("select count(*) from runs where task = 'monthly-credits'").await, 2);
    every_run_ended(world, &olga, "monthly-credits").await;
    world.assert_exact(&["2026-08", "2026-09"]);
    assert!(olga.get(MONTHLY).await.1.contains("Nothing is to be caught up."));
}
