-- What is done with all runs that a list is narrowed to: worked off in chunks by a console, with its progress.
create table bulk_acts (
    id uuid primary key,
    act text not null check (act in ('retry', 'cancel')),
    -- What the list was narrowed by, as its address had it.
    filter jsonb not null check (jsonb_typeof(filter) = 'object'),
    asked_by text not null check (asked_by <> ''),
    reason text not null check (reason <> ''),
    -- Runs that matched when it was asked for. Those made later are not meant.
    total bigint not null check (total > 0),
    created_at timestamptz not null default clock_timestamp(),
    -- The last run that it came to; newer ones come first.
    reached uuid,
    -- Runs that it came to, and runs that it changed, those below included.
    seen bigint not null default 0 check (seen >= 0),
    changed bigint not null default 0 check (changed >= 0),
    state text not null default 'running' check (state in ('running', 'stopped', 'done')),
    -- Why the last chunk was not done; it is tried again.
    error text,
    -- A console works on it until then.
    leased_until timestamptz,
    ended_at timestamptz,
    check ((ended_at is not null) = (state <> 'running'))
);
create index bulk_acts_running on bulk_acts (id) where state = 'running';
grant select, insert, update, delete on bulk_acts to tradeup_app;

-- Members and orders by what their shops call them, whichever shop has them. Row security stays as it is: each shop is
-- asked for its own, by its unique index. So it is for a person who looks, and for so many shops at most.
create function find_in_shops(wanted text, shops_max integer, found_max bigint)
    returns table (tenant_handle text, kind text, external_id text)
    language plpgsql as $$
declare
    tenant record;
    before text := current_setting('app.tenant_id', true);
    found bigint := 0;
    more bigint;
begin
    for tenant in select t.id, t.handle from tenants t order by t.id limit shops_max loop
        perform set_config('app.tenant_id', tenant.id::text, true);
        return query
            select tenant.handle, 'member', m.external_id from members m
            where m.tenant_id = tenant.id and m.external_id = wanted
            union all
            select tenant.handle, 'order', o.external_id from orders o
            where o.tenant_id = tenant.id and o.external_id = wanted;
        get diagnostics more = row_count;
        found := found + more;
        exit when found >= found_max;
    end loop;
    perform set_config('app.tenant_id', coalesce(before, ''), true);
end
$$;
grant execute on function find_in_shops to tradeup_app;
