-- Who may what: the whole of it, applied by `tradeup setup` after the migrations, in one transaction. Roles are made by
-- deploy/postgres/roles.sql. What is not said here, nobody but the owner may; a migration grants nothing.
--
-- A new table has to be named here, and a new statement to be allowed here: tests (least_privilege.rs) name the table nobody
-- decided on, and the statement of a binary that its role may not execute. What another release still needs is taken away a
-- release later.

-- Two setups at once wait for each other here.
select pg_advisory_xact_lock(7310868);

do $$
declare
    role_name text;
    object text;
begin
    foreach role_name in array array['tradeup_services', 'tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks',
        'tradeup_agents', 'tradeup_console', 'tradeup_cli'] loop
        if to_regrole(role_name) is null then
            raise exception 'the role % is missing', role_name;
        end if;
    end loop;
    -- From nothing, so that what is taken out of this file is taken from the roles; of columns, too.
    for role_name, object in
        select distinct g.grantee::regrole::text, c.oid::regclass::text
        from pg_class c
        cross join lateral (
            select grantee from aclexplode(c.relacl)
            union all
            select e.grantee from pg_attribute a cross join lateral aclexplode(a.attacl) e where a.attrelid = c.oid
        ) g
        where c.relnamespace = 'public'::regnamespace and g.grantee <> 0
          and g.grantee::regrole::text in ('tradeup_services', 'tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks',
              'tradeup_agents', 'tradeup_console', 'tradeup_cli')
    loop
        execute format('revoke all on %s from %s', object, role_name);
    end loop;
end
$$;

-- All five services: claims, attempts, messages that are to be sent, what holds runs back, who is there.
grant select on _sqlx_migrations, attempts_made, limits, memberships, orders, schema_floor, tenants, tier_amounts,
    tiers, tiers_held to tradeup_services;
grant insert on dead_letters, run_logs to tradeup_services;
grant select, update on pauses to tradeup_services;
-- How a run goes on, and what it was as a batch of its own, is written where it ends, by whoever executed it.
grant select, insert on batch_plans to tradeup_services;
grant select, insert, update on batches to tradeup_services;
grant select, insert, delete on database_marks to tradeup_services;
grant select, insert, update on attempts, limit_usage, runs, workers to tradeup_services;
grant select, insert, update, delete on breakers, limit_slots, outbox to tradeup_services;

-- Decides what is due, plans, sweeps, and forgets what is old. Sees balances, books nothing.
grant select on accounts, agent_limits, alert_rules, alerts, credit_imports, dead_letters, hold_parts, holds, lots,
    membership_purchases, privacy_due, tier_notices, tier_thresholds, tier_windows, warnings to tradeup_scheduler;
grant insert on audit_log, shadow_runs to tradeup_scheduler;
grant delete on attempts, pauses, runs, workers to tradeup_scheduler;
grant select, delete on agent_aliases, deliveries, member_snapshots, snapshot_cells, snapshot_groups to
    tradeup_scheduler;
grant select, insert on campaign_members to tradeup_scheduler;
grant select, update on model_spend, model_spend_days, retention to tradeup_scheduler;
grant delete on batch_plans, batches to tradeup_scheduler;
grant select, insert, delete on fire_decisions to tradeup_scheduler;
grant select, insert, update on schedules to tradeup_scheduler;
grant select, insert, update, delete on push_wakes, run_checkpoints, run_progress to tradeup_scheduler;
grant select, update (content) on agent_notes to tradeup_scheduler;
grant select, update (ended_at, epoch, erased_at, outcome, reserved_nano, spent_nano, state, unknown_nano) on
    agent_runs to tradeup_scheduler;
grant select, update (content) on agent_turns to tradeup_scheduler;
grant select, update (ended_at, started_at, state) on campaigns to tradeup_scheduler;
grant select, update (body, erased_at) on events to tradeup_scheduler;
grant select (tenant_id, id, external_id, email, locale, accepts_email_marketing, created_at, updated_at, merged_into,
    merged_at, tags, country, version_at, enrolled_by, deleted_at, redacted_at) on members to tradeup_scheduler;
grant select, update (ended_at, error, error_code, state) on model_attempts to tradeup_scheduler;
grant select, update (state) on plan_items to tradeup_scheduler;
grant select, update (state) on plans to tradeup_scheduler;
grant select, update (state), delete on snapshots to tradeup_scheduler;
grant select, update (content, input) on tool_calls to tradeup_scheduler;
grant execute on function keep_run_logs(integer) to tradeup_scheduler;

-- Moves money: the ledger, what shops are told of it, mails. A lot's amount and its kind never change.
grant select on credit_imports, endpoints, events, hold_parts, imported_credits, mail_templates, plans, restores, retention, rules,
    tier_rates, tier_thresholds, tier_windows to tradeup_credits;
grant insert on campaign_results, deliveries, delivery_wakes, push_wakes, shadow_bookings to tradeup_credits;
grant select, insert on shadow_runs to tradeup_credits;
grant select, insert on campaign_lots, debt_entries, ledger_entries, member_failures, merges, operations,
    order_payments, order_settlements, shadow_effects, shop_bookings, tier_decisions, unclaimed_events to
    tradeup_credits;
grant select, update on campaign_members, holds, kpi_follow_ups to tradeup_credits;
grant insert, update on memberships, orders to tradeup_credits;
grant select, insert, delete on member_snapshots, snapshot_cells, snapshot_groups to tradeup_credits;
grant select, insert, update on pushes, run_checkpoints, run_progress, shop_accounts, shop_cursors, suppressions,
    tier_notices, warnings to tradeup_credits;
grant select, insert, update (balance_minor, debt_minor) on accounts to tradeup_credits;
grant select, update (ended_at, measured_at, spent_minor, state) on campaigns to tradeup_credits;
grant select, insert, update (answer, dropped_because, ended_at, error, error_code, sender_attempt, sender_run_id,
    state, taken_at, tries) on digests to tradeup_credits;
grant select, insert, update (anchor_on, available_at, ends_at, expires_at, held_minor, remaining_minor) on lots to
    tradeup_credits;
grant select, insert, update (merged_at, merged_into) on members to tradeup_credits;
grant select, insert, update (changed_at, from_at, member_id, months, pieces, unbroken_until_at, until_at) on
    membership_purchases to tradeup_credits;
grant select, insert, update (eligible_minor, state) on order_refunds to tradeup_credits;
grant select, update (access_expires_at, access_key_id, access_token, error, error_code, generation, pushing_run_id,
    refresh_expires_at, refresh_key_id, refresh_token, renewing_until, state) on shops to tradeup_credits;
grant select, insert, update (currency, gap_days, made_at, members, spend_steps, state, zone) on snapshots to
    tradeup_credits;
grant select, insert, update (cause, found_at, ledger_minor, looked_at, repair, repaired_at, repaired_by, run_id,
    shop_minor), delete on wallet_differences to tradeup_credits;

-- What shops and systems tell, and what follows for orders, holds and trade-ins; deliveries to endpoints. Which kinds
-- of credit it may book is a policy of the table lots. A shop's token it may forget, not read.
grant select on api_tokens, imported_credits, rules, tier_rates, tier_thresholds, tier_windows, trade_in_prices to
    tradeup_webhooks;
grant insert on audit_log, debt_entries, delivery_tries, push_wakes, shadow_bookings to tradeup_webhooks;
grant select, delete on agent_aliases, member_snapshots, snapshot_groups to tradeup_webhooks;
grant select, insert on hold_parts, ledger_entries, operations, order_payments, order_settlements, suppressions,
    tier_decisions, trade_in_moves to tradeup_webhooks;
grant insert, delete on pauses to tradeup_webhooks;
grant insert, update on memberships, orders to tradeup_webhooks;
grant select, insert, update on holds, pushes, run_checkpoints, run_progress to tradeup_webhooks;
grant select, insert, update, delete on delivery_wakes, unclaimed_events to tradeup_webhooks;
grant select, insert, update (balance_minor, debt_minor) on accounts to tradeup_webhooks;
grant select, update (content) on agent_notes to tradeup_webhooks;
grant select, update (erased_at) on agent_runs to tradeup_webhooks;
grant select, update (content) on agent_turns to tradeup_webhooks;
grant select, update (message) on dead_letters to tradeup_webhooks;
grant select, insert, update (due_at, ended_at, error, leased_until, sends, state, status, took_ms, tried_at, tries)
    on deliveries to tradeup_webhooks;
grant select, update (disabled_at, disabled_because, failing_since, failures, state) on endpoints to tradeup_webhooks;
grant select, insert, update (body, erased_at) on events to tradeup_webhooks;
grant select, insert, update (anchor_on, available_at, ends_at, expires_at, held_minor, remaining_minor) on lots to
    tradeup_webhooks;
grant select, insert, update (accepts_email_marketing, country, deleted_at, email, first_name, last_name, locale,
    phone, redacted_at, tags, updated_at, version_at) on members to tradeup_webhooks;
grant select, insert, update (changed_at, from_at, months, pieces, unbroken_until_at, until_at) on
    membership_purchases to tradeup_webhooks;
grant select, insert, update (eligible_minor, state) on order_refunds to tradeup_webhooks;
grant select, insert, update (done_at, done_by, evidence, state) on privacy_requests to tradeup_webhooks;
grant select, insert, delete on privacy_due to tradeup_webhooks;
grant select (tenant_id, domain, shop_gid, state, error_code, error, access_key_id, access_expires_at, refresh_key_id,
    refresh_token, refresh_expires_at, generation, renewing_until, pushing_run_id, connected_at), update
    (access_token, error, error_code, generation, refresh_token, renewing_until, state) on shops to tradeup_webhooks;
grant select, update (spend_steps) on snapshots to tradeup_webhooks;
grant update (scopes, scopes_at, state, suspended_at, uninstalled_at) on tenants to tradeup_webhooks;
grant select, update (content, input) on tool_calls to tradeup_webhooks;
grant select, insert, update (bonus_minor, by_hand, cash_minor, lines, moved_at, quoted_at, state, valid_until) on
    trade_ins to tradeup_webhooks;

-- Reads what a plan may be about, without names and telephone numbers, and writes its own journal. Never the ledger.
grant select on agent_limits, agent_settings, campaign_results, campaigns, digests, ledger_entries, lots,
    order_refunds, suppressions, tier_rates, tier_thresholds to tradeup_agents;
grant insert on plan_items, plans to tradeup_agents;
grant select, insert on agent_aliases, agent_facts, agent_notes, agent_turns, kpi_follow_ups to tradeup_agents;
grant select, insert, delete on member_snapshots, snapshot_cells, snapshot_groups to tradeup_agents;
grant select, insert, update on model_spend, model_spend_days, run_checkpoints, run_progress to tradeup_agents;
grant select, insert, update (aliases, ended_at, epoch, facts, outcome, reserved_nano, spent_nano, state,
    unknown_nano, worker) on agent_runs to tradeup_agents;
grant select (tenant_id, id, external_id, email, locale, accepts_email_marketing, created_at, updated_at, merged_into,
    merged_at, tags, country, version_at, enrolled_by, deleted_at, redacted_at) on members to tradeup_agents;
grant select, insert, update (ended_at, error, error_code, request_id, sent_at, state) on model_attempts to
    tradeup_agents;
grant select, insert, update (currency, gap_days, made_at, members, spend_steps, state, zone) on snapshots to
    tradeup_agents;
grant select, insert, update (content, done_at, is_error, state) on tool_calls to tradeup_agents;

-- Users and sessions are its own. It books nothing: what people ask for becomes a run.
grant select on accounts, agent_facts, agent_notes, agent_runs, agent_turns, campaign_members, campaign_results,
    debt_entries, digests, events, hold_parts, holds, imported_credits, kpi_follow_ups, ledger_entries, lots,
    member_failures, members, model_attempts, model_purses, model_spend, model_spend_days, operations, pushes, rules,
    run_logs, shadow_effects, shadow_runs, shops, tool_calls, wallet_differences, warnings to tradeup_console;
grant select, insert on audit_log, fire_decisions to tradeup_console;
grant select, update on agent_limits to tradeup_console;
grant insert, delete on pauses to tradeup_console;
grant select, insert, delete on liability_marks to tradeup_console;
grant select, insert, update on agent_settings to tradeup_console;
grant insert, update, delete on limits to tradeup_console;
grant select, insert, update, delete on alert_channels, alert_notices, api_calls, schedules, sign_in_attempts,
    sign_in_failures to tradeup_console;
grant select, update (enabled, looked_at, threshold) on alert_rules to tradeup_console;
grant select, insert, update (acknowledged_at, acknowledged_by, page, reminded_at, resolved_at, seen_at, summary),
    delete on alerts to tradeup_console;
grant select, insert, update (changed, ended_at, error, leased_until, reached, seen, state), delete on bulk_acts to
    tradeup_console;
grant select, insert, update (ended_at, state, stop_reason, stopped_by) on campaigns to tradeup_console;
grant select, update (resolution, resolved_at, resolved_by) on dead_letters to tradeup_console;
grant select, update (decided_at, decided_by, reason, state) on plan_items to tradeup_console;
grant select, update (state) on plans to tradeup_console;
grant select, insert, update (seen_at), delete on sessions to tradeup_console;
grant select, insert, update (revoked_at, seen_at) on user_tokens to tradeup_console;
grant select, insert, update (disabled_at, oidc, oidc_issuer, oidc_subject, password_hash, role, tenant_id) on users
    to tradeup_console;

-- The operators' command. Books what people grant, adjust, import and merge, and keeps the settings of shops.
grant select on _sqlx_migrations, agent_aliases, agent_facts, agent_notes, agent_runs, agent_turns, alert_channels,
    attempts_made, batch_plans, breakers, campaign_lots, campaign_members, campaign_results, delivery_tries, events, kpi_follow_ups, member_failures,
    model_attempts, model_spend, order_payments, order_refunds, order_settlements, orders, retention, run_logs,
    run_progress, schema_floor, shadow_effects, shadow_runs, shop_cursors, tier_decisions, tier_notices, tiers_held,
    tool_calls, warnings, workers to tradeup_cli;
grant insert on alert_notices, audit_log, delivery_wakes, push_wakes, shadow_bookings to tradeup_cli;
grant select, delete on sessions to tradeup_cli;
grant select, insert on debt_entries, fire_decisions, hold_parts, imported_credits, ledger_entries, merges,
    operations, rules, tiers, trade_in_moves, trade_in_prices to tradeup_cli;
grant select, update on agent_limits, attempts, batches to tradeup_cli;
grant select, insert, delete on database_marks to tradeup_cli;
grant select, insert on restores to tradeup_cli;
grant select, insert, update on agent_settings, holds, mail_templates, memberships, pushes, runs, tier_amounts,
    tier_rates, tier_thresholds, tier_windows to tradeup_cli;
grant select, insert, update, delete on limits, outbox, pauses, schedules, suppressions to tradeup_cli;
grant select, insert, update (balance_minor, debt_minor) on accounts to tradeup_cli;
grant select, update (enabled, looked_at, threshold) on alert_rules to tradeup_cli;
grant select, update (acknowledged_at, acknowledged_by, resolved_at) on alerts to tradeup_cli;
grant select, insert, update (revoked_at, revoked_by) on api_tokens to tradeup_cli;
grant select, update (ended_at, leased_until, state) on bulk_acts to tradeup_cli;
grant select, insert, update (ended_at, state, stop_reason, stopped_by) on campaigns to tradeup_cli;
grant select, insert, update (ended_at, imported, lines, refused, unchanged) on credit_imports to tradeup_cli;
grant select, update (resolution, resolved_at, resolved_by) on dead_letters to tradeup_cli;
grant select, insert, update (due_at, ended_at, error, leased_until, state, tries) on deliveries to tradeup_cli;
grant select, update (ended_at, resolved_by, state) on digests to tradeup_cli;
grant select, insert, update (disabled_at, disabled_because, events, failing_since, failures, state) on endpoints to
    tradeup_cli;
grant select, insert, update (held_minor, remaining_minor) on lots to tradeup_cli;
grant select, insert, update (accepts_email_marketing, email, first_name, last_name, merged_at, merged_into, phone,
    updated_at) on members to tradeup_cli;
grant select, update (changed_at, from_at, member_id, unbroken_until_at, until_at) on membership_purchases to
    tradeup_cli;
grant select, update (decided_at, decided_by, reason, state) on plan_items to tradeup_cli;
grant select, update (state) on plans to tradeup_cli;
grant select, update (done_at, done_by, evidence, state) on privacy_requests to tradeup_cli;
grant select, delete on privacy_due to tradeup_cli;
grant select, insert, update (access_expires_at, access_key_id, access_token, connected_at, domain, error, error_code,
    generation, refresh_expires_at, refresh_key_id, refresh_token, renewing_until, state) on shops to tradeup_cli;
grant select, insert, update (installed_at, live_since, locale, name, reply_to, shadow_since, shop_domain, shop_url,
    state, suspended_at, tier_reviews_imports, tier_undoes, uninstalled_at, wallet, warns) on tenants to tradeup_cli;
grant select, update (bonus_minor, by_hand, cash_minor, lines, moved_at, quoted_at, state, valid_until) on trade_ins
    to tradeup_cli;
grant select, insert, update (revoked_at) on user_tokens to tradeup_cli;
grant select, insert, update (disabled_at, oidc, oidc_issuer, oidc_subject, password_hash, role, tenant_id) on users
    to tradeup_cli;
grant select, update (repair, repaired_at, repaired_by) on wallet_differences to tradeup_cli;

-- For tests, and for trying things out with one URL: what any of the others may.
do $$
declare
    privilege text;
    object text;
begin
    for privilege, object in
        select distinct g.privilege_type, c.oid::regclass::text
        from pg_class c cross join lateral aclexplode(c.relacl) g
        where c.relnamespace = 'public'::regnamespace and g.grantee::regrole::text in ('tradeup_services',
            'tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks', 'tradeup_agents', 'tradeup_console', 'tradeup_cli')
        union
        select distinct format('%s (%I)', g.privilege_type, a.attname), c.oid::regclass::text
        from pg_class c join pg_attribute a on a.attrelid = c.oid cross join lateral aclexplode(a.attacl) g
        where c.relnamespace = 'public'::regnamespace and g.grantee::regrole::text in ('tradeup_services',
            'tradeup_scheduler', 'tradeup_credits', 'tradeup_webhooks', 'tradeup_agents', 'tradeup_console', 'tradeup_cli')
    loop
        execute format('grant %s on %s to tradeup_app', privilege, object);
    end loop;
end
$$;
