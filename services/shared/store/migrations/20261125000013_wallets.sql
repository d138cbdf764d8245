-- Wallets at Shopify: a copy of members' credit in the shop's own store credit accounts (decision 0011).

-- Who decides what of a member's credit can be spent. `none`: our ledger, and Shopify knows nothing of it.
-- `ledger`: our ledger; Shopify shows a copy, without ends, as it is told each movement. `shopify`: Shopify,
-- which ends credit by itself and takes it at its own check-out; our ledger follows what it books.
alter table tenants add column wallet text not null default 'none' check (wallet in ('none', 'ledger', 'shopify'));

-- What has happened at the shop already is not told to it.
alter table operations add column at_shop boolean not null default false;

-- A tenant's shop at Shopify, and its tokens: sealed with a key that is not in the database.
create table shops (
    tenant_id bigint primary key references tenants (id),
    domain text not null unique check (domain ~ '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'),
    -- Its identity: a domain can change.
    shop_gid text not null check (shop_gid <> ''),
    state text not null default 'connected' check (state in ('connected', 'disconnected')),
    -- Why it is disconnected.
    error_code text,
    error text,
    access_key_id text not null,
    access_token bytea not null,
    access_expires_at timestamptz,
    refresh_key_id text,
    refresh_token bytea,
    refresh_expires_at timestamptz,
    -- Counts the pairs: whoever renews names the one it has seen.
    generation integer not null default 1,
    -- One renews at a time.
    renewing_until timestamptz,
    -- The run that pushes: one at a time.
    pushing_run_id uuid,
    connected_at timestamptz not null default now(),
    check ((refresh_key_id is null) = (refresh_token is null)),
    check ((state = 'disconnected') = (error_code is not null))
);

-- What is known of a member's account at the shop.
create table shop_accounts (
    tenant_id bigint not null,
    member_id uuid not null,
    currency text not null,
    account_gid text not null check (account_gid <> ''),
    -- The newest of our own bookings there.
    newest_gid text,
    -- The newest booking of anybody that the ledger has followed.
    followed_gid text,
    followed_at timestamptz,
    primary key (tenant_id, member_id, currency),
    foreign key (tenant_id, member_id) references members (tenant_id, id)
);

-- What the shop is to be told: one for each entry, by the entry's id.
create table pushes (
    tenant_id bigint not null,
    id uuid not null,
    -- The order in which an account's movements are told.
    seq bigint generated always as identity,
    kind text not null check (kind in ('entry', 'opening', 'repair')),
    lot_id uuid,
    member_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Signed, in minor units.
    amount_minor bigint not null check (amount_minor <> 0),
    -- pending: not told yet. sending: the shop may hear of it at this moment. unknown: nobody knows whether it
    -- has. sent, failed: told, and taken or refused. folded: told as a part of another. void: there was
    -- nothing to tell any more.
    state text not null default 'pending'
        check (state in ('pending', 'sending', 'unknown', 'sent', 'failed', 'folded', 'void')),
    -- pending: from when it can be told; null while that is not known. unknown: when to look for it; null if a
    -- person has to decide.
    due_at timestamptz,
    folded_into uuid,
    -- Who told the shop last, what, and with which end: by its own second a credit is found again.
    run_id uuid,
    attempt integer,
    sends integer not null default 0,
    sent_at timestamptz,
    -- What it is told, those folded into it counted in; and what it booked in the end: less, when a debit found
    -- less.
    net_minor bigint,
    sent_minor bigint,
    expires_at timestamptz,
    -- How often its outcome was looked for in vain, and since when.
    looks integer not null default 0,
    looked_at timestamptz,
    -- What came of it.
    transaction_gid text,
    ended_at timestamptz,
    error_code text,
    error text,
    resolved_by text,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((kind = 'repair') = (lot_id is null)),
    check ((ended_at is not null) = (state in ('sent', 'failed', 'folded', 'void'))),
    check ((folded_into is not null) = (state = 'folded')),
    check (state <> 'sent' or (transaction_gid is not null and sent_minor is not null)),
    check (state not in ('sending', 'unknown') or (run_id is not null and sent_at is not null and net_minor <> 0))
) with (fillfactor = 80);
-- One at a time for each account, whoever sends: without a mark of its own a lost booking is known by being the
-- only one that can be it.
create unique index pushes_under_way on pushes (tenant_id, member_id, currency)
    where state in ('sending', 'unknown');
create index pushes_due on pushes (tenant_id, due_at, seq) where state in ('pending', 'unknown');
create index pushes_of_account on pushes (tenant_id, member_id, currency, seq);
-- A booking of the shop's is one push's, and an account's credits are told apart by their ends.
create unique index pushes_transaction on pushes (tenant_id, transaction_gid) where transaction_gid is not null;
create unique index pushes_end on pushes (tenant_id, member_id, currency, expires_at) where expires_at is not null;
create unique index pushes_opening on pushes (tenant_id, lot_id) where kind = 'opening';
create index pushes_of_lot on pushes (tenant_id, lot_id) where state = 'pending';
create index pushes_of_run on pushes (tenant_id, run_id) where run_id is not null;
create index pushes_undone on pushes (tenant_id, state, seq) where state in ('failed', 'unknown', 'sending');

-- What the shop has booked by itself and the ledger follows: each once.
create table shop_bookings (
    tenant_id bigint not null,
    -- The booking's id at Shopify; for those that have none, what tells them apart.
    key text not null check (key <> ''),
    member_id uuid not null,
    currency text not null,
    kind text not null check (kind <> ''),
    event text not null check (event <> ''),
    amount_minor bigint not null,
    booked_at timestamptz not null,
    -- The operation that follows it; none of its own where it gives a use back.
    operation text,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, key),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    foreign key (tenant_id, operation) references operations (tenant_id, key)
);

-- Where ledger and shop differ, as last looked.
create table wallet_differences (
    tenant_id bigint not null,
    member_id uuid not null,
    currency text not null,
    -- What the ledger says can be spent at the shop, with what it has not been told of yet taken off; and what
    -- the shop says. In minor units.
    ledger_minor bigint not null,
    shop_minor bigint not null,
    cause text not null,
    run_id uuid not null,
    found_at timestamptz not null default now(),
    looked_at timestamptz not null default now(),
    -- What was done about it; a difference that is gone by itself has no row any more.
    repaired_by text,
    repaired_at timestamptz,
    repair text check (repair in ('told_shop', 'booked')),
    primary key (tenant_id, member_id, currency),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check (ledger_minor <> shop_minor),
    check ((repaired_by is null) = (repaired_at is null) and (repaired_by is null) = (repair is null))
);

-- A tenant has something to tell: the scheduler turns it into a run. The engine's own; only appended to, so
-- that nobody waits for anybody.
create table push_wakes (
    id bigint generated always as identity primary key,
    tenant_id bigint not null references tenants (id),
    due_at timestamptz not null default now()
);
create index push_wakes_due on push_wakes (due_at);

-- Whatever books entries, the shop is told of each.
create function push_entries() returns trigger language plpgsql as $$
declare
    wallet_of text;
begin
    select wallet into wallet_of from tenants where id = app_tenant_id();
    if wallet_of is null or wallet_of = 'none' then
        return null;
    end if;
    with pushed as (
        insert into pushes (tenant_id, id, kind, lot_id, member_id, currency, amount_minor, due_at)
        select e.tenant_id, e.id, 'entry', e.lot_id, e.member_id, e.currency, e.amount_minor,
            case when l.available_at is not null then greatest(l.available_at, clock_timestamp()) end
        from entered e
        join lots l on l.tenant_id = e.tenant_id and l.id = e.lot_id and l.member_id = e.member_id
            and l.currency = e.currency
        left join operations o on o.tenant_id = e.tenant_id and o.key = e.operation
        where not coalesce(o.at_shop, false)
            -- There it ends by itself.
            and not (wallet_of = 'shopify' and e.kind = 'expire')
        order by e.id
        returning tenant_id, due_at
    )
    insert into push_wakes (tenant_id, due_at)
    select distinct tenant_id, due_at from pushed where due_at is not null;
    return null;
end
$$;
create trigger ledger_entries_pushed after insert on ledger_entries
    referencing new table as entered for each statement execute function push_entries();

-- What was pending can be told once it is known when it can be spent.
create function push_released() returns trigger language plpgsql as $$
begin
    update pushes set due_at = new.available_at
    where tenant_id = new.tenant_id and lot_id = new.id and state = 'pending';
    if found and new.available_at is not null then
        insert into push_wakes (tenant_id, due_at) values (new.tenant_id, new.available_at);
    end if;
    return null;
end
$$;
create trigger lots_released after update of available_at on lots
    for each row when (old.available_at is distinct from new.available_at) execute function push_released();

do $$
declare
    name text;
begin
    foreach name in array array['shops', 'shop_accounts', 'pushes', 'shop_bookings', 'wallet_differences'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on shops, shop_accounts, pushes to tradeup_app;
grant select, insert, update, delete on wallet_differences to tradeup_app;
grant select, insert on shop_bookings to tradeup_app;
grant select, insert, update, delete on push_wakes to tradeup_app;
