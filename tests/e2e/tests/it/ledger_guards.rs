//! What the database itself refuses, whoever asks: the ledger's rules as constraints.

use sqlx::AssertSqlSafe;
use tradeup_harness::World;

#[tokio::test]
async fn the_ledger_can_not_be_bent() {
    let world = World::with_aurora(50, 51).await;
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");

    // As a superuser, whom row security and privileges do not hold back.
    for (statement, constraint) in [
        ("update ledger_entries set amount_minor = 1", "append-only"),
        ("delete from ledger_entries", "append-only"),
        ("truncate ledger_entries", "append-only"),
        (
            "insert into ledger_entries select tenant_id, gen_random_uuid(), lot_id, member_id, currency, kind, amount_minor, key, effective_at, now(), run_id from ledger_entries limit 1",
            "ledger_entries_tenant_id_lot_id_key_key",
        ),
        (
            "insert into ledger_entries select tenant_id, gen_random_uuid(), lot_id, member_id, 'EUR', kind, amount_minor, 'other', effective_at, now(), run_id from ledger_entries limit 1",
            "in EUR",
        ),
        (
            "insert into ledger_entries select tenant_id, gen_random_uuid(), lot_id, member_id, currency, kind, 0, 'other', effective_at, now(), run_id from ledger_entries limit 1",
            "amount_minor",
        ),
        (
            "insert into ledger_entries select tenant_id, gen_random_uuid(), lot_id, member_id, currency, kind, -5, 'other', effective_at, now(), run_id from ledger_entries limit 1",
            "check",
        ),
        ("update lots set remaining_minor = -1", "check constraint"),
        ("update lots set remaining_minor = granted_minor + 1", "check"),
        ("update lots set granted_minor = 0, remaining_minor = 0", "check constraint"),
        (
            "insert into lots select tenant_id, gen_random_uuid(), member_id, currency, value_class, reason, source_key, granted_minor, remaining_minor, held_minor, available_at, expires_at, ends_at, anchor_on, created_at, run_id from lots limit 1",
            "lots_tenant_id_member_id_reason_source_key_key",
        ),
        (
            "insert into lots select tenant_id, gen_random_uuid(), member_id, 'EUR', value_class, reason, '2020-01', granted_minor, remaining_minor, held_minor, available_at, expires_at, ends_at, anchor_on, created_at, run_id from lots limit 1",
            "has no account in EUR",
        ),
        (
            "insert into ledger_entries select e.tenant_id, gen_random_uuid(), e.lot_id, m.id, e.currency, e.kind, e.amount_minor, 'other', e.effective_at, now(), e.run_id from ledger_entries e join members m on m.id <> e.member_id limit 1",
            "has no lot",
        ),
        (
            "update lots set member_id = (select id from members where id <> member_id limit 1)",
            "a row of lots stays",
        ),
        ("update lots set currency = 'EUR'", "a row of lots stays"),
        (
            "update members m set merged_into = (select o.id from members o where o.id <> m.id limit 1), merged_at = now()
                 where m.id = (select member_id from lots order by id limit 1);
             insert into lots select tenant_id, gen_random_uuid(), member_id, currency, value_class, reason, '2020-01', granted_minor, remaining_minor, held_minor, available_at, expires_at, ends_at, anchor_on, created_at, run_id from lots order by id limit 1",
            "has become a part of another meanwhile",
        ),
        ("delete from lots", "a row of lots stays"),
        ("truncate lots cascade", "stays, with"),
        ("delete from accounts", "a row of accounts stays"),
        ("update accounts set currency = 'EUR'", "a row of accounts stays"),
        ("update accounts set balance_minor = -1", "balance_minor"),
        ("update runs set state = 'succeeded', finished_at = null", "check"),
        ("update batches set affected = affected + 1 where state = 'done'", "check"),
        (
            "insert into memberships select tenant_id, member_id, tier_id, status, source, now(), null, now() from memberships where valid_to is null limit 1",
            "memberships_open",
        ),
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&world.database.admin).await;
        let error = refused.expect_err(statement).to_string();
        assert!(error.contains(constraint), "{statement}: {error}");
    }
    // The services' role may not even try.
    for statement in [
        "update ledger_entries set amount_minor = 1",
        "delete from lots",
        "drop table lots",
        "alter table lots disable row level security",
    ] {
        let error =
            sqlx::query(statement).execute(&world.database.app).await.expect_err(statement).to_string();
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{statement}: {error}"
        );
    }
    world.assert_exact(&["2026-11"]);
}
