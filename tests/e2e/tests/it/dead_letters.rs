//! What failed is seen, previewed, tried again and set aside, any number of times, and no credit is
//! given twice.

use std::time::Duration;

use serde_json::Value;
use tradeup_harness::{Database, Servers, World, eventually};
use tradeup_store::audit::Actor;
use tradeup_store::dead_letters::{self, DeadFilter, DeadOrder, Replay};
use tradeup_store::{RunId, Tx, runs};

const SOON: Duration = Duration::from_secs(30);

/// A month in which no batch can be credited, because the installation lacks a right.
async fn month_without_rights(world: &World) -> (String, Vec<Value>) {
    grant(world, "revoke insert on lots from tradeup_credits").await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "dead");
    grant(world, "grant insert on lots to tradeup_credits").await;
    let letters = world.tradeup_json(&["dead", "list", "--limit", "100"]);
    (run, letters.as_array().unwrap().clone())
}

async fn grant(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&world.database.admin).await.unwrap();
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[tokio::test]
async fn a_group_is_previewed_and_replayed_and_replayed_again() {
    let world = World::with_aurora(1_000, 25).await;
    let _services = world.start_both().await;
    let (run, letters) = month_without_rights(&world).await;
    let group = text(&letters[0], "fingerprint");
    assert!(letters.len() >= 9, "{letters:#?}");
    assert!(letters.iter().all(|l| text(l, "fingerprint") == group && l["code"] == "TU0104"), "{letters:#?}");

    let nothing_said = world.tradeup(&["dead", "replay"]);
    assert_eq!(nothing_said.code, 1);
    assert!(nothing_said.stderr.contains("say which dead letters"), "{}", nothing_said.stderr);

    let preview = world.tradeup_json(&["dead", "replay", "--group", group, "--dry-run"]);
    let sum = |field: &str| -> i64 {
        preview.as_array().unwrap().iter().map(|l| l["replay"][field].as_i64().unwrap()).sum()
    };
    assert_eq!((sum("to_grant"), sum("to_grant_minor")), world.due["aurora"]);
    assert_eq!(sum("already_granted"), 0);
    assert_eq!(world.number("select count(*) from outbox where kind = 'job'").await, 0, "nothing was done");

    // One first, then the group: what the first one did is seen as done.
    let one = text(&letters[0], "dead_letter_id");
    assert_eq!(world.tradeup_json(&["dead", "replay", one])["runs"], 1);
    eventually("the one batch is credited", SOON, || async {
        (world.number("select count(*) from ledger_entries").await > 0).then_some(())
    })
    .await;
    let rest = world.tradeup_json(&["dead", "replay", "--group", group, "--rate", "1000"]);
    assert_eq!(rest["runs"].as_u64().unwrap() + 1, u64::try_from(letters.len()).unwrap());
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);

    for _ in 0..3 {
        let again = world.tradeup_json(&["dead", "replay", "--group", group, "--resolved"]);
        assert_eq!((&again["runs"], &again["settled"]), (&0.into(), &letters.len().into()));
    }
    let shown = world.tradeup_json(&["dead", "show", one]);
    assert_eq!((&shown["resolution"], &shown["run_state"]), (&"replayed".into(), &"succeeded".into()));
    assert_eq!(shown["replay"]["action"], "nothing");
    assert_eq!(shown["payload"]["period"], "2026-11");
    assert_eq!(world.tradeup_json(&["dead", "list"]).as_array().unwrap().len(), 0, "all are seen to");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn a_replay_is_spread_over_time() {
    let world = World::with_aurora(1_000, 26).await;
    let _services = world.start_both().await;
    let (run, letters) = month_without_rights(&world).await;
    world.tradeup_ok(&["dead", "replay", "--run", &run, "--rate", "4"]);
    let seconds = world
        .number("select extract(epoch from max(next_publish_at) - min(next_publish_at))::bigint from outbox")
        .await;
    assert!(seconds >= i64::try_from(letters.len()).unwrap() / 4 - 1, "{seconds} s for {}", letters.len());
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
}

#[tokio::test]
async fn an_edited_payload_takes_the_place_of_the_old_one() {
    let world = World::with_aurora(100, 27).await;
    let _services = world.start_both().await;
    let (run, letters) = month_without_rights(&world).await;
    let letter = text(&letters[0], "dead_letter_id");
    let mut payload = world.tradeup_json(&["dead", "show", letter])["payload"].clone();
    let file = world.dir.path().join("payload.json");
    let path = file.to_str().unwrap();

    payload["expiry"] = "2027-05-01T00:00:00Z".into();
    std::fs::write(&file, payload.to_string()).unwrap();
    let refused = world.tradeup(&["dead", "replay", letter, "--payload", path]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("expiry") && refused.stderr.contains("expires_at"), "{}", refused.stderr);

    payload.as_object_mut().unwrap().remove("expiry");
    payload["expires_at"] = "2027-05-01T00:00:00Z".into();
    payload["ends_at"] = "2027-05-01T00:00:00Z".into();
    std::fs::write(&file, payload.to_string()).unwrap();
    world.tradeup_ok(&["dead", "replay", letter, "--payload", path, "--reason", "a longer month"]);
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);
    assert_eq!(world.number("select count(*) from lots where expires_at <> '2027-05-01'").await, 0);
    let audited =
        "select count(*) from audit_log where act = 'dead_letters.replay' and reason = 'a longer month'
        and (subject ->> 'edited_payload')::boolean";
    assert_eq!(world.number(audited).await, 1);
}

#[tokio::test]
async fn a_message_without_a_run_is_sent_again_and_discarded() {
    let world = World::with_aurora(100, 28).await;
    let _services = world.start_both().await;
    let jobs = world.jobs().await;
    jobs.publish("jobs.credits.monthly-credits-batch.aurora", b"rubbish\xff".to_vec()).await;
    let letters = |n: usize| {
        let world = &world;
        eventually("letters that nobody has seen to", SOON, move || async move {
            let listed = world.tradeup_json(&["dead", "list"]);
            let listed = listed.as_array().unwrap().clone();
            (listed.len() == n).then_some(listed)
        })
    };
    let first = letters(1).await;
    let id = text(&first[0], "dead_letter_id");
    assert_eq!(world.tradeup_json(&["dead", "show", id])["message"], "rubbish\\xff");
    assert_eq!(world.tradeup_json(&["dead", "replay", id])["messages"], 1);
    // It is as bad as before, and a new letter says so.
    let second = eventually("it comes back", SOON, || async {
        let listed = world.tradeup_json(&["dead", "list"]);
        listed.as_array().unwrap().iter().find(|l| l["dead_letter_id"] != first[0]["dead_letter_id"]).cloned()
    })
    .await;
    assert_eq!(second["code"], "TU0001");
    assert_eq!(world.tradeup(&["dead", "discard", "--code", "TU0001", "--reason", " "]).code, 1);
    world.tradeup_ok(&["dead", "discard", "--code", "TU0001", "--reason", "a test message"]);
    letters(0).await;
}

/// A month with one shop and one batch that is dead, in the moment in which the shop's run has ended and the month's has not.
const ENDING: &str = "
    insert into runs (id, parent_id, root_id, task, key, trigger, state, payload, scheduled_for, error_code, finished_at)
    select ('00000000-0000-7000-8000-00000000000' || n)::uuid, ('00000000-0000-7000-8000-00000000000' || nullif(n, 1) - 1)::uuid,
        '00000000-0000-7000-8000-000000000001', task, 'k', 'manual', case n when 1 then 'waiting' else 'dead' end, '', now(),
        case n when 2 then 'TU0004' when 3 then 'TU0104' end, case when n > 1 then now() end
    from unnest(array['monthly-credits', 'monthly-credits-tenant', 'monthly-credits-batch']) with ordinality as t (task, n);
    insert into dead_letters (id, run_id, subject, message, code, errors, fingerprint, build)
    values (gen_random_uuid(), '00000000-0000-7000-8000-000000000003', 's', '', 'TU0104', '{}', 'f', 'b')";

/// Whoever tries a run again and whoever ends what waited for it, at once: in either order the run that waits goes on waiting.
#[tokio::test]
async fn what_is_replayed_while_its_root_ends_is_waited_for() {
    let database = Database::create(&Servers::shared().environment()).await;
    sqlx::raw_sql(ENDING).execute(&database.admin).await.unwrap();
    let number = async |query: &'static str| -> i64 {
        sqlx::query_scalar(query).fetch_one(&database.admin).await.unwrap()
    };
    let waits = async || {
        eventually("one waits for the other", SOON, || async {
            let locked = "select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
            (number(locked).await == 1).then_some(())
        })
        .await;
    };
    let root: RunId = "00000000-0000-7000-8000-000000000001".parse().unwrap();
    let actor = Actor { name: "ana".to_owned(), reason: None };
    let replayed = async || {
        let mut tx = Tx::of_engine(&database.app).await.unwrap();
        let filter = DeadFilter { resolved: true, ..DeadFilter::default() };
        let letters = dead_letters::select(&mut tx, &filter, DeadOrder::OldestFirst, 10).await.unwrap();
        let how = Replay { payload: None, runs_per_second: 1000.0 };
        assert_eq!(dead_letters::replay(&mut tx, &letters, &how, &actor).await.unwrap().runs, 1);
        tx
    };
    let unfinished = "select count(*) from runs where finished_at is null and state in ('waiting', 'queued')";

    // The replay comes first: who ends the root has looked at its children before, and finds it changed.
    let tx = replayed().await;
    let parents = [root];
    let (settled, ()) = tokio::join!(runs::settle_parents(&database.app, &parents), async {
        waits().await;
        tx.commit().await.unwrap();
    });
    assert_eq!((settled.unwrap(), number(unfinished).await), (0, 3));

    // The end comes first: the replay takes it back.
    let again = "update runs set state = 'dead', error_code = coalesce(error_code, 'TU0004'), finished_at = now() where id <> root_id";
    sqlx::raw_sql(again).execute(&database.admin).await.unwrap();
    let mut ending = database.admin.begin().await.unwrap();
    let ends =
        "update runs set state = 'dead', error_code = 'TU0004', finished_at = now() where id = root_id";
    sqlx::query(ends).execute(&mut *ending).await.unwrap();
    tokio::join!(async { replayed().await.commit().await.unwrap() }, async {
        waits().await;
        ending.commit().await.unwrap();
    });
    assert_eq!(number(unfinished).await, 3);
}
