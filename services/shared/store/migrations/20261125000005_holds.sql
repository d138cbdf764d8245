-- What holds runs back before they are claimed. A row is about the runs that match all of its columns
-- which are not null; a dependency is what tasks say they need: ledger, shopify, mail, anthropic.

-- Placed by people.
create table pauses (
    id uuid primary key,
    tenant_id bigint references tenants (id),
    task text,
    dependency text,
    reason text not null check (reason <> ''),
    placed_by text not null,
    placed_at timestamptz not null default now(),
    -- Ends by itself then; null: when somebody lifts it.
    until timestamptz,
    unique nulls not distinct (tenant_id, task, dependency)
);

-- Tripped by failures in a row; while one is open nobody is sent against what is down, but for one
-- run at a time that tries whether it is back.
create table breakers (
    dependency text not null,
    -- Null for what all tenants share.
    tenant_id bigint references tenants (id),
    failures integer not null check (failures >= 0),
    -- Null while it is closed. After that instant a run may try.
    open_until timestamptz,
    -- How often in a row, and when last.
    opened integer not null default 0,
    opened_at timestamptz,
    trial_until timestamptz,
    error_code text not null,
    error text not null,
    failed_at timestamptz not null default now(),
    unique nulls not distinct (dependency, tenant_id)
);

-- At most so many runs of a task at once, or begun in a minute, for one tenant or for each.
create table limits (
    tenant_id bigint references tenants (id),
    task text not null,
    running_max integer check (running_max > 0),
    per_minute integer check (per_minute > 0),
    set_by text not null,
    set_at timestamptz not null default now(),
    unique nulls not distinct (task, tenant_id),
    check (running_max is not null or per_minute is not null)
);

-- What a tenant has used of its limits: a bucket of tokens, and who runs.
create table limit_usage (
    tenant_id bigint not null references tenants (id),
    task text not null,
    tokens double precision not null,
    refilled_at timestamptz not null,
    primary key (tenant_id, task)
);
create table limit_slots (
    run_id uuid primary key,
    tenant_id bigint not null,
    task text not null,
    attempt integer not null
);
create index limit_slots_of on limit_slots (tenant_id, task);

grant select, insert, update, delete on pauses, breakers, limits, limit_usage, limit_slots to tradeup_app;
