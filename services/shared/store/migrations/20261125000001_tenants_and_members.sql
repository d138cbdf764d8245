-- Tenants, their tiers with history, their members with history.
--
-- Conventions of this schema:
--   * every table that holds a tenant's data starts its primary key with tenant_id and has row
--     level security, forced: a session sees the rows of the tenant in app.tenant_id and no others;
--     with the setting unset it sees none. store::Tx is the one place that sets it.
--   * money is <noun>_minor (integer minor units) with its currency beside it.
--   * history is rows with [valid_from, valid_to): a rule is never edited, it is ended and
--     followed by another, so that a late run reads what was in force.

create function app_tenant_id() returns bigint
    language sql stable parallel safe
    return nullif(current_setting('app.tenant_id', true), '')::bigint;

create table tenants (
    id bigint generated always as identity primary key,
    handle text not null unique check (handle ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (name <> ''),
    zone text not null check (zone <> ''),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    credit_validity text not null check (credit_validity ~
        '^(P[0-9]+[MD]|P[0-9]+M/month-end|[0-9]{4}-[0-9]{2}-[0-9]{2}|never)$'),
    -- A lot can be spent for this many local days after the date that its member is told.
    grace_days smallint not null default 0 check (grace_days between 0 and 365),
    -- Cashback can be spent this many days after the order was fulfilled: its return window.
    pending_days smallint not null default 14 check (pending_days between 0 and 365),
    -- What becomes of cashback that was used before its order was refunded.
    shortfall text not null default 'debt' check (shortfall in ('debt', 'write_off')),
    -- Language of its mails, where a member has none; where answers go; where its credit is spent.
    locale text not null default 'en' check (locale ~ '^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$'),
    reply_to text check (reply_to <> ''),
    shop_url text check (shop_url <> ''),
    -- Whether its members are warned of credit that is about to end.
    warns boolean not null default true,
    state text not null default 'active' check (state in ('active', 'suspended', 'uninstalled')),
    created_at timestamptz not null default now()
);

create table tiers (
    tenant_id bigint not null references tenants (id),
    id integer generated always as identity,
    handle text not null check (handle ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    -- 1 is the highest tier.
    rank integer not null check (rank > 0),
    -- A customer with this tag belongs to the tier; the highest matching tier wins.
    tag text not null check (btrim(tag) <> '' and tag !~ ','),
    primary key (tenant_id, id),
    unique (tenant_id, handle),
    unique (tenant_id, rank)
);

create table tier_amounts (
    tenant_id bigint not null,
    tier_id integer not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- 0 is an amount: this tier gets no monthly credit. No row is an error.
    amount_minor bigint not null check (amount_minor between 0 and 1000000000000),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (tenant_id, tier_id, currency, valid_from),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id)
);
create unique index tier_amounts_in_force on tier_amounts (tenant_id, tier_id, currency)
    where valid_to is null;

-- What a tier's members get back of an order, in basis points.
create table tier_rates (
    tenant_id bigint not null,
    tier_id integer not null,
    rate_bps integer not null check (rate_bps between 0 and 10000),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (tenant_id, tier_id, valid_from),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id)
);
create unique index tier_rates_in_force on tier_rates (tenant_id, tier_id) where valid_to is null;

create table members (
    tenant_id bigint not null references tenants (id),
    id uuid not null,
    -- The Shopify customer id, as text.
    external_id text not null check (external_id <> ''),
    email text,
    first_name text,
    last_name text,
    phone text,
    -- Language of mails; null: the shop's.
    locale text check (locale ~ '^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$'),
    accepts_email_marketing boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The member that this one has become a part of: always one that is nobody's part. Whoever is asked for
    -- by this customer id is that one since.
    merged_into uuid,
    merged_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, external_id),
    foreign key (tenant_id, merged_into) references members (tenant_id, id),
    check (merged_into <> id),
    check ((merged_into is null) = (merged_at is null))
);
-- Few, and asked for with each batch.
create index members_merged on members (tenant_id, id) where merged_into is not null;
create index members_merged_into on members (tenant_id, merged_into) where merged_into is not null;

create table memberships (
    tenant_id bigint not null,
    member_id uuid not null,
    tier_id integer not null,
    status text not null check (status in ('active', 'paused', 'cancelled')),
    -- What decided it: only what an import decided may an import end.
    source text not null check (source in ('import', 'manual')),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    -- When we learnt of it: a run promises what was known when it was planned.
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, member_id, valid_from),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    foreign key (tenant_id, tier_id) references tiers (tenant_id, id)
);
-- At most one membership of a member is open; `tradeup verify` proves that no two overlap.
create unique index memberships_open on memberships (tenant_id, member_id) where valid_to is null;

do $$
declare
    name text;
begin
    foreach name in array array['tiers', 'tier_amounts', 'tier_rates', 'members', 'memberships'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
        execute format('grant select, insert, update on %I to tradeup_app', name);
    end loop;
end
$$;
grant select, insert, update on tenants to tradeup_app;
-- Services check at start that the schema is theirs.
grant select on _sqlx_migrations to tradeup_app;
