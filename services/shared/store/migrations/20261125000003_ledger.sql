-- Money. An account is a member's purse in one currency; a lot is one grant with its own expiry;
-- an entry is one signed, immutable movement on one lot. A balance is the sum of its entries, kept
-- beside them in the same commit.

create table accounts (
    tenant_id bigint not null,
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint not null check (balance_minor between 0 and 1000000000000),
    primary key (tenant_id, member_id, currency),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
) with (fillfactor = 70);

create table lots (
    tenant_id bigint not null,
    id uuid not null,
    member_id uuid not null,
    currency text not null,
    -- Paid value (trade-in, refund to credit) is kept apart from promotional value.
    value_class text not null check (value_class in ('promotional', 'paid')),
    reason text not null check (reason in ('monthly', 'granted')),
    -- With the reason it says why this grant exists: for monthly credits the period, for granted ones
    -- the key of their run.
    source_key text not null check (source_key <> ''),
    granted_minor bigint not null check (granted_minor > 0),
    remaining_minor bigint not null check (remaining_minor between 0 and granted_minor),
    available_at timestamptz not null,
    expires_at timestamptz check (expires_at > available_at),
    anchor_on date not null,
    run_id uuid not null,
    -- Why, in words for people, where the reason does not say it.
    note text check (note <> ''),
    check ((note is not null) = (reason = 'granted')),
    -- Entries refer to these four, so that an entry can't differ from its lot in member or currency.
    primary key (tenant_id, id, member_id, currency),
    -- One grant for each reason, ever. The tier is not in the key, or an upgrade would pay twice.
    unique (tenant_id, member_id, reason, source_key),
    foreign key (tenant_id, member_id, currency) references accounts (tenant_id, member_id, currency)
);
-- A credit that is granted by itself is named by its key alone, for all members of the tenant.
create unique index lots_granted on lots (tenant_id, source_key) where reason = 'granted';

create table ledger_entries (
    tenant_id bigint not null,
    id uuid not null,
    lot_id uuid not null,
    member_id uuid not null,
    currency text not null,
    kind text not null check (kind in ('grant')),
    amount_minor bigint not null check (amount_minor <> 0),
    -- Names the movement within its lot; with the lot's own key it makes every movement unique.
    key text not null check (key <> ''),
    effective_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    run_id uuid not null,
    primary key (tenant_id, id),
    unique (tenant_id, lot_id, key),
    foreign key (tenant_id, lot_id, member_id, currency)
        references lots (tenant_id, id, member_id, currency),
    check (kind <> 'grant' or amount_minor > 0)
);

-- Append-only, for everybody: a wrong entry is answered by another entry.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: write a compensating entry instead', tg_table_name;
end
$$;
create trigger ledger_entries_append_only before update or delete or truncate on ledger_entries
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
    foreach name in array array['accounts', 'lots', 'ledger_entries', 'member_failures'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on accounts, lots to tradeup_app;
grant select, insert on ledger_entries, member_failures to tradeup_app;
