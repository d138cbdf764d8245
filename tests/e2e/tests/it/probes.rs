//! What a run does that fails, hangs or dies on the way: retried, remembered, logged, and held back
//! when what it needs is down. By probes, which may be told how to fail.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Shop, World, eventually};

const SOON: Duration = Duration::from_secs(30);

fn probe(world: &World, arguments: &[&str]) -> Value {
    let probes = world.tradeup_json_any(&[&["probe", "--service", "credits"], arguments].concat());
    probes[0].clone()
}

fn id(probe: &Value) -> String {
    probe["run_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_probe_goes_the_whole_way_and_its_failures_are_retried_or_buried() {
    let world = World::new().await;
    let _services = world.start_both().await;
    let _webhooks = world.start("webhooks").await;
    let each = world.tradeup_json(&["probe"]);
    let states: Vec<_> = each.as_array().unwrap().iter().map(|probe| probe["state"].as_str()).collect();
    assert_eq!(states, [Some("succeeded"); 3]);

    let twice = probe(&world, &["--failures", "2"]);
    assert_eq!((&twice["state"], &twice["attempts"]), (&"succeeded".into(), &3.into()));
    let panicking = probe(&world, &["--failures", "1", "--failure", "panic"]);
    assert_eq!((&panicking["state"], &panicking["attempts"]), (&"succeeded".into(), &2.into()));

    let dead = world.tradeup(&["probe", "--service", "credits", "--failures", "9", "--failure", "permanent"]);
    assert_eq!(dead.code, 1);
    let letters = world.tradeup_json(&["dead", "list", "--code", "TU0008"]);
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert_eq!(letters[0]["task"], "probe-credits");
}

#[tokio::test]
async fn a_hanging_run_is_ended_at_its_time_limit() {
    let world = World::new().await;
    let _services = world.start_both().await;
    let hung = probe(&world, &["--failures", "1", "--failure", "hang", "--within-seconds", "40"]);
    assert_eq!((&hung["state"], &hung["attempts"]), (&"succeeded".into(), &2.into()));
    let story = world.tradeup_json(&["run", &id(&hung)]);
    assert_eq!(story["attempts"][0]["error_code"], "TU0005");
}

#[tokio::test]
async fn a_killed_run_goes_on_behind_its_last_checkpoint() {
    let world = World::new().await;
    let (_scheduler, credits) = world.start_both().await;
    let run = id(&probe(&world, &["--steps", "16", "--step-ms", "250", "--no-wait"]));
    eventually("some steps are done", SOON, || async {
        (world.number("select coalesce(max(done), 0) from run_progress").await >= 3).then_some(())
    })
    .await;
    credits.kill();
    let _credits = world.start("credits").await;
    let ended = world.ended(&run).await;
    assert_eq!((&ended["state"], &ended["attempt"]), (&"succeeded".into(), &2.into()));
    let resumed_from = ended["result"]["resumed_from"].as_i64().unwrap();
    assert!((3..16).contains(&resumed_from), "{ended:#?}");
    assert_eq!((&ended["said"]["done"], &ended["said"]["total"]), (&16.into(), &16.into()));

    // What both attempts said is kept, but for the last quarter of a second of the killed one.
    let lines = world.tradeup_json(&["logs", &run]);
    let of = |attempt: i64| lines.as_array().unwrap().iter().filter(|l| l["attempt"] == attempt).count();
    assert!(of(1) >= 2, "{lines:#?}");
    assert_eq!(i64::try_from(of(2)).unwrap(), 16 - resumed_from);
    assert_eq!(lines.as_array().unwrap().last().unwrap()["message"], "step 16 of 16");
    assert!(world.jobs().await.count("LIVE").await > 16, "whoever watches sees it live");
}

#[tokio::test]
async fn a_cancelled_run_stops_in_the_middle() {
    let world = World::new().await;
    let _services = world.start_both().await;
    let run = id(&probe(&world, &["--steps", "18", "--step-ms", "500", "--no-wait"]));
    eventually("a step is done", SOON, || async {
        (world.number("select coalesce(max(done), 0) from run_progress").await >= 1).then_some(())
    })
    .await;
    world.tradeup_ok(&["cancel", &run, "--reason", "enough"]);
    let done = world.number("select max(done) from run_progress").await;
    eventually("the worker has noticed", SOON, || async {
        (world.jobs().await.count("JOBS").await == 0).then_some(())
    })
    .await;
    // A step that was under way may have ended, none could be saved.
    assert_eq!(world.number("select max(done) from run_progress").await, done);
    assert_eq!(world.tradeup_json(&["run", &run])["state"], "cancelled");
}

#[tokio::test]
async fn what_is_down_for_one_shop_is_left_alone_for_that_shop_only() {
    let mut world = World::with_aurora(20, 51).await;
    world.add_shop(&Shop::new("borealis", 20, 52));
    let _services = world.start_both().await;
    let failing: Vec<String> = (0..5)
        .map(|_| {
            let fail = ["--failures", "99", "--dependency", "shopify", "--no-wait"];
            id(&probe(&world, &[&["--tenant", "aurora"], &fail[..]].concat()))
        })
        .collect();
    eventually("the breaker is open", SOON, || async {
        (world.number("select count(*) from breakers where open_until > now()").await == 1).then_some(())
    })
    .await;
    let breakers = world.tradeup_json(&["holds"])["breakers"].clone();
    assert_eq!((&breakers[0]["dependency"], &breakers[0]["tenant"]), (&"shopify".into(), &"aurora".into()));

    let held = probe(&world, &["--tenant", "aurora", "--no-wait"]);
    let held_runs = "select count(*) from outbox where held_by = 'breaker'";
    let last = id(&held);
    eventually("it waits", SOON, || async {
        let run = world.tradeup_json(&["run", &last]);
        (run["held_because"].as_str().is_some_and(|b| b.starts_with("shopify is down: TU0008"))).then_some(())
    })
    .await;
    assert_eq!(world.tradeup_json(&["run", &last])["attempt"], 0, "no attempt is used up");
    let other = probe(&world, &["--tenant", "borealis"]);
    assert_eq!(other["state"], "succeeded", "the other shop goes on");
    let attempts = world.number("select sum(attempt)::bigint from runs").await;
    assert!(attempts < 5 * 8, "they do not use up their attempts against what is down: {attempts}");

    // The outage ends: the failing ones are cancelled, one run tries, and the others are let go.
    let failing: Vec<&str> = failing.iter().map(String::as_str).collect();
    world.tradeup_ok(&[&["cancel"], &failing[..]].concat());
    sqlx::query("update breakers set open_until = now()").execute(&world.database.admin).await.unwrap();
    sqlx::query("update outbox set next_publish_at = now() where held_by = 'breaker'")
        .execute(&world.database.admin)
        .await
        .unwrap();
    let ended = world.ended(&last).await;
    assert_eq!((&ended["state"], &ended["attempt"]), (&"succeeded".into(), &1.into()));
    assert_eq!(world.number("select count(*) from breakers").await, 0, "closed");
    assert_eq!(world.number(held_runs).await, 0);
}

#[tokio::test]
async fn what_is_old_is_deleted_and_the_proof_still_holds() {
    let world = World::with_aurora(300, 53).await;
    let services = world.start_both().await;
    let run = world.trigger("2026-10");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    drop(services);
    let age = "update runs set finished_at = finished_at - interval '500 days', created_at = created_at - interval '500 days'";
    sqlx::query(age).execute(&world.database.admin).await.unwrap();
    // Ids carry their time too.
    sqlx::query(
        "do $$
        declare r record; old uuid;
        begin
            set session_replication_role = replica;
            for r in select id from runs loop
                old := (overlay(r.id::text placing '0188' from 1 for 4))::uuid;
                update runs set id = old where id = r.id;
                update runs set parent_id = old where parent_id = r.id;
                update runs set root_id = old where root_id = r.id;
                update attempts set run_id = old where run_id = r.id;
                update batches set run_id = old where run_id = r.id;
                update batches set parent_run_id = old where parent_run_id = r.id;
                update batch_plans set parent_run_id = old where parent_run_id = r.id;
                update lots set run_id = old where run_id = r.id;
                update ledger_entries set run_id = old where run_id = r.id;
            end loop;
        end $$",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    assert_eq!(world.tradeup(&["verify"]).code, 0);
    let _services = world.start_both().await;
    eventually("old runs are gone", SOON, || async {
        (world.number("select count(*) from runs").await == 0).then_some(())
    })
    .await;
    let left = "select (select count(*) from attempts) + (select count(*) from batches) + (select count(*) from batch_plans)";
    assert_eq!(world.number(left).await, 0);
    assert_eq!(
        world.number("select count(*) from pg_inherits where inhparent = 'run_logs'::regclass").await,
        4
    );
    world.assert_exact(&["2026-10"]);
    // The keys in the ledger go on protecting.
    let again = world.trigger("2026-10");
    assert_eq!(world.ended(&again).await["state"], "succeeded");
    world.assert_exact(&["2026-10"]);
}
