//! What people do about more than one thing, and about what stands in the way.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{World, eventually};
use uuid::Uuid;

use super::{Browser, console, header, month};

const SOON: Duration = Duration::from_secs(30);

/// Where an act has led.
fn led(answer: &str) -> String {
    header(answer, "location").unwrap_or_else(|| panic!("it leads nowhere: {answer}")).to_owned()
}

async fn ended(browser: &Browser, page: &str) -> Value {
    eventually(&format!("{page} has ended"), SOON, || async {
        let act = browser.json(page).await;
        (act["state"] != "running").then_some(act)
    })
    .await
}

async fn planned(world: &World, batches: i64) {
    let planned = "select count(*) from runs where task = 'monthly-credits-batch'";
    eventually("the batches are there", SOON, || async {
        (world.number(planned).await == batches).then_some(())
    })
    .await;
}

/// All that match are cancelled and tried again, in chunks, by number, with what was made later left alone.
#[tokio::test]
async fn a_bulk_act_is_counted_worked_off_and_on_record() {
    let console = console().await;
    let world = &console.world;
    world.tradeup_ok(&["pause", "--task", "monthly-credits-batch", "--reason", "wait"]);
    let run = world.trigger("2026-10");
    planned(world, 2).await;
    let olga = console.as_user("olga").await;
    let list = "task=monthly-credits-batch";
    let (_, page) = olga.get(&format!("/runs?{list}")).await;
    assert!(page.contains(&format!("/runs/many?{list}")), "{page}");
    let (_, page) = olga.get(&format!("/runs/many?{list}")).await;
    assert!(page.contains("2 runs match: 2 queued."), "{page}");
    assert!(page.contains("Would cancel 2 of 2, and what is below any of them."), "{page}");
    let cancel = format!("/runs/cancel?{list}");
    let (status, page) = olga.act(&cancel, &[("reason", "wrong month"), ("count", "3")]).await;
    assert!(status == 422 && page.contains("it is about 2 now"), "{page}");
    let (status, _) = olga.act("/runs/cancel", &[("reason", "wrong month"), ("count", "9")]).await;
    assert_eq!(status, 422, "all runs are never meant by saying nothing");
    let (status, answer) = olga.act(&cancel, &[("reason", "wrong month"), ("count", "2")]).await;
    assert_eq!(status, 303, "{answer}");
    let act = ended(&olga, &led(&answer)).await;
    assert_eq!(
        (&act["state"], &act["total"], &act["seen"], &act["changed"]),
        (&"done".into(), &2.into(), &2.into(), &2.into()),
        "{act}"
    );
    // Whoever waited for them is with them.
    let batches = "select count(*) from runs where state = 'cancelled' and task = 'monthly-credits-batch'";
    assert_eq!(world.number(batches).await, 2);
    let (_, answer) =
        olga.act(&format!("/runs/retry?{list}"), &[("reason", "right month"), ("count", "2")]).await;
    let act = ended(&olga, &led(&answer)).await;
    assert_eq!((&act["seen"], &act["changed"]), (&2.into(), &2.into()), "{act}");
    let stop = format!("/bulk-acts/{}/stop", act["id"].as_str().unwrap());
    assert_eq!(olga.act(&stop, &[("reason", "enough")]).await.0, 409, "it has ended");
    world.tradeup_ok(&["resume", "--task", "monthly-credits-batch", "--reason", "go"]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10"]);
    let (_, page) = olga.get("/bulk-acts").await;
    assert!(page.contains("wrong month") && page.contains("right month"), "{page}");
    let (_, page) = olga.get("/audit").await;
    assert!(page.contains("bulk_acts.begin") && page.contains("right month"), "{page}");
}

/// It goes on at another console when one has died with it, and is stopped where it is.
#[tokio::test]
async fn a_bulk_act_outlives_its_console_and_is_stopped() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let ids: Vec<Uuid> = (0..250).map(|_| Uuid::now_v7()).collect();
    sqlx::query(
        "insert into runs (id, task, key, trigger, root_id, payload, scheduled_for, state, next_attempt_at)
         select id, 'send-digest', 'many-' || id, 'manual', id, '', now(), 'scheduled', now() + interval '1 day'
         from unnest($1) as n (id)",
    )
    .bind(ids)
    .execute(&world.database.admin)
    .await
    .unwrap();
    let begun = "insert into bulk_acts (id, act, filter, asked_by, reason, total, leased_until)
        values (gen_random_uuid(), 'cancel', '{\"task\": \"send-digest\"}', 'olga', 'gone wrong', 250, $1) returning id::text";
    let begin = async |leased: &str| -> String {
        let statement = begun.replace("$1", leased);
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&world.database.admin).await.unwrap()
    };
    // As a console has left them that died: one lease is not over, one is.
    let leased = begin("now() + interval '1 hour'").await;
    let left = begin("now() - interval '1 second'").await;
    let act = ended(&olga, &format!("/bulk-acts/{left}")).await;
    assert_eq!((&act["seen"], &act["changed"]), (&250.into(), &250.into()), "{act}");
    assert_eq!(world.number("select count(*) from runs where state = 'cancelled'").await, 250);
    let page = format!("/bulk-acts/{leased}");
    let act = olga.json(&page).await;
    assert_eq!((&act["state"], &act["seen"]), (&"running".into(), &0.into()), "it is another console's");
    assert_eq!(olga.act(&format!("{page}/stop"), &[("reason", "no")]).await.0, 303);
    assert_eq!(ended(&olga, &page).await["state"], "stopped");
    let vera = console.as_user("vera").await;
    assert_eq!(vera.act(&format!("/bulk-acts/{left}/stop"), &[("reason", "no")]).await.0, 403);
}

#[tokio::test]
async fn a_dead_run_is_tried_again_with_another_input() {
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
    let run: String =
        sqlx::query_scalar("select id::text from runs where task = 'probe-credits' and state = 'dead'")
            .fetch_one(&world.database.admin)
            .await
            .unwrap();
    let adam = console.as_user("adam").await;
    let shown = adam.json(&format!("/runs/{run}")).await;
    assert_eq!(shown["payload"]["failures"], 9, "{shown}");
    let replay = format!("/runs/{run}/replay");
    let mut payload = shown["payload"].clone();
    payload["faliures"] = 0.into();
    let olga = console.as_user("olga").await;
    let edited = [("payload", &*payload.to_string()), ("reason", "no fault any more")];
    assert_eq!(olga.act(&replay, &edited).await.0, 403, "it may be any amount, so it takes an admin");
    let (status, page) = adam.act(&replay, &edited).await;
    assert!(status == 422 && page.contains("faliures"), "{page}");
    payload.as_object_mut().unwrap().remove("faliures");
    payload["failures"] = 0.into();
    let (status, page) =
        adam.act(&replay, &[("payload", &payload.to_string()), ("reason", "no fault any more")]).await;
    assert_eq!(status, 303, "{page}");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let (status, page) =
        adam.act(&replay, &[("payload", &payload.to_string()), ("reason", "once more")]).await;
    assert!(status == 409 && page.contains("succeeded"), "{page}");
    let (_, page) = adam.get("/audit").await;
    assert!(page.contains("runs.edit") && page.contains("failures"), "{page}");
}

#[tokio::test]
async fn rules_pauses_and_limits_are_set_by_page() {
    let console = console().await;
    let world = &console.world;
    let olga = console.as_user("olga").await;
    let rule = "/alerts/rules/backlog_age";
    let (status, page) = olga.act(rule, &[("threshold", "0"), ("state", "on"), ("reason", "x")]).await;
    assert!(status == 422 && page.contains("threshold: give a number of"), "{page}");
    assert_eq!(olga.act(rule, &[("threshold", "77"), ("state", "off"), ("reason", "noisy")]).await.0, 303);
    let alerts = olga.json("/alerts").await;
    let set = alerts["rules"].as_array().unwrap().iter().find(|set| set["rule"] == "backlog_age").unwrap();
    assert_eq!((&set["threshold"], &set["enabled"]), (&77.into(), &false.into()));
    assert_eq!(olga.act("/alerts/rules/no_such", &[("state", "on"), ("reason", "x")]).await.0, 404);

    let (status, page) = olga.act("/holds/pause", &[("reason", "everything?")]).await;
    assert!(status == 422 && page.contains("everything"), "{page}");
    let (status, page) =
        olga.act("/holds/pause", &[("dependency", "leger"), ("reason", "stock-taking")]).await;
    assert!(status == 422 && page.contains("ledger"), "{page}");
    let pause = [("dependency", "ledger"), ("tenant", "aurora"), ("reason", "stock-taking")];
    assert_eq!(olga.act("/holds/pause", &pause).await.0, 303);
    let run = world.trigger("2026-10");
    eventually("a shop waits", SOON, || async {
        let holds = olga.json("/holds").await;
        (holds["waiting"][0]["held_by"] == "pause").then_some(())
    })
    .await;
    let (_, page) = olga.get("/holds").await;
    assert!(page.contains("stock-taking") && page.contains("ledger"), "{page}");
    assert_eq!(olga.act("/holds/resume", &pause).await.0, 303);
    assert_eq!(olga.act("/holds/resume", &pause).await.0, 409);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-10"]);

    let limit =
        [("task", "monthly-credits-batch"), ("tenant", "aurora"), ("running_max", "2"), ("reason", "slowly")];
    assert_eq!(olga.act("/holds/limit", &limit).await.0, 303);
    assert_eq!(olga.json("/holds").await["limits"][0]["running_max"], 2);
    let mut none = vec![("task", "monthly-credits-batch"), ("tenant", "aurora"), ("reason", "enough")];
    assert_eq!(olga.act("/holds/limit", &none).await.0, 422, "a number that is missing removes nothing");
    none.push(("remove", "yes"));
    assert_eq!(olga.act("/holds/limit", &none).await.0, 303);
    assert_eq!(olga.json("/holds").await["limits"].as_array().unwrap().len(), 0);
    assert_eq!(olga.act("/holds/limit", &[("task", "no-such"), ("reason", "x")]).await.0, 422);
    let (status, page) = olga
        .act("/holds/pause", &[("task", "monthly-credits"), ("tennant", "aurora"), ("reason", "x")])
        .await;
    assert!(status == 422 && page.contains("tennant"), "what was to narrow it is not left out: {page}");
    let vera = console.as_user("vera").await;
    assert_eq!(vera.act("/holds/pause", &pause).await.0, 403);
    assert_eq!(console.as_user("sam").await.get("/holds").await.0, 403);
}

#[tokio::test]
async fn whatever_somebody_has_in_hand_is_found_and_nobody_elses() {
    let console = console().await;
    let world = &console.world;
    let run = month(world).await;
    let member = async |tenant: i64| -> String {
        sqlx::query_scalar("select external_id from members where tenant_id = $1 order by id limit 1")
            .bind(tenant)
            .fetch_one(&world.database.admin)
            .await
            .unwrap()
    };
    let (own, of_others) = (member(1).await, member(2).await);
    let vera = console.as_user("vera").await;
    let find = async |who: &Browser, wanted: &str| -> Vec<String> {
        let found = who.json(&format!("/search?q={}", super::encoded(wanted))).await;
        found["found"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["page"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(find(&vera, &run).await, [format!("/runs/{run}")]);
    assert_eq!(find(&vera, "auro").await, ["/shops/aurora"]);
    assert!(find(&vera, &own).await.contains(&format!("/shops/aurora/members/{own}")));
    assert!(find(&vera, &of_others).await.contains(&format!("/shops/borealis/members/{of_others}")));
    assert!(
        find(&vera, &format!("borealis:{of_others}"))
            .await
            .contains(&format!("/shops/borealis/members/{of_others}"))
    );
    assert!(find(&vera, "2026-10").await.contains(&format!("/runs/{run}")), "by the beginning of its key");
    assert!(find(&vera, "<script>alert(1)</script>").await.is_empty());
    let (status, answer) = vera.get(&format!("/search?q={run}")).await;
    assert_eq!((status, led(&answer)), (303, format!("/runs/{run}")), "what can only be one thing is shown");

    let sam = console.as_user("sam").await;
    for wanted in [of_others.clone(), format!("borealis:{of_others}"), "borealis".to_owned(), run] {
        let found = find(&sam, &wanted).await;
        assert!(found.iter().all(|page| page.starts_with("/shops/aurora/")), "{wanted}: {found:?}");
    }
    assert!(find(&sam, &own).await.contains(&format!("/shops/aurora/members/{own}")));
}

#[tokio::test]
async fn any_task_is_started_by_a_form_made_from_its_message() {
    let console = console().await;
    let world = &console.world;
    let adam = console.as_user("adam").await;
    let (_, page) = adam.get("/tasks/probe-credits").await;
    assert!(page.contains("name=\"input.failures\""), "{page}");
    let start = "/tasks/probe-credits/start";
    let form = |failures: &'static str, more: &[(&'static str, &'static str)]| {
        let mut fields = vec![
            ("tenant", "aurora"),
            ("key", "by-hand-1"),
            ("reason", "is it there"),
            ("input.failures", failures),
        ];
        fields.extend_from_slice(more);
        fields
    };
    let (status, page) = adam.act(start, &form("0", &[("dry_run", "yes")])).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Nothing was done. It would start probe-credits"), "{page}");
    assert_eq!(world.number("select count(*) from runs").await, 0);
    let (status, page) = adam.act(start, &form("many", &[])).await;
    assert!(status == 422 && page.contains("input: "), "{page}");
    let (status, answer) = adam.act(start, &form("0", &[])).await;
    assert_eq!(status, 303, "{answer}");
    let run = led(&answer).replace("/runs/", "");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let (_, answer) = adam.act(start, &form("0", &[])).await;
    assert_eq!(led(&answer), format!("/runs/{run}"), "the same again is the run that there is");
    let (status, page) = adam.act(start, &form("1", &[])).await;
    assert!(status == 422 && page.contains("another input"), "{page}");
    let (status, page) =
        adam.act("/tasks/monthly-credits/start", &[("key", "2026-12"), ("reason", "early")]).await;
    assert!(status == 409 && page.contains("trigger it instead"), "{page}");
    let olga = console.as_user("olga").await;
    assert_eq!(olga.act(start, &form("0", &[])).await.0, 403, "it may be anything, so it takes an admin");

    let tried = world.tradeup_json(&[
        "trigger",
        "task",
        "probe-credits",
        "--key",
        "by-hand-1",
        "--tenant",
        "aurora",
        "--dry-run",
    ]);
    assert_eq!(tried["key"], "manual:by-hand-1", "no schedule's key is taken");
    let refused = world.tradeup(&[
        "trigger",
        "task",
        "probe-credits",
        "--key",
        "by-hand-1",
        "--tenant",
        "aurora",
        "--input",
        "/no/such/file",
    ]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    world.tradeup_ok(&[
        "trigger",
        "task",
        "probe-credits",
        "--key",
        "by-hand-2",
        "--tenant",
        "aurora",
        "--follow",
    ]);
}
