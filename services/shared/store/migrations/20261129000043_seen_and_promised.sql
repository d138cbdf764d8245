-- A campaign of which something could not be done says so, and so does one whose run was cancelled: the run tells, so that
-- whoever replays it mends the campaign with it. What is done, or was stopped, stays so.
create function campaign_state(stored text, start_run uuid) returns text
    language sql stable parallel safe
    return case when stored in ('approved', 'running')
        then coalesce((select case r.state when 'dead' then 'failed' when 'cancelled' then 'cancelled' end
            from runs r where r.id = start_run), stored)
        else stored end;

-- Campaigns of one shop, or of all: the newest, newest first. Row security stays as it is: each shop is asked for its own.
create or replace function campaigns_of_shops(of_tenant text, in_state text, before_at timestamptz, before_id uuid,
    campaigns_max bigint)
    returns table (tenant_handle text, id uuid, run_id uuid, name text, kind text, segment text, state text,
        currency text, spent_minor bigint, cost_limit_minor bigint, approved_by text, approved_at timestamptz,
        measured_at timestamptz)
    language plpgsql as $$
#variable_conflict use_column
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    found jsonb := '[]';
    more jsonb;
begin
    for tenant in select t.id, t.handle from tenants t where of_tenant is null or t.handle = of_tenant loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        more := (select jsonb_agg(to_jsonb(c) || jsonb_build_object('tenant_handle', tenant.handle)) from (
            select c.id, c.run_id, c.name, c.kind, c.segment, campaign_state(c.state, c.start_run_id) as state, c.currency,
                c.spent_minor, c.cost_limit_minor, c.approved_by, c.approved_at, c.measured_at
            from campaigns c
            where c.tenant_id = tenant.id and (in_state is null or campaign_state(c.state, c.start_run_id) = in_state)
                and (before_at is null or (c.approved_at, c.id) < (before_at, before_id))
            order by c.approved_at desc, c.id desc limit campaigns_max) as c);
        continue when more is null;
        -- No more than asked for is held at a time.
        found := (select jsonb_agg(f order by (f ->> 'approved_at')::timestamptz desc, f ->> 'id' desc) from (
            select f from jsonb_array_elements(found || more) as f
            order by (f ->> 'approved_at')::timestamptz desc, f ->> 'id' desc limit campaigns_max) as f);
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
    return query select f.* from jsonb_to_recordset(found) as f (tenant_handle text, id uuid, run_id uuid, name text,
        kind text, segment text, state text, currency text, spent_minor bigint, cost_limit_minor bigint, approved_by text,
        approved_at timestamptz, measured_at timestamptz);
end
$$;

-- How much of its budgets each shop's agents have used in the day and month that they last worked in: two rows for each
-- shop, kept from model_spend, so that those with nearly nothing left are found without asking each shop. The engine's own
-- figure, as limit_usage is: no row of it says what a shop's money or members did.
create table model_purses (
    tenant_id bigint not null references tenants (id),
    span text not null check (span in ('day', 'month')),
    -- Of UTC, like `2026-11-29` or `2026-11`.
    period text not null,
    -- Spent, and reserved for calls under way.
    used_nano bigint not null,
    -- The shop's own; null: what all shops have.
    cap_nano bigint,
    -- What is used of the shop's own, in parts of a hundred; of nothing, all of it.
    percent bigint generated always as (
        case when cap_nano > 0 then least(floor(used_nano::numeric * 100 / cap_nano), 1000000)::bigint else 100 end) stored,
    primary key (tenant_id, span)
) with (fillfactor = 70);
create index model_purses_of_all on model_purses (span, period, used_nano) where cap_nano is null;
create index model_purses_own on model_purses (span, period, percent) where cap_nano is not null;

-- As its owner: who works for a shop has no business with this table.
create function keep_model_purse() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    before text := current_setting('app.tenant_id', true);
begin
    -- The owner, too, sees a shop's settings as that shop alone.
    perform set_config('app.tenant_id', new.tenant_id::text, true);
    insert into model_purses as purse (tenant_id, span, period, used_nano, cap_nano)
    select new.tenant_id, of.span, new.period, new.spent_nano + new.reserved_nano,
        (select case of.span when 'month' then s.month_cap_nano else s.day_cap_nano end
            from agent_settings s where s.tenant_id = new.tenant_id)
    from (select case when length(new.period) = 7 then 'month' else 'day' end as span) as of
    on conflict (tenant_id, span) do update
        set period = excluded.period, used_nano = excluded.used_nano, cap_nano = excluded.cap_nano
        -- What of an earlier day is settled late is not today's.
        where purse.period <= excluded.period;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
    return null;
end
$$;
create trigger model_spend_kept after insert or update on model_spend
    for each row execute function keep_model_purse();

create function keep_model_caps() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update model_purses set cap_nano = case span when 'month' then new.month_cap_nano else new.day_cap_nano end
    where tenant_id = new.tenant_id;
    return null;
end
$$;
create trigger agent_settings_kept after insert or update on agent_settings
    for each row execute function keep_model_caps();

-- What was spent so far, of each shop.
do $$
declare
    tenant record;
    now_utc text := to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD');
begin
    for tenant in select id from tenants loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        insert into model_purses (tenant_id, span, period, used_nano, cap_nano)
        select s.tenant_id, of.span, s.period, s.spent_nano + s.reserved_nano,
            case of.span when 'month' then own.month_cap_nano else own.day_cap_nano end
        from model_spend s
        cross join lateral (select case when length(s.period) = 7 then 'month' else 'day' end as span) as of
        left join agent_settings own on own.tenant_id = s.tenant_id
        where s.tenant_id = tenant.id and s.period in (now_utc, left(now_utc, 7))
        on conflict do nothing;
    end loop;
    perform set_config('app.tenant_id', '', true);
end
$$;

-- When we learnt of a membership is when it was written, not when its transaction began: an import may read its file for as
-- long as it likes before it writes. A month that is planned meanwhile has promised its members nothing.
alter table memberships alter column recorded_at set default clock_timestamp();

-- And what was written before a month is planned, its planning sees: it waits until those have ended who are writing
-- memberships, and they wait until it has ended (tiers::hold). Whoever writes goes on beside others who write.
create function write_memberships() returns trigger
    language plpgsql as $$
begin
    if app_tenant_id() is not null then
        perform pg_advisory_xact_lock_shared(hashtextextended('memberships', app_tenant_id()));
    end if;
    return null;
end
$$;
create trigger memberships_written before insert on memberships
    for each statement execute function write_memberships();
