-- A shop moves here from another system: what that one has credited already is brought over and never credited again, and
-- until then this one can run in its shadow, where everything is reckoned and nothing is booked (decision 0027).

alter table operations
    drop constraint operations_kind_check,
    add constraint operations_kind_check check (kind in ('spend', 'spend_revert', 'adjust', 'settle', 'merge', 'grant',
        'import'));

alter table tenants
    -- In shadow since then; null: what is decided is done.
    add column shadow_since timestamptz,
    -- The cut-over: what was due before it was the other system's. Null: there was no other.
    add column live_since timestamptz,
    -- A shop that is told of nothing can't be told of what is only reckoned.
    add constraint tenants_shadow_has_no_wallet check (shadow_since is null or wallet = 'none');

-- Each import of a period's credits, with what became of its lines.
create table credit_imports (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    -- Calendar month, `YYYY-MM`; null for what has none: opening balances.
    period text check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    lines bigint not null default 0 check (lines >= 0),
    imported bigint not null default 0 check (imported >= 0),
    -- Lines that an earlier import had brought over.
    unchanged bigint not null default 0 check (unchanged >= 0),
    refused bigint not null default 0 check (refused >= 0),
    imported_by text not null check (imported_by <> ''),
    begun_at timestamptz not null default clock_timestamp(),
    -- Null: broken off. Running it again goes on.
    ended_at timestamptz,
    primary key (tenant_id, id),
    check (imported + unchanged + refused <= lines)
);
create index credit_imports_of_period on credit_imports (tenant_id, period) where ended_at is not null and refused = 0;

-- One for each credit of the other system. The lot takes the place that a credit of ours would take: the same unique key.
create table imported_credits (
    tenant_id bigint not null,
    -- What the other system calls the credit.
    external_id text not null check (external_id <> ''),
    import_id uuid not null,
    member_id uuid not null,
    reason text not null check (reason in ('monthly', 'opening')),
    period text check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    lot_id uuid not null,
    currency text not null,
    amount_minor bigint not null check (amount_minor > 0),
    -- What of it can be spent here; 0 where its balance is kept elsewhere.
    left_minor bigint not null check (left_minor between 0 and amount_minor),
    imported_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, external_id),
    foreign key (tenant_id, import_id) references credit_imports (tenant_id, id),
    foreign key (tenant_id, lot_id, member_id, currency) references lots (tenant_id, id, member_id, currency),
    check ((reason = 'monthly') = (period is not null))
);
create unique index imported_credits_of_lot on imported_credits (tenant_id, lot_id);
create index imported_credits_of_period on imported_credits (tenant_id, period, member_id) where reason = 'monthly';

-- Runs of a shop that were planned in shadow: all below them reckons and books nothing, however late it is executed.
create table shadow_runs (
    tenant_id bigint not null references tenants (id),
    run_id uuid not null,
    task text not null,
    key text not null,
    planned_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, run_id)
);

-- What would have been done: one row for each credit, end and mail.
create table shadow_effects (
    tenant_id bigint not null,
    kind text not null check (kind in ('grant', 'expire', 'warning')),
    -- A grant's period; the lot of an end or of a warning.
    key text not null check (key <> ''),
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null check (amount_minor > 0),
    effective_at timestamptz not null,
    -- The batch's run that would have done it.
    run_id uuid not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, kind, key, member_id),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
);
create index shadow_effects_by_time on shadow_effects (tenant_id, kind, effective_at);

-- A transaction that has booked for a shop in shadow leaves a row here, and with one it can't commit. What is rolled back
-- to a savepoint takes its row along: that is how an effect can be reckoned by the very statements that would book it.
create table shadow_bookings (
    id bigint generated always as identity primary key
);

do $$
declare
    name text;
begin
    foreach name in array array['credit_imports', 'imported_credits', 'shadow_runs', 'shadow_effects'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on credit_imports to tradeup_app;
grant select, insert on imported_credits, shadow_runs, shadow_effects to tradeup_app;
grant insert on shadow_bookings to tradeup_app;

create function refuse_in_shadow() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'TU310',
        message = 'the shop is in shadow: nothing is booked, mailed or told until its cut-over';
end
$$;
create constraint trigger shadow_bookings_refused after insert on shadow_bookings
    deferrable initially deferred for each row execute function refuse_in_shadow();

-- One look at the shop for each statement, whatever its rows: a shop that is not in shadow pays for no more.
create function note_booking_in_shadow() returns trigger language plpgsql as $$
begin
    if exists (select from tenants where id = app_tenant_id() and shadow_since is not null)
        -- What is brought over is the one thing that is booked before the cut-over.
        and exists (
            select from booked b
            left join operations o on o.tenant_id = b.tenant_id and o.key = b.operation
            where o.kind is distinct from 'import')
    then
        insert into shadow_bookings default values;
    end if;
    return null;
end
$$;
create trigger ledger_entries_not_in_shadow after insert on ledger_entries
    referencing new table as booked for each statement execute function note_booking_in_shadow();
create trigger debt_entries_not_in_shadow after insert on debt_entries
    referencing new table as booked for each statement execute function note_booking_in_shadow();

-- The same of mails to members, and of what is told to a shop's own systems.
create function note_writing_in_shadow() returns trigger language plpgsql as $$
begin
    if exists (select from tenants where id = app_tenant_id() and shadow_since is not null) then
        insert into shadow_bookings default values;
    end if;
    return null;
end
$$;
create trigger digests_not_in_shadow after insert on digests
    for each statement execute function note_writing_in_shadow();
-- One that was written before, too.
create function refuse_sending_in_shadow() returns trigger language plpgsql as $$
begin
    if exists (select from tenants where id = new.tenant_id and shadow_since is not null) then
        raise exception using errcode = 'TU310',
            message = 'the shop is in shadow: nothing is booked, mailed or told until its cut-over';
    end if;
    return new;
end
$$;
create trigger digests_not_sent_in_shadow before update on digests
    for each row when (new.state = 'sending' and old.state is distinct from 'sending')
    execute function refuse_sending_in_shadow();

-- Endpoints of a shop in shadow are told of nothing but tests.
create or replace function endpoint_listens(to_event text) returns boolean language sql stable
    return exists (
        select from endpoints e join tenants t on t.id = e.tenant_id
        where e.tenant_id = app_tenant_id() and e.state = 'active' and to_event = any (e.events)
            and t.shadow_since is null);

create or replace function tell_of_issued() returns trigger language plpgsql as $$
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
        -- Nor is what another system has issued ours to tell.
        and not exists (select from imported_credits i where i.tenant_id = l.tenant_id and i.lot_id = l.id)
    order by l.id
    on conflict do nothing;
    return null;
end
$$;
