-- Makes an empty database look to the planner like a large installation: how many rows each table has, how many pages,
-- what is in its columns. Nothing is written: pages are holes of files, and statistics are restored as pg_upgrade does.
-- A hundred thousand shops, of which number 42 has a twentieth of everything.

create temporary table sizes (name text primary key, row_count bigint not null, bytes integer not null);
insert into sizes values
    -- The ledger, and whom it is about.
    ('tenants', 100000, 300), ('members', 20000000, 250), ('memberships', 22000000, 100), ('accounts', 20000000, 90),
    ('lots', 60000000, 250), ('ledger_entries', 100000000, 200), ('operations', 20000000, 250),
    ('debt_entries', 1000000, 200), ('member_failures', 100000, 150), ('merges', 200000, 200),
    ('holds', 5000000, 250), ('hold_parts', 7000000, 120), ('wallet_differences', 100000, 200),
    ('tiers', 300000, 100), ('tier_amounts', 400000, 80), ('tier_rates', 400000, 80), ('tier_thresholds', 400000, 80),
    ('tier_windows', 120000, 60), ('tier_decisions', 10000000, 250), ('tier_notices', 2000000, 200),
    ('membership_purchases', 500000, 200), ('rules', 300000, 500),
    -- Runs of four hundred days.
    ('runs', 10000000, 600), ('attempts', 11000000, 200), ('batches', 5000000, 180), ('batch_plans', 200000, 200),
    ('outbox', 20000, 300), ('dead_letters', 100000, 900), ('run_logs_default', 0, 300), ('run_progress', 500000, 120),
    ('run_checkpoints', 500000, 500), ('fire_decisions', 1000000, 200), ('schedules', 100000, 300),
    -- What was heard and told.
    ('events', 50000000, 400), ('unclaimed_events', 20000, 800), ('orders', 40000000, 400),
    ('order_payments', 40000000, 120), ('order_refunds', 4000000, 200), ('order_settlements', 45000000, 300),
    ('deliveries', 10000000, 700), ('delivery_tries', 12000000, 150), ('delivery_wakes', 5000, 60),
    ('pushes', 60000000, 400), ('push_wakes', 5000, 60), ('shop_accounts', 20000000, 120),
    ('shop_bookings', 20000000, 200), ('shop_cursors', 300000, 100), ('warnings', 40000000, 200),
    ('digests', 30000000, 300), ('suppressions', 1000000, 120), ('mail_templates', 200000, 3000),
    ('privacy_requests', 100000, 300), ('privacy_due', 2000, 60), ('restores', 5, 60), ('trade_ins', 2000000, 600), ('trade_in_moves', 8000000, 250),
    ('trade_in_prices', 2000000, 150), ('shops', 100000, 500), ('endpoints', 200000, 400), ('api_tokens', 200000, 200),
    ('credit_imports', 100000, 200), ('imported_credits', 10000000, 200), ('shadow_runs', 200000, 200),
    ('shadow_effects', 5000000, 200), ('shadow_bookings', 100, 40),
    -- Agents and campaigns.
    ('agent_runs', 1000000, 300), ('agent_turns', 10000000, 1500), ('agent_notes', 2000000, 500),
    ('agent_aliases', 10000000, 100), ('agent_facts', 10000000, 300), ('agent_settings', 100000, 200),
    ('tool_calls', 10000000, 1000), ('model_attempts', 11000000, 300), ('model_spend', 2000000, 60),
    ('model_purses', 400000, 100),
    ('plans', 900000, 500), ('plan_items', 5000000, 700), ('kpi_follow_ups', 1000000, 400), ('campaigns', 500000, 800),
    ('campaign_members', 50000000, 120), ('campaign_lots', 30000000, 100), ('campaign_results', 1000000, 300),
    ('member_snapshots', 40000000, 300), ('snapshots', 200000, 200), ('snapshot_cells', 20000000, 100),
    ('snapshot_groups', 30000000, 150), ('liability_marks', 5000000, 60),
    -- The console, its people, and what holds runs back.
    ('audit_log', 5000000, 400), ('api_calls', 1000000, 400), ('bulk_acts', 5000, 400), ('alerts', 100000, 400),
    ('alert_notices', 100000, 300), ('users', 20000, 200), ('sessions', 100000, 120), ('user_tokens', 20000, 200),
    ('sign_in_attempts', 1000, 200), ('sign_in_failures', 20000, 80), ('limits', 20000, 80), ('limit_usage', 200000, 60),
    ('limit_slots', 5000, 60), ('breakers', 20000, 100), ('pauses', 1000, 150), ('database_marks', 1000, 40),
    ('workers', 1000, 200),
    -- A handful for ever.
    ('_sqlx_migrations', 50, 200), ('agent_limits', 1, 60), ('alert_channels', 5, 200), ('alert_rules', 20, 200),
    ('model_spend_days', 400, 40), ('retention', 1, 40), ('schema_floor', 1, 60);

-- The parts of an index that is not of all rows: how many it has, where it is not one in a hundred.
create temporary table parts (name text primary key, row_count bigint not null);
insert into parts values
    -- Of what is under way.
    ('runs_unfinished', 20000), ('batches_planned', 200000), ('outbox_held', 5000), ('deliveries_due', 20000),
    ('pushes_due', 100000), ('pushes_under_way', 2000), ('holds_open', 20000), ('bulk_acts_running', 5),
    -- Of nearly all.
    ('runs_ended', 9970000), ('runs_children', 9000000), ('runs_of_root', 9000000), ('batches_run', 4800000),
    ('lots_ending', 30000000), ('memberships_open', 20000000), ('ledger_entries_of_operation', 40000000),
    ('members_by_email', 18000000), ('events_of_customer', 40000000), ('events_of_resource', 50000000),
    ('events_runs', 45000000), ('events_of_action', 5000000), ('orders_of_customer', 38000000),
    ('orders_of_member', 35000000), ('deliveries_ended', 9900000), ('digests_of_day', 25000000),
    ('digests_of_campaign', 5000000), ('fire_decisions_runs', 900000), ('imported_credits_of_period', 9000000),
    ('pushes_of_run', 50000000), ('pushes_transaction', 55000000), ('warnings_of_digest', 35000000),
    ('agent_runs_began', 100000), ('runs_roots', 1000000), ('runs_ended_badly', 200000), ('runs_tagged', 100000), ('runs_of_error', 250000),
    ('runs_wished_for', 200000);

-- Columns of which there are few values, or of which many are empty.
create temporary table habits (column_name text primary key, values_n real, nulls real);
insert into habits values
    ('task', 60, 0), ('dependency', 8, 0), ('currency', 5, 0), ('build', 50, 0), ('worker', 1000, 0), ('code', 30, 0),
    ('fingerprint', 200, 0), ('actor', 5000, 0), ('topic', 30, 0), ('source', 5, 0), ('event', 10, 0), ('event_type', 30, 0),
    ('kind', 8, 0), ('zone', 300, 0), ('locale', 30, 0.5), ('error', -0.5, 0.98), ('error_code', 30, 0.98),
    ('merged_into', -0.5, 0.99), ('of_key', -0.5, 0.99), ('finished_at', -0.5, 0.003), ('parent_id', 200000, 0.1),
    ('parent_run_id', 200000, 0), ('root_id', 1000000, 0), ('member_id', 20000000, 0), ('run_id', -0.3, 0.1),
    ('lot_id', -0.6, 0), ('tier_id', 300000, 0), ('campaign_id', 500000, 0.1), ('snapshot_id', 200000, 0),
    ('valid_to', -0.1, 0.9), ('ended_at', -0.5, 0.02), ('resolution', 2, 0.2), ('transferred_from', -0.5, 0.99),
    ('schedule_id', 100000, 0), ('period', 48, 0), ('agent', 5, 0), ('held_by', 4, 0.75);

-- Somebody has to say how large a new table gets.
create temporary view unsized as
    select c.relname::text as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname !~ '^run_logs_[0-9]{8}$'
        and not exists (select from sizes s where s.name = c.relname);

create temporary view large as
    select c.oid, c.relname::text as name, c.oid as table_oid, s.row_count,
        greatest(1, ceil(s.row_count * s.bytes / 8000.0))::bigint as pages
    from pg_class c join sizes s on s.name = c.relname
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    union all
    select i.indexrelid, c.relname, i.indrelid, n.row_count,
        greatest(2, ceil(n.row_count * (16 + 12.0 * i.indnatts) / 6000.0))::bigint
    from pg_index i
    join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
    join pg_class t on t.oid = i.indrelid and t.relkind = 'r' and t.relnamespace = 'public'::regnamespace
    join sizes s on s.name = t.relname
    left join parts p on p.name = c.relname
    cross join lateral (
        select coalesce(p.row_count, case when i.indpred is null then s.row_count else s.row_count / 100 end) as row_count) n;

-- Ids and times of the last four hundred days.
create function pg_temp.id_at(day integer) returns uuid language sql stable as $$
    select (lpad(to_hex((extract(epoch from now() + make_interval(days => day)) * 1000)::bigint), 12, '0')
        || '7000' || '8000' || '000000000000')::uuid $$;

select pg_restore_relation_stats('schemaname', 'public', 'relname', name, 'relpages', pages::integer,
    'reltuples', row_count::real, 'relallvisible', (pages * 0.9)::integer)
from large;

do $$
declare
    it record;
    listed text[];
    share real;
    -- From aa to zz.
    words text := (select array_agg(a || b order by a || b) from unnest(string_to_array('abcdefghijklmnopqrstuvwxyz', null)) a,
        unnest(string_to_array('abcdefghijklmnopqrstuvwxyz', null)) b)::text;
begin
    for it in
        select l.name, l.row_count, a.attname::text as col, a.atttypid::regtype::text as type, a.attnotnull,
            h.values_n, h.nulls, a.attlen,
            exists (select from pg_index i where i.indrelid = l.oid and i.indisunique and i.indpred is null
                and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as is_key,
            (select pg_get_constraintdef(c.oid) from pg_constraint c
             where c.conrelid = l.oid and c.contype = 'c' and c.conkey = array[a.attnum]
                and pg_get_constraintdef(c.oid) ~ ('^CHECK \(\(' || a.attname || ' = ANY') limit 1) as allowed
        from large l join pg_attribute a on a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped
        left join habits h on h.column_name = a.attname
        where l.oid = l.table_oid and l.row_count > 0
    loop
        listed := array(select m[1] from regexp_matches(coalesce(it.allowed, ''), '''([^'']+)''', 'g') as m);
        if it.type = 'boolean' then
            listed := array['f', 't'];
        end if;
        if it.col = 'tenant_id' and not it.is_key then
            perform pg_restore_attribute_stats('schemaname', 'public', 'relname', it.name, 'attname', it.col,
                'inherited', false, 'null_frac', case when it.attnotnull then 0 else 0.05 end::real, 'avg_width', 8,
                'n_distinct', least(100000, it.row_count)::real, 'most_common_vals', '{42}',
                'most_common_freqs', array[0.05]::real[], 'correlation', 0.1::real);
        elsif cardinality(listed) > 1 and it.type in ('text', 'boolean') then
            -- The last that is named is where things end up.
            share := 0.1 / (cardinality(listed) - 1);
            perform pg_restore_attribute_stats('schemaname', 'public', 'relname', it.name, 'attname', it.col,
                'inherited', false, 'null_frac', case when it.attnotnull then 0 else coalesce(it.nulls, 0) end::real,
                'avg_width', 8, 'n_distinct', cardinality(listed)::real,
                'most_common_vals', listed::text,
                'most_common_freqs', (select array_agg((case when n = cardinality(listed) then 0.9 else share end
                    * (1 - case when it.attnotnull then 0 else coalesce(it.nulls, 0) end))::real order by n)
                    from generate_series(1, cardinality(listed)) n),
                'correlation', 0.1::real);
        else
            if it.type in ('uuid', 'timestamp with time zone') then
                perform pg_restore_attribute_stats('schemaname', 'public', 'relname', it.name, 'attname', it.col,
                    'inherited', false, 'null_frac', case when it.attnotnull then 0 else coalesce(it.nulls, 0.1) end::real,
                    'avg_width', greatest(it.attlen, 8)::integer,
                    'n_distinct', case when it.is_key then -1
                        when it.values_n > 0 then least(it.values_n, it.row_count) else coalesce(it.values_n, -0.5) end::real,
                    'histogram_bounds', case when it.type = 'uuid'
                        then (select array_agg(pg_temp.id_at(d))::text from generate_series(-400, 0, 20) d)
                        else (select array_agg(now() + make_interval(days => d))::text
                            from generate_series(-400, case when it.col ~ '^(ends|expires|due|valid_until|until)' then 200
                                else 0 end, 20) d) end,
                    'correlation', case when it.col in ('id', 'created_at', 'recorded_at', 'started_at') then 0.99 else 0 end::real);
            else
                perform pg_restore_attribute_stats('schemaname', 'public', 'relname', it.name, 'attname', it.col,
                    'inherited', false, 'null_frac', case when it.attnotnull then 0 else coalesce(it.nulls, 0.1) end::real,
                    'avg_width', case when it.attlen > 0 then it.attlen else 24 end::integer,
                    'n_distinct', case when it.is_key then -1
                        when it.values_n > 0 then least(it.values_n, it.row_count)
                        when it.values_n < 0 then it.values_n
                        when it.type in ('integer', 'bigint', 'smallint', 'date') then least(1000, it.row_count) else -0.5 end::real,
                    'histogram_bounds', case when it.type = 'text' and coalesce(it.values_n, -1) < 0 then words end,
                    'most_common_elems', case when it.type = 'text[]' then '{daily}' end,
                    'most_common_elem_freqs', case when it.type = 'text[]' then array[0.01, 0.00001, 0.01, 0]::real[] end,
                    'correlation', 0::real);
            end if;
        end if;
    end loop;
end
$$;

-- An index on an expression has columns of its own.
select pg_restore_attribute_stats('schemaname', 'public', 'relname', 'members_by_email', 'attname', 'lower',
    'inherited', false, 'null_frac', 0::real, 'avg_width', 24, 'n_distinct', -0.98::real);

-- The planner looks at how long the files are, and takes the density from the statistics.
copy (
    select format('truncate -s %s %s', least(pages - segment * 131072, 131072) * 8192,
        pg_relation_filepath(oid) || case segment when 0 then '' else '.' || segment end)
    from large cross join lateral generate_series(0, (pages - 1) / 131072) as segment
    order by oid, segment
) to program 'sh';
