-- Holds: credit that a checkout has authorised and may capture until a certain instant. And what two members
-- becoming one leaves behind.

create table holds (
    tenant_id bigint not null,
    -- Also that of the spend which a capture makes of it.
    key text not null check (key <> ''),
    -- The system that asked, and what it calls the hold.
    source text not null check (source <> ''),
    reference text not null check (reference <> ''),
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null check (amount_minor > 0),
    -- For how long it was asked.
    valid_seconds integer not null check (valid_seconds between 1 and 604800),
    reason text check (reason <> ''),
    -- Who asked: a person, a system.
    actor text not null check (actor <> ''),
    authorised_at timestamptz not null,
    -- From then on it holds nothing, also while it still says `authorised`: whoever locks the account next
    -- books that.
    capture_until timestamptz not null,
    state text not null default 'authorised' check (state in ('authorised', 'captured', 'released', 'expired')),
    captured_minor bigint check (captured_minor between 1 and amount_minor),
    -- The spend that was made of it.
    operation text check (operation = key),
    -- When it ended, by the clock then, by whom and why.
    ended_at timestamptz,
    ended_by text check (ended_by <> ''),
    end_reason text check (end_reason <> ''),
    primary key (tenant_id, key),
    foreign key (tenant_id, member_id, currency) references accounts (tenant_id, member_id, currency),
    foreign key (tenant_id, operation) references operations (tenant_id, key),
    check (capture_until > authorised_at),
    check ((state = 'authorised') = (ended_at is null)),
    check ((state = 'captured') = (captured_minor is not null)),
    check ((state = 'captured') = (operation is not null))
) with (fillfactor = 80);
create index holds_open on holds (tenant_id, member_id, currency) where state = 'authorised';
create index holds_of_member on holds (tenant_id, member_id, authorised_at);

-- Which lots would pay it, in the order of use. A lot's held_minor is the sum of its parts of open holds.
create table hold_parts (
    tenant_id bigint not null,
    hold_key text not null,
    seq smallint not null check (seq > 0),
    lot_id uuid not null,
    member_id uuid not null,
    currency text not null,
    amount_minor bigint not null check (amount_minor > 0),
    primary key (tenant_id, hold_key, seq),
    unique (tenant_id, hold_key, lot_id),
    foreign key (tenant_id, hold_key) references holds (tenant_id, key),
    foreign key (tenant_id, lot_id, member_id, currency)
        references lots (tenant_id, id, member_id, currency)
);
create index hold_parts_of_lot on hold_parts (tenant_id, lot_id);
create trigger hold_parts_append_only before update or delete or truncate on hold_parts
    for each statement execute function refuse_change();

-- What of a lot is held at an instant: holds whose time is over do not count, booked or not.
create function held_by_holds(of_tenant bigint, of_lot uuid, at timestamptz) returns bigint
    language sql stable parallel safe
begin atomic
    select coalesce(sum(p.amount_minor), 0)::bigint
    from hold_parts p
    join holds h on h.tenant_id = p.tenant_id and h.key = p.hold_key
    where p.tenant_id = of_tenant and p.lot_id = of_lot and h.state = 'authorised' and h.capture_until > at;
end;

-- The same for a lot of which it is known how much is noted as held: most have nothing to be looked up.
create function held_at(held_minor bigint, of_tenant bigint, of_lot uuid, at timestamptz) returns bigint
    language sql stable parallel safe
    return case when held_minor = 0 then 0 else held_by_holds(of_tenant, of_lot, at) end;

-- Which member has become a part of which other, and who said so.
create table merges (
    tenant_id bigint not null,
    key text not null check (key <> ''),
    old_member_id uuid not null,
    kept_member_id uuid not null,
    reason text check (reason <> ''),
    actor text not null check (actor <> ''),
    run_id uuid,
    -- Lots that have moved.
    lots integer not null check (lots >= 0),
    merged_at timestamptz not null,
    primary key (tenant_id, key),
    -- A member becomes a part of another once.
    unique (tenant_id, old_member_id),
    foreign key (tenant_id, old_member_id) references members (tenant_id, id),
    foreign key (tenant_id, kept_member_id) references members (tenant_id, id),
    check (old_member_id <> kept_member_id)
);
create trigger merges_append_only before update or delete or truncate on merges
    for each statement execute function refuse_change();

-- The lot of another member that this one goes on from.
alter table lots add column transferred_from uuid;
alter table lots add check ((transferred_from is not null) = (reason = 'transferred'));
create index lots_transferred on lots (tenant_id, transferred_from) where transferred_from is not null;

-- The lots that an order has earned, with those that went on from them when its member became a part of
-- another. `lot` counts the order's own, `step` how often each has moved.
create function order_lots(of_tenant bigint, of_order text) returns table (lot integer, step integer, lot_id uuid)
    language sql stable parallel safe
begin atomic
    with recursive earned as (
        select s.lot, 0 as step, e.lot_id
        from order_settlements s
        join ledger_entries e on e.tenant_id = of_tenant and e.operation = s.operation and e.kind = 'grant'
        where s.tenant_id = of_tenant and s.order_external_id = of_order and s.lot is not null
        union all
        select earned.lot, earned.step + 1, l.id
        from earned
        join lots l on l.tenant_id = of_tenant and l.transferred_from = earned.lot_id
    )
    select lot, step, lot_id from earned;
end;

-- What a lot was granted for, in words, if it came from another member.
create function lot_origin(of_tenant bigint, of_lot uuid) returns text
    language sql stable parallel safe
begin atomic
    with recursive before as (
        select l.id, l.transferred_from, l.reason, l.source_key, l.member_id, 0 as step
        from lots l where l.tenant_id = of_tenant and l.id = of_lot
        union all
        select l.id, l.transferred_from, l.reason, l.source_key, l.member_id, before.step + 1
        from before
        join lots l on l.tenant_id = of_tenant and l.id = before.transferred_from
    )
    select format('%s %s of customer %s', before.reason, before.source_key, m.external_id)
    from before
    join members m on m.tenant_id = of_tenant and m.id = before.member_id
    where before.step > 0
    order by before.step desc
    limit 1;
end;

do $$
declare
    name text;
begin
    foreach name in array array['holds', 'hold_parts', 'merges'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on holds to tradeup_app;
grant select, insert on hold_parts, merges to tradeup_app;
grant execute on function held_by_holds, held_at, order_lots, lot_origin to tradeup_app;
