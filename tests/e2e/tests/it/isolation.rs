//! A session sees the rows of its tenant and no others.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use tradeup_harness::{Shop, World, own_role};
use tradeup_store::{TenantId, Tx};

/// Tables that say of which shop a row is and are the engine's own: it works for all shops. No more may become of them
/// unless no row says what a shop's money or members did.
const OF_THE_ENGINE: [&str; 16] = [
    "alerts",
    "batch_plans",
    "batches",
    "breakers",
    "dead_letters",
    "delivery_wakes",
    "limit_slots",
    "limit_usage",
    "limits",
    "model_purses",
    "pauses",
    "privacy_due",
    "push_wakes",
    "runs",
    "schedules",
    "users",
];

/// What services log in as.
const BINARIES: [&str; 6] = ["scheduler", "credits", "webhooks", "agents", "console", "tradeup"];

/// A row of each tenant in each table that a month leaves empty.
const PLANTED: &str = "
    insert into liability_marks (tenant_id, currency, owed_minor) select id, 'USD', 1 from tenants;
    insert into events (tenant_id, id, source, topic, event_id, occurred_at, content_type, body, state)
    select id, gen_random_uuid(), 'till', 'opened', '1', now(), 'text/plain', '', 'unhandled' from tenants;
    insert into digests (tenant_id, id, member_id, day, locale, zone, run_id)
    select distinct on (tenant_id) tenant_id, gen_random_uuid(), id, current_date, 'en', 'UTC', gen_random_uuid()
    from members;
    insert into warnings (tenant_id, lot_id, kind, expires_at, member_id, currency, suppressed, amount_minor, run_id)
    select distinct on (tenant_id) tenant_id, id, '7d', expires_at, member_id, currency, 'no_email', 1,
        gen_random_uuid()
    from lots;
    insert into suppressions (tenant_id, member_id, kind, reason, source)
    select distinct on (tenant_id) tenant_id, id, 'credit_expiry', 'opt_out', 'test' from members;
    insert into mail_templates (tenant_id, kind, locale, version, subject, body_text, body_html, created_by)
    select id, 'credit_expiry', 'en', 1, 's', 't', 'h', 'test' from tenants;
    insert into api_tokens (tenant_id, id, source, token_hash, created_by)
    select id, gen_random_uuid(), 'test', sha256('test'), 'test' from tenants;
    insert into tier_rates (tenant_id, tier_id, rate_bps, valid_from)
    select distinct on (tenant_id) tenant_id, id, 500, now() from tiers;
    insert into tier_thresholds (tenant_id, tier_id, currency, threshold_minor, valid_from)
    select distinct on (tenant_id) tenant_id, id, 'USD', 0, '2020-01-01' from tiers order by tenant_id, id;
    insert into tier_windows (tenant_id, time_window, valid_from) select id, 'lifetime', now() from tenants;
    insert into tier_decisions (tenant_id, member_id, decided_at, kind, tier_id, source, time_window, currency,
        spend_minor, rule_tier_id, rule_from, threshold_minor, as_of)
    select distinct on (m.tenant_id) m.tenant_id, m.id, now(), 'raised', th.tier_id, 'spend', 'lifetime', 'USD', 0,
        th.tier_id, th.valid_from, 0, now()
    from members m join tier_thresholds th on th.tenant_id = m.tenant_id;
    insert into tier_notices (tenant_id, member_id, review_on, review_at, from_tier_id, currency, spend_minor,
        threshold_minor, as_of)
    select distinct on (m.tenant_id) m.tenant_id, m.id, current_date, now(), th.tier_id, 'USD', 0, 1, now()
    from members m join tier_thresholds th on th.tenant_id = m.tenant_id;
    insert into operations (tenant_id, key, kind, member_id, currency, amount_minor, actor, effective_at)
    select distinct on (tenant_id) tenant_id, 'adjust:1', 'adjust', id, 'USD', 1, 'test', now() from members;
    insert into debt_entries (tenant_id, id, member_id, currency, kind, amount_minor, key, effective_at, operation)
    select distinct on (tenant_id) tenant_id, gen_random_uuid(), member_id, currency, 'debt_open', 1, 'd', now(),
        'adjust:1'
    from accounts;
    insert into orders (tenant_id, external_id) select id, '1' from tenants;
    insert into membership_purchases (tenant_id, order_external_id, tier_id, member_id, rule_version, bought_at, pieces,
        months)
    select distinct on (t.tenant_id) t.tenant_id, '1', t.id, m.id, 1, now(), 0, 0
    from tiers t join members m on m.tenant_id = t.tenant_id order by t.tenant_id;
    insert into shop_cursors (tenant_id, what) select id, 'orders' from tenants;
    insert into endpoints (tenant_id, id, url, events, created_by)
    select id, gen_random_uuid(), 'https://example.com', '{ping}', 'test' from tenants;
    insert into deliveries (tenant_id, id, endpoint_id, event, source_key, happened_at, data)
    select tenant_id, gen_random_uuid(), id, 'ping', '1', now(), '{}' from endpoints;
    insert into delivery_tries (tenant_id, delivery_id, number, took_ms)
    select tenant_id, id, 1, 1 from deliveries;
    insert into rules (tenant_id, kind, version, document, valid_from, set_by)
    select id, 'cashback', 1, '{}', now(), 'test' from tenants;
    insert into order_payments (tenant_id, order_external_id, external_id, gateway, amount_minor, currency, paid_at)
    select tenant_id, external_id, '1', 'card', 1, 'USD', now() from orders;
    insert into privacy_requests (tenant_id, id, kind, event_id, received_at, due_at)
    select id, gen_random_uuid(), 'shop_redact', gen_random_uuid(), now(), now() from tenants;
    insert into trade_in_prices (tenant_id, item, category, market_minor, currency, source, valid_from)
    select id, 'x', 'y', 1, 'USD', 'test', now() from tenants;
    insert into trade_ins (tenant_id, id, source, submission_id, submitted_sha256, member_external_id, state, payout,
        currency, rule_version, lines, cash_minor, bonus_minor, quoted_at, valid_until, submitted_at)
    select id, gen_random_uuid(), 'test', '1', sha256(''), '1', 'submitted', 'credit', 'USD', 1, '[]', 1, 0, now(), now(),
        now() from tenants;
    insert into trade_in_moves (tenant_id, trade_in_id, seq, move, to_state, cash_minor, bonus_minor, lines, actor)
    select tenant_id, id, 1, 'submit', 'submitted', 1, 0, '[]', 'test' from trade_ins;
    insert into order_refunds (tenant_id, order_external_id, external_id, eligible_minor, refunded_at)
    select id, '1', '1', 1, now() from tenants;
    insert into order_settlements (tenant_id, order_external_id, seq, operation, target_minor, posted_before_minor)
    select id, '1', 1, 'adjust:1', 0, 0 from tenants;
    insert into shops (tenant_id, domain, shop_gid, access_key_id, access_token)
    select id, handle || '.myshopify.com', 'gid://shopify/Shop/' || id, 'k1', '' from tenants;
    insert into shop_accounts (tenant_id, member_id, currency, account_gid)
    select tenant_id, member_id, currency, 'gid://shopify/StoreCreditAccount/1' from accounts;
    insert into pushes (tenant_id, id, kind, member_id, currency, amount_minor)
    select tenant_id, gen_random_uuid(), 'repair', member_id, currency, 1 from accounts;
    insert into shop_bookings (tenant_id, key, member_id, currency, kind, event, amount_minor, booked_at)
    select distinct on (tenant_id) tenant_id, '1', member_id, currency, 'use', 'ORDER_PAYMENT', 1, now()
    from accounts;
    insert into wallet_differences (tenant_id, member_id, currency, ledger_minor, shop_minor, cause, run_id)
    select tenant_id, member_id, currency, 1, 2, 'test', gen_random_uuid() from accounts;
    insert into holds (tenant_id, key, source, reference, member_id, currency, amount_minor, valid_seconds, actor,
        authorised_at, capture_until)
    select distinct on (tenant_id) tenant_id, 'spend:till:1', 'till', '1', member_id, currency, 1, 60, 'test', now(),
        now() + interval '1 minute'
    from lots;
    insert into hold_parts (tenant_id, hold_key, seq, lot_id, member_id, currency, amount_minor)
    select distinct on (tenant_id) tenant_id, 'spend:till:1', 1, id, member_id, currency, 1 from lots;
    insert into merges (tenant_id, key, old_member_id, kept_member_id, actor, lots, merged_at)
    select tenant_id, 'merge:1', (array_agg(id))[1], (array_agg(id))[2], 'test', 0, now() from members group by tenant_id;
    insert into member_failures (tenant_id, run_id, member_id, code, reason)
    select distinct on (tenant_id) tenant_id, gen_random_uuid(), id, 'TU0304', 'test' from members;
    insert into credit_imports (tenant_id, id, imported_by) select id, gen_random_uuid(), 'test' from tenants;
    insert into imported_credits (tenant_id, external_id, import_id, member_id, reason, lot_id, currency, amount_minor,
        left_minor)
    select distinct on (l.tenant_id) l.tenant_id, 'x', i.id, l.member_id, 'opening', l.id, l.currency, 1, 0
    from lots l join credit_imports i on i.tenant_id = l.tenant_id;
    insert into shadow_runs (tenant_id, run_id, task, key) select id, gen_random_uuid(), 't', 'k' from tenants;
    insert into shadow_effects (tenant_id, kind, key, member_id, currency, amount_minor, effective_at, run_id)
    select distinct on (tenant_id) tenant_id, 'grant', '2026-11', id, 'USD', 1, now(), gen_random_uuid() from members;";

/// The same of what agents leave.
const PLANTED_BY_AGENTS: &str = "
    insert into snapshots (tenant_id, id, as_of, currency, zone)
    select id, gen_random_uuid(), now(), currency, zone from tenants;
    insert into member_snapshots (tenant_id, snapshot_id, member_id, joined_on, joined_days, gap_days, orders_all,
        orders_30d, orders_90d, orders_prior_30d, orders_prior_90d, orders_365d, orders_prior_365d, spend_30d_minor,
        spend_prior_30d_minor, spend_90d_minor, spend_prior_90d_minor, spend_365d_minor, balance_minor,
        expiring_7d_minor, expiring_30d_minor,
        granted_90d_minor, redeemed_90d_minor, redeemed_365d_minor, reachable, risk, segment)
    select distinct on (m.tenant_id) m.tenant_id, s.id, m.id, current_date, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, false, 0, 'new'
    from members m join snapshots s using (tenant_id);
    insert into snapshot_cells (tenant_id, snapshot_id, topic, measure, value) select tenant_id, id, 't', 'm', 1 from snapshots;
    insert into snapshot_groups (tenant_id, snapshot_id, part, tier_id, inactive_days, risk, ends_within_days, spend_step,
        members, reachable, active_90d, balance_minor, orders_90d, spend_90d_minor, spend_prior_90d_minor, spend_365d_minor,
        expiring_30d_minor, segment)
    select tenant_id, id, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 'new' from snapshots;
    insert into agent_settings (tenant_id, enabled, run_cap_nano, day_cap_nano, month_cap_nano, credit_minor_max,
        campaign_cost_minor_max, offline_approvals, changed_by)
    select id, true, 1, 1, 1, 1, 1, false, 'test' from tenants;
    insert into model_spend (tenant_id, period) select id, '2026-11' from tenants;
    insert into agent_runs (tenant_id, run_id, kind, goal, as_of, bundle)
    select id, gen_random_uuid(), 'plan-campaign', 'g', now(), '{}' from tenants;
    insert into agent_turns (tenant_id, run_id, agent, seq, stop_reason, model, input_tokens, cache_write_tokens,
        cache_read_tokens, output_tokens, cost_nano)
    select tenant_id, run_id, 'orchestrator', 1, 'tool_use', 'm', 1, 0, 0, 1, 1 from agent_runs;
    insert into model_attempts (tenant_id, run_id, agent, seq, attempt, epoch, model, request_sha256, request_bytes,
        reserved_nano, day)
    select tenant_id, run_id, 'orchestrator', 1, 1, 1, 'm', sha256(''), 1, 0, current_date from agent_runs;
    insert into tool_calls (tenant_id, run_id, agent, tool_use_id, seq, position, name)
    select tenant_id, run_id, 'orchestrator', 'toolu_1', 1, 0, 'get_tenant_overview' from agent_runs;
    insert into agent_facts (tenant_id, run_id, id, agent, tool, tool_use_id, figure, as_of)
    select tenant_id, run_id, 1, 'orchestrator', 't', 'toolu_1', '{}', now() from agent_runs;
    insert into agent_notes (tenant_id, run_id, agent, seq, content)
    select tenant_id, run_id, 'orchestrator', 1, 'n' from agent_runs;
    insert into agent_aliases (tenant_id, run_id, alias, member_id)
    select distinct on (r.tenant_id) r.tenant_id, r.run_id, 1, m.id from agent_runs r join members m using (tenant_id);
    insert into plans (tenant_id, run_id, kind, goal, state, document, complete, offline)
    select tenant_id, run_id, kind, goal, 'validated', '{}', true, true from agent_runs;
    insert into plan_items (tenant_id, run_id, key, hash, name, approvable)
    select tenant_id, run_id, 'c1', encode(sha256(''), 'hex'), 'n', true from plans;
    insert into campaigns (tenant_id, id, run_id, key, name, kind, segment, snapshot_id, as_of, subject, body, currency,
        credit_minor, credit_ends_within_days, extend_days, hold_out_bps, cost_limit_minor, horizon_days, approved_by,
        start_run_id)
    select i.tenant_id, gen_random_uuid(), i.run_id, i.key, 'n', 'mail', 'all', s.id, now(), 's', 'b', 'USD', 0, 0, 0, 0, 0,
        30, 'test', i.run_id
    from plan_items i join snapshots s using (tenant_id);
    insert into campaign_members (tenant_id, campaign_id, member_id, arm)
    select c.tenant_id, c.id, l.member_id, 'held_out'
    from campaigns c join lateral (select * from lots l where l.tenant_id = c.tenant_id order by l.id limit 1) as l on true;
    insert into campaign_lots (tenant_id, campaign_id, lot_id, member_id, currency, kept_minor, ended_at, ends_at)
    select c.tenant_id, c.id, l.id, l.member_id, l.currency, 1, now(), now() + interval '1 day'
    from campaigns c join lateral (select * from lots l where l.tenant_id = c.tenant_id order by l.id limit 1) as l on true;
    insert into campaign_results (tenant_id, campaign_id, arm, members, ordering_members, orders, revenue_minor,
        redeemed_minor)
    select tenant_id, id, 'held_out', 1, 0, 0, 0, 0 from campaigns;
    insert into kpi_follow_ups (tenant_id, run_id, n, name, measure, unit, baseline, target, due_at)
    select tenant_id, run_id, 1, 'n', 'm', 'count', 1, 2, now() from plans;";

async fn seen(tx: &mut Tx, table: &str) -> Vec<i64> {
    let statement = format!("select distinct tenant_id from {table} order by 1");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut **tx).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// All tables whose rows are of a shop, from the catalog.
async fn tenant_tables(admin: &PgPool) -> Vec<String> {
    let all: Vec<(String, bool)> = sqlx::query_as(
        "select c.relname::text, c.relrowsecurity and c.relforcerowsecurity
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .fetch_all(admin)
    .await
    .unwrap();
    let (guarded, open): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, guarded)| *guarded);
    let open: Vec<String> = open.into_iter().map(|(table, _)| table).collect();
    assert_eq!(open, OF_THE_ENGINE, "a table of shops has no forced row security");
    guarded.into_iter().map(|(table, _)| table).collect()
}

/// With no tenant, with one and with the other: what a role sees of a table, and that it can hit and make no other's rows.
async fn is_isolated(session: &mut PgConnection, who: &str, table: &str) {
    let may = |verb: &str| format!("has_any_column_privilege('{table}', '{verb}')");
    let (selects, inserts, column, deletes): (bool, bool, Option<String>, bool) = sqlx::query_as(AssertSqlSafe(format!(
        "select {}, {}, (select attname::text from pg_attribute where attrelid = '{table}'::regclass and attnum > 0
             and has_column_privilege(attrelid, attnum, 'UPDATE') limit 1), has_table_privilege('{table}', 'DELETE')",
        may("SELECT"),
        may("INSERT"),
    )))
    .fetch_one(&mut *session)
    .await
    .unwrap();
    for tenant in [None, Some(1), Some(2)] {
        let mut tx = session.begin().await.unwrap();
        let set = format!(
            "set local app.tenant_id = '{}'",
            tenant.map_or_else(String::new, |id: i64| id.to_string())
        );
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *tx).await.unwrap();
        let seen =
            sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select distinct tenant_id from {table}")))
                .fetch_all(&mut *tx)
                .await;
        if !selects {
            let refused = seen.unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{who}, {table}: {refused}");
            drop(tx);
        } else {
            assert_eq!(seen.unwrap(), tenant.into_iter().collect::<Vec<_>>(), "{who}, {table}, {tenant:?}");
            let foreign = if tenant == Some(1) { 2 } else { 1 };
            let hits = [
                column.as_ref().map(|column| {
                    format!("update {table} set {column} = {column} where tenant_id = {foreign}")
                }),
                deletes.then(|| format!("delete from {table} where tenant_id = {foreign}")),
            ];
            for hit in hits.into_iter().flatten() {
                let hit = sqlx::raw_sql(AssertSqlSafe(hit)).execute(&mut *tx).await.unwrap();
                assert_eq!(hit.rows_affected(), 0, "{who} hits another's rows of {table}, {tenant:?}");
            }
            drop(tx);
        }
        if inserts {
            let mut tx = session.begin().await.unwrap();
            let foreign = if tenant == Some(1) { 2 } else { 1 };
            let set = format!(
                "set local app.tenant_id = '{}'",
                tenant.map_or_else(String::new, |id| id.to_string())
            );
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *tx).await.unwrap();
            let made = format!("insert into {table} (tenant_id) values ({foreign})");
            let refused = sqlx::raw_sql(AssertSqlSafe(made)).execute(&mut *tx).await.unwrap_err().to_string();
            assert!(
                refused.contains("row-level security"),
                "{who} makes another's row of {table}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn every_tenant_table_shows_one_tenant_or_none() {
    let mut world = World::with_aurora(300, 41).await;
    world.add_shop(&Shop::new("borealis", 300, 42));
    let _services = world.start_both().await;
    let run = world.trigger("2026-11");
    assert_eq!(world.ended(&run).await["state"], "succeeded");
    let pool = &world.database.app;

    for planted in [PLANTED, PLANTED_BY_AGENTS] {
        sqlx::raw_sql(planted).execute(&world.database.admin).await.unwrap();
    }

    let tables = tenant_tables(&world.database.admin).await;
    for table in &tables {
        let planted = format!("select count(distinct tenant_id) from {table}");
        let of: i64 =
            sqlx::query_scalar(AssertSqlSafe(planted)).fetch_one(&world.database.admin).await.unwrap();
        assert_eq!(of, 2, "plant a row of each shop in {table}");
    }

    let mut unset = Tx::of_engine(pool).await.unwrap();
    for table in &tables {
        assert_eq!(seen(&mut unset, table).await, Vec::<i64>::new(), "{table} with no tenant set");
    }
    drop(unset);
    for tenant in [1, 2] {
        let mut own = Tx::of_tenant(pool, TenantId(tenant)).await.unwrap();
        for table in &tables {
            assert_eq!(seen(&mut own, table).await, vec![tenant], "{table}");
        }
    }
    for binary in BINARIES {
        let environment = [("TRADEUP_DATABASE_URL".to_owned(), world.database.app_url.clone())].into();
        let (_, url) = own_role(binary, &environment).unwrap();
        let mut session = PgConnection::connect(&url).await.unwrap();
        for table in &tables {
            is_isolated(&mut session, binary, table).await;
        }
    }

    // A transaction's tenant is gone with it, on every connection of the pool.
    for _ in 0..20 {
        let mut after = Tx::of_engine(pool).await.unwrap();
        assert_eq!(seen(&mut after, "members").await, Vec::<i64>::new());
    }
}

/// `begin` dropped halfway must not leave an open transaction on a pooled connection.
#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_leaves_nothing_behind() {
    let world = World::new().await;
    let pool = &world.database.app;
    for delay_us in (0..4_000).step_by(20) {
        let begin = Tx::of_tenant(pool, TenantId(1));
        let _given_up = tokio::time::timeout(std::time::Duration::from_micros(delay_us), begin).await;
    }
    for _ in 0..20 {
        let mut tx = Tx::of_engine(pool).await.unwrap();
        let setting: Option<String> =
            sqlx::query_scalar("select nullif(current_setting('app.tenant_id', true), '')")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        assert_eq!(setting, None, "a foreign tenant's context");
    }
    tradeup_harness::eventually("no session idles in a transaction", std::time::Duration::from_secs(10), || async {
        let idle = world
            .number("select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'")
            .await;
        (idle == 0).then_some(())
    })
    .await;
}
