-- Outgoing webhooks: shops' own endpoints, and what each of them is told (decision 0015).

create table endpoints (
    tenant_id bigint not null references tenants (id),
    -- Its secret is made of it, and of a key that is not here.
    id uuid not null,
    url text not null check (url ~ '^https?://' and length(url) <= 2048),
    -- What it is told.
    events text[] not null check (cardinality(events) > 0),
    -- disabled: after long failure, or by a person. removed: for good.
    state text not null default 'active' check (state in ('active', 'disabled', 'removed')),
    disabled_because text,
    disabled_at timestamptz,
    -- Since when every delivery has failed.
    failing_since timestamptz,
    created_by text not null check (created_by <> ''),
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    check ((state = 'active') = (disabled_because is null) and (disabled_because is null) = (disabled_at is null))
);
create unique index endpoints_of_url on endpoints (tenant_id, url) where state <> 'removed';

create table deliveries (
    tenant_id bigint not null,
    -- The message's id on the wire: the same however often it is sent.
    id uuid not null,
    endpoint_id uuid not null,
    event text not null check (event <> ''),
    -- What makes it one for its endpoint and event.
    source_key text not null check (source_key <> ''),
    happened_at timestamptz not null,
    -- Ids, amounts and instants; nothing else about a person than the shop's own id of the customer.
    data jsonb not null,
    -- failed: given up. dropped: its endpoint is gone.
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'dropped')),
    -- When it is to be sent; a sender has it until leased_until.
    due_at timestamptz not null default clock_timestamp(),
    leased_until timestamptz,
    -- Tries since it was last begun, and of all time.
    tries integer not null default 0 check (tries >= 0),
    sends integer not null default 0 check (sends >= tries),
    -- What came of the last one.
    tried_at timestamptz,
    took_ms integer,
    status smallint,
    error text,
    ended_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, endpoint_id, event, source_key),
    foreign key (tenant_id, endpoint_id) references endpoints (tenant_id, id),
    check ((state = 'pending') = (ended_at is null))
) with (fillfactor = 80);
create index deliveries_due on deliveries (tenant_id, due_at) where state = 'pending';
create index deliveries_undone on deliveries (tenant_id, id) where state in ('pending', 'failed');
create index deliveries_ended on deliveries (tenant_id, ended_at) where ended_at is not null;

-- A tenant has something to send then. The engine's own; only appended to, so that nobody waits for anybody.
create table delivery_wakes (
    id bigint generated always as identity primary key,
    tenant_id bigint not null references tenants (id),
    due_at timestamptz not null default now()
);
create index delivery_wakes_due on delivery_wakes (due_at);

do $$
declare
    name text;
begin
    foreach name in array array['endpoints', 'deliveries'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, update on %I to tradeup_app', name);
    end loop;
end
$$;
grant delete on deliveries to tradeup_app;
grant select, insert, update, delete on delivery_wakes to tradeup_app;

-- Whether any endpoint of the session's tenant is told of an event. Nearly always not.
create function endpoint_listens(to_event text) returns boolean language sql stable
    return exists (
        select from endpoints
        where tenant_id = app_tenant_id() and state = 'active' and to_event = any (events));
grant execute on function endpoint_listens to tradeup_app;

-- Whoever writes deliveries, somebody sends them.
create function wake_for_deliveries() returns trigger language plpgsql as $$
begin
    insert into delivery_wakes (tenant_id) select distinct tenant_id from written;
    return null;
end
$$;
create trigger deliveries_wake after insert on deliveries
    referencing new table as written for each statement execute function wake_for_deliveries();

-- Whatever grants credit, ends it or warns of its end, the shop's endpoints are told, in the same transaction.
create function tell_of_issued() returns trigger language plpgsql as $$
begin
    if not endpoint_listens('credit.issued') then
        return null;
    end if;
    insert into deliveries (tenant_id, id, endpoint_id, event, source_key, happened_at, data)
    select l.tenant_id, gen_random_uuid(), e.id, 'credit.issued', l.id::text, l.created_at,
        jsonb_build_object('credit_id', l.id, 'member_external_id', m.external_id, 'amount_minor', l.granted_minor,
            'currency', l.currency, 'reason', l.reason, 'value_class', l.value_class,
            'available_at', l.available_at, 'expires_at', l.expires_at)
    from granted l
    join members m on m.tenant_id = l.tenant_id and m.id = l.member_id
    join endpoints e on e.tenant_id = l.tenant_id and e.state = 'active' and 'credit.issued' = any (e.events)
    -- What goes on with another member was issued before.
    where l.transferred_from is null
    order by l.id
    on conflict do nothing;
    return null;
end
$$;
create trigger lots_told after insert on lots
    referencing new table as granted for each statement execute function tell_of_issued();

create function tell_of_expired() returns trigger language plpgsql as $$
begin
    if not exists (select from entered where kind = 'expire') or not endpoint_listens('credit.expired') then
        return null;
    end if;
    insert into deliveries (tenant_id, id, endpoint_id, event, source_key, happened_at, data)
    select n.tenant_id, gen_random_uuid(), e.id, 'credit.expired', n.id::text, n.effective_at,
        jsonb_build_object('credit_id', n.lot_id, 'member_external_id', m.external_id, 'amount_minor',
            -n.amount_minor, 'currency', n.currency, 'expired_at', n.effective_at)
    from entered n
    join members m on m.tenant_id = n.tenant_id and m.id = n.member_id
    join endpoints e on e.tenant_id = n.tenant_id and e.state = 'active' and 'credit.expired' = any (e.events)
    where n.kind = 'expire'
    order by n.id
    on conflict do nothing;
    return null;
end
$$;
create trigger ledger_entries_told after insert on ledger_entries
    referencing new table as entered for each statement execute function tell_of_expired();

create function tell_of_expiring() returns trigger language plpgsql as $$
begin
    if not endpoint_listens('credit.expiring') then
        return null;
    end if;
    -- One for each member and currency: what is warned of together is told of together.
    with ending as (
        select w.tenant_id, m.external_id, w.currency, sum(w.amount_minor)::bigint as total_minor,
            jsonb_agg(jsonb_build_object('credit_id', w.lot_id, 'amount_minor', w.amount_minor, 'ends_at', w.expires_at)
                order by w.expires_at, w.lot_id) as credits,
            encode(sha256(convert_to(string_agg(w.lot_id::text || extract(epoch from w.expires_at)::text, ' '
                order by w.lot_id, w.expires_at), 'UTF8')), 'hex') as source_key
        from warned w
        join members m on m.tenant_id = w.tenant_id and m.id = w.member_id
        group by w.tenant_id, m.external_id, w.currency
    )
    insert into deliveries (tenant_id, id, endpoint_id, event, source_key, happened_at, data)
    select w.tenant_id, gen_random_uuid(), e.id, 'credit.expiring', w.source_key, clock_timestamp(),
        jsonb_build_object('member_external_id', w.external_id, 'currency', w.currency, 'total_minor',
            w.total_minor, 'credits', w.credits)
    from ending w
    join endpoints e on e.tenant_id = w.tenant_id and e.state = 'active' and 'credit.expiring' = any (e.events)
    order by w.external_id, w.currency
    on conflict do nothing;
    return null;
end
$$;
create trigger warnings_told after insert on warnings
    referencing new table as warned for each statement execute function tell_of_expiring();
