//! One credit by hand: given once for each key, and proved.

use sqlx::AssertSqlSafe;
use tradeup_harness::{Finished, World};

fn grant(world: &World, member: &str, amount: &str, key: &str, more: &[&str]) -> Finished {
    let mut arguments = vec!["--json", "grant", "--tenant", "aurora", "--member", member, "--amount", amount];
    arguments.extend(["--key", key, "--reason", "a torn sleeve"]);
    arguments.extend(more);
    world.tradeup(&arguments)
}

async fn member(world: &World) -> String {
    sqlx::query_scalar("select external_id from members order by id limit 1")
        .fetch_one(&world.database.admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_same_command_twice_gives_one_credit() {
    let world = World::with_aurora(10, 111).await;
    let _services = world.start_both().await;
    let member = member(&world).await;
    let first = grant(&world, &member, "5.00", "ticket-9", &["--follow"]);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let second = grant(&world, &member, "5.00", "ticket-9", &["--follow", "--urgent", "--tag", "goodwill"]);
    let run = |finished: &Finished| -> serde_json::Value { serde_json::from_str(&finished.stdout).unwrap() };
    assert_eq!(run(&first)["run_id"], run(&second)["run_id"]);
    assert_eq!(run(&second)["result"]["outcome"], "granted");
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 500);
    assert_eq!(world.number("select count(*) from ledger_entries").await, 1);

    // The key is taken, and nothing else hides behind it.
    for (amount, more) in [("6.00", vec![]), ("5.00", vec!["--paid"])] {
        let refused = grant(&world, &member, amount, "ticket-9", &more);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("Give another key"), "{}", refused.stderr);
    }
    for (member, amount, key, named) in [
        ("no-such", "5.00", "a", "no member"),
        (member.as_str(), "0.00", "a", "amount_minor"),
        (member.as_str(), "5.001", "a", "decimals"),
        (member.as_str(), "5.00", " ", "--key"),
    ] {
        let refused = grant(&world, member, amount, key, &[]);
        assert!(refused.code == 1 && refused.stderr.contains(named), "{}", refused.stderr);
    }
    assert_eq!(world.number("select count(*) from runs").await, 1, "what is refused leaves nothing");
    let paid = grant(
        &world,
        &member,
        "2.50",
        "ticket-10",
        &["--paid", "--expires", "2099-01-01T00:00:00Z", "--follow"],
    );
    assert_eq!(paid.code, 0, "{}", paid.stderr);
    let totals = world.tradeup_json(&["ledger", "aurora"])["totals"].clone();
    assert_eq!(totals.as_array().unwrap().len(), 1, "{totals:#}");
    assert_eq!((&totals[0]["source_key"], &totals[0]["granted_minor"]), (&"manual".into(), &750.into()));
    assert_eq!(world.tradeup(&["verify"]).code, 0);

    // Long after, when the runs are not kept any more: the ledger knows the keys.
    sqlx::raw_sql(
        "update retention set runs_deleted_through = (select id from runs order by id desc limit 1);
         delete from runs",
    )
    .execute(&world.database.admin)
    .await
    .unwrap();
    let again = grant(&world, &member, "5.00", "ticket-9", &["--follow"]);
    assert_eq!((again.code, run(&again)["result"]["outcome"].as_str()), (0, Some("already_granted")));
    let other = grant(&world, &member, "9.00", "ticket-10", &["--follow"]);
    assert_eq!((other.code, run(&other)["error_code"].as_str()), (1, Some("TU0006")));
    assert_eq!(world.number("select sum(balance_minor)::bigint from accounts").await, 750);
    assert_eq!(world.tradeup(&["verify"]).code, 0);
}

#[tokio::test]
async fn planted_damage_to_a_grant_is_found_and_named() {
    let world = World::with_aurora(10, 112).await;
    let _services = world.start_both().await;
    let member = member(&world).await;
    assert_eq!(grant(&world, &member, "5.00", "ticket-1", &["--follow"]).code, 0);
    assert_eq!(world.tradeup(&["verify"]).code, 0);
    let unguarded = "set session_replication_role = replica";
    for (damage, check) in [
        (format!("{unguarded}; delete from ledger_entries; delete from lots; delete from accounts"), "grants_match_their_runs"),
        (format!("{unguarded}; update lots set granted_minor = 501, remaining_minor = 501; update ledger_entries set amount_minor = 501; update accounts set balance_minor = 501"), "grants_match_their_runs"),
        (format!("{unguarded}; delete from runs"), "grants_match_their_runs"),
        ("update lots set source_key = 'manual:other'".to_owned(), "grants_match_their_runs"),
        ("update lots set run_id = gen_random_uuid()".to_owned(), "grants_match_their_runs"),
        ("update runs set trigger = 'event'".to_owned(), "events_have_their_runs"),
        ("insert into events select 1, gen_random_uuid(), 's', 't', 'e', now(), now(), 'x', '', 'routed', gen_random_uuid()".to_owned(), "events_have_their_runs"),
    ] {
        let copy = world.copy_of_database().await;
        sqlx::raw_sql(AssertSqlSafe(damage.clone())).execute(&copy.admin).await.unwrap();
        let proof = world.tradeup_on(&copy, &["--json", "verify"]);
        assert_eq!(proof.code, 1, "{damage}: {}", proof.stdout);
        let proof: serde_json::Value = serde_json::from_str(&proof.stdout).unwrap();
        let checks = proof["tenants"][0]["checks"].as_array().unwrap();
        let found = checks.iter().filter(|c| c["violations"] != 0).any(|c| c["check"] == check);
        assert!(found, "{damage}: {checks:#?}");
    }
}
