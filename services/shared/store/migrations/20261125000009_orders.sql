-- Orders and what was refunded of them: facts, stored in whatever order they arrive. What an order earns
-- is settled from all that is known of it.

create table orders (
    tenant_id bigint not null references tenants (id),
    -- The shop system's id of the order, as text; without a colon, since keys are made of it.
    external_id text not null check (external_id <> '' and external_id !~ ':'),
    -- Everything about the order itself is null while only something that follows from it is known.
    -- The customer id of the order; null for a guest.
    member_external_id text,
    currency text check (currency ~ '^[A-Z]{3}$'),
    -- What of it earns, in minor units.
    base_minor bigint check (base_minor >= 0),
    paid_at timestamptz,
    -- Which version of the order that is, by the shop system's clock: an older one is not taken.
    version_at timestamptz,
    -- Whether its cashback waits for the fulfilment.
    needs_fulfilment boolean not null default false,
    fulfilled_at timestamptz,
    cancelled_at timestamptz,
    disputed_at timestamptz,
    dispute_won_at timestamptz,
    test boolean not null default false,
    -- Frozen when the order is settled for the first time: a later rule changes nothing.
    member_id uuid,
    tier_id integer,
    rate_bps integer check (rate_bps between 0 and 10000),
    -- What has been posted for it, in minor units: what it earns by what was known then.
    posted_minor bigint not null default 0 check (posted_minor >= 0),
    -- What claw-backs have given up, since it ended before its member had the use of it.
    forgone_minor bigint not null default 0 check (forgone_minor >= 0),
    -- Lots that it has earned.
    lots integer not null default 0 check (lots >= 0),
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, external_id),
    foreign key (tenant_id, member_id) references members (tenant_id, id),
    check ((version_at is null) = (base_minor is null) and (base_minor is null) = (paid_at is null)
        and (base_minor is null) = (currency is null)),
    check ((rate_bps is null) = (member_id is null)),
    check (rate_bps is null or base_minor is not null),
    check (rate_bps is not null or posted_minor = 0)
) with (fillfactor = 80);
create index orders_of_customer on orders (tenant_id, member_external_id) where member_external_id is not null;

create table order_refunds (
    tenant_id bigint not null references tenants (id),
    order_external_id text not null,
    -- The shop system's id of the refund, as text: a refund counts once.
    external_id text not null check (external_id <> ''),
    -- What of the refunded lines had earned, in minor units.
    eligible_minor bigint not null check (eligible_minor >= 0),
    refunded_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, order_external_id, external_id),
    foreign key (tenant_id, order_external_id) references orders (tenant_id, external_id)
);

-- What was posted for an order, each time that something about it changed.
create table order_settlements (
    tenant_id bigint not null,
    order_external_id text not null,
    seq integer not null check (seq > 0),
    operation text not null,
    -- Which of the order's lots it has begun, if it has.
    lot integer check (lot > 0),
    -- What it should have earned by then, and what was posted before.
    target_minor bigint not null check (target_minor >= 0),
    posted_before_minor bigint not null check (posted_before_minor >= 0),
    -- What came of the difference: exactly one of these when it is above 0, the other three when below.
    granted_minor bigint not null default 0 check (granted_minor >= 0),
    clawed_minor bigint not null default 0 check (clawed_minor >= 0),
    forgone_minor bigint not null default 0 check (forgone_minor >= 0),
    owed_minor bigint not null default 0 check (owed_minor >= 0),
    recorded_at timestamptz not null default now(),
    primary key (tenant_id, order_external_id, seq),
    foreign key (tenant_id, order_external_id) references orders (tenant_id, external_id),
    foreign key (tenant_id, operation) references operations (tenant_id, key),
    check ((lot is not null) = (granted_minor > 0)),
    check (granted_minor - clawed_minor - forgone_minor - owed_minor = target_minor - posted_before_minor)
);

create trigger order_settlements_append_only before update or delete or truncate on order_settlements
    for each statement execute function refuse_change();

do $$
declare
    name text;
begin
    foreach name in array array['orders', 'order_refunds', 'order_settlements'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I using (tenant_id = app_tenant_id())', name);
    end loop;
end
$$;
grant select, insert, update on orders to tradeup_app;
grant select, insert on order_refunds, order_settlements to tradeup_app;
