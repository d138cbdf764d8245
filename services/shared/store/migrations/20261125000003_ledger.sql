-- Money. An account is a member's purse in one currency; a lot is one grant with its own expiry;
-- an entry is one signed, immutable movement on one lot. A balance is the sum of its entries, kept
-- beside them in the same commit.

create table accounts (
    tenant_id bigint not null,
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint not null check (balance_minor between 0 and 1000000000000),
    -- What the member owes: used, and no longer earned. It belongs to no lot.
    debt_minor bigint not null default 0 check (debt_minor between 0 and 1000000000000),
    primary key (tenant_id, member_id, currency),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
) with (fillfactor = 70);

-- One row for each command on one member's credit: its key makes it happen once, and the same key with
-- anything else is refused. Movements of batches have their run instead.
create table operations (
    tenant_id bigint not null,
    key text not null check (key <> ''),
    kind text not null check (kind in ('spend', 'spend_revert', 'adjust', 'settle', 'merge')),
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- What was asked for, in minor units; signed for an adjustment.
    amount_minor bigint not null,
    -- The operation that this one takes back.
    of_key text,
    reason text check (reason <> ''),
    -- Who asked: a person, a system, a run's task.
    actor text not null check (actor <> ''),
    run_id uuid,
    effective_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, key),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    foreign key (tenant_id, of_key) references operations (tenant_id, key),
    check ((of_key is not null) = (kind = 'spend_revert'))
);
create index operations_reverted on operations (tenant_id, of_key) where of_key is not null;
create index operations_of_member on operations (tenant_id, member_id, recorded_at);

create table lots (
    tenant_id bigint not null,
    id uuid not null,
    member_id uuid not null,
    currency text not null,
    -- Paid value (trade-in, refund to credit) is kept apart from promotional value.
    value_class text not null check (value_class in ('promotional', 'paid')),
    reason text not null check (reason in ('monthly', 'granted', 'cashback', 'reinstated', 'adjusted',
        'transferred')),
    -- With the reason it says why this grant exists: for monthly credits the period, for granted ones
    -- the key of their run, for cashback the order, for transferred ones the lot that it came from, for the
    -- others the operation.
    source_key text not null check (source_key <> ''),
    granted_minor bigint not null check (granted_minor > 0),
    remaining_minor bigint not null check (remaining_minor between 0 and granted_minor),
    -- Authorised for a checkout and not captured yet: of what is left.
    held_minor bigint not null default 0 check (held_minor between 0 and remaining_minor),
    -- From when it can be spent; null while that is not known.
    available_at timestamptz,
    -- The end that its member is told, and the end with the days of grace. Decided once.
    expires_at timestamptz,
    ends_at timestamptz,
    anchor_on date,
    created_at timestamptz not null default now(),
    run_id uuid,
    -- Why, in words for people, where the reason does not say it.
    note text check (note <> ''),
    check (reason <> 'granted' or note is not null),
    check ((expires_at is null) = (ends_at is null) and ends_at >= expires_at),
    check (expires_at > available_at),
    check (available_at is null or anchor_on is not null),
    -- Entries refer to these four, so that an entry can't differ from its lot in member or currency.
    primary key (tenant_id, id, member_id, currency),
    -- One grant for each reason, ever. The tier is not in the key, or an upgrade would pay twice.
    unique (tenant_id, member_id, reason, source_key),
    foreign key (tenant_id, member_id, currency) references accounts (tenant_id, member_id, currency)
);
-- A credit that is granted by itself is named by its key alone, for all members of the tenant.
create unique index lots_granted on lots (tenant_id, source_key) where reason = 'granted';
-- What has ended, or is about to.
create index lots_ending on lots (tenant_id, ends_at, member_id) where remaining_minor > 0 and ends_at is not null;

create table ledger_entries (
    tenant_id bigint not null,
    id uuid not null,
    lot_id uuid not null,
    member_id uuid not null,
    currency text not null,
    kind text not null check (kind in ('grant', 'spend', 'spend_revert', 'expire', 'clawback', 'adjust',
        'transfer_out', 'transfer_in', 'debt_recover')),
    amount_minor bigint not null check (amount_minor <> 0),
    -- Names the movement within its lot; with the lot's own key it makes every movement unique.
    key text not null check (key <> ''),
    -- When it took effect, and when it was booked: by the clock then, since a transaction may have waited.
    effective_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    run_id uuid,
    operation text,
    primary key (tenant_id, id),
    unique (tenant_id, lot_id, key),
    foreign key (tenant_id, lot_id, member_id, currency)
        references lots (tenant_id, id, member_id, currency),
    foreign key (tenant_id, operation) references operations (tenant_id, key),
    check (run_id is not null or operation is not null),
    check (case
        when kind in ('grant', 'spend_revert', 'transfer_in') then amount_minor > 0
        when kind = 'adjust' then true
        else amount_minor < 0 end)
);
-- A member's entries are found through the member's lots: an index of their own would cost each grant a
-- write to a random page.
create index ledger_entries_of_operation on ledger_entries (tenant_id, operation) where operation is not null;

-- What members owe, as movements: opened by a claw-back of what was used, recovered from later
-- promotional lots, or written off.
create table debt_entries (
    tenant_id bigint not null,
    id uuid not null,
    member_id uuid not null,
    currency text not null,
    kind text not null check (kind in ('debt_open', 'debt_recover', 'debt_write_off', 'debt_transfer_out',
        'debt_transfer_in')),
    amount_minor bigint not null check (amount_minor <> 0),
    key text not null check (key <> ''),
    effective_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    run_id uuid,
    operation text,
    primary key (tenant_id, id),
    unique (tenant_id, member_id, currency, key),
    foreign key (tenant_id, member_id, currency) references accounts (tenant_id, member_id, currency),
    foreign key (tenant_id, operation) references operations (tenant_id, key),
    check (run_id is not null or operation is not null),
    check ((kind in ('debt_open', 'debt_transfer_in')) = (amount_minor > 0))
);

-- Append-only, for everybody: a wrong entry is answered by another entry.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: write a compensating entry instead', tg_table_name;
end
$$;
create trigger ledger_entries_append_only before update or delete or truncate on ledger_entries
    for each statement execute function refuse_change();
create trigger debt_entries_append_only before update or delete or truncate on debt_entries
    for each statement execute function refuse_change();
create trigger operations_append_only before update or delete or truncate on operations
    for each statement execute function refuse_change();

create table member_failures (
    tenant_id bigint not null,
    run_id uuid not null,
    member_id uuid not null,
    code text not null,
    reason text not null,
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, run_id, member_id),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['accounts', 'operations', 'lots', 'ledger_entries', 'debt_entries', 'member_failures'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on accounts, lots to tradeup_app;
grant select, insert on operations, ledger_entries, debt_entries, member_failures to tradeup_app;
