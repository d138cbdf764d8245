//! `tradeup verify` finds what is wrong: each kind of damage, planted, is named.

use sqlx::AssertSqlSafe;
use tradeup_harness::World;

#[tokio::test]
async fn planted_damage_is_found_and_named() {
    let world = World::with_aurora(500, 91).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    world.assert_exact(&["2026-11"]);

    let one_lot = "(select id from lots order by id limit 1)";
    let unguarded = "set session_replication_role = replica";
    for (damage, check) in [
        (format!("update lots set remaining_minor = 0 where id = {one_lot}"), "lot_is_sum_of_entries"),
        ("update accounts set balance_minor = balance_minor + 1 where member_id = (select member_id from lots order by id limit 1)".to_owned(), "balance_is_sum_of_entries"),
        (format!("{unguarded}; update ledger_entries set currency = 'EUR' where lot_id = {one_lot}"), "entries_have_their_lots"),
        (format!("{unguarded}; delete from accounts where member_id = (select member_id from lots order by id limit 1)"), "entries_have_their_lots"),
        (format!("{unguarded}; delete from ledger_entries where lot_id = {one_lot}"), "lot_has_one_grant"),
        ("insert into memberships select tenant_id, member_id, tier_id, status, source, valid_from + interval '1 day', now(), now() from memberships limit 1".to_owned(), "memberships_do_not_overlap"),
        (format!("{unguarded}; delete from lots where id = {one_lot}"), "promised_is_granted"),
        ("update memberships set status = 'paused' where member_id = (select member_id from lots order by id limit 1)".to_owned(), "granted_was_promised"),
        ("update tier_amounts set amount_minor = amount_minor + 1 where tier_id = 1".to_owned(), "granted_was_promised"),
        ("update batches set affected_minor = affected_minor + 1 where seq = 0".to_owned(), "batches_add_up"),
        ("delete from batch_plans".to_owned(), "batches_add_up"),
        ("update runs set state = 'cancelled', finished_at = now() where task = 'monthly-credits-batch' and key like '%/0'".to_owned(), "run_tree_is_consistent"),
    ] {
        // Damage, look, and take it back: a proof reads a snapshot, so it has to be committed.
        let copy = world.copy_of_database().await;
        sqlx::raw_sql(AssertSqlSafe(damage.clone())).execute(&copy.admin).await.unwrap();
        let proof = world.tradeup_on(&copy, &["--json", "verify"]);
        assert_eq!(proof.code, 1, "{damage}: {}", proof.stdout);
        let proof: serde_json::Value = serde_json::from_str(&proof.stdout).unwrap();
        let found: Vec<&str> = proof["tenants"][0]["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["violations"] != 0)
            .map(|c| c["check"].as_str().unwrap())
            .collect();
        assert!(found.contains(&check), "{damage}: found {found:?}");
    }
}
